//! Tests of the endpoint inside axum's routers.

use tower::ServiceExt;

use super::RevalidateService;
use super::tests::{Recorder, endpoint, post};
use crate::auth::{AuthRequest, Authenticate, Verdict};

#[tokio::test]
async fn it_mounts_in_an_axum_router() {
    let engine = Recorder::new();
    let nested = axum::Router::<()>::new().route_service("/revalidate", endpoint(&engine));
    let app = axum::Router::new().nest("/api", nested);

    let response = app
        .oneshot(post(r#"{"path": "/"}"#).map(axum::body::Body::new))
        .await
        .unwrap();

    assert_eq!(response.status(), 200);
}

/// Accepts requests for the public path, before routers stripped its prefix.
struct ToThisPath;

impl Authenticate for ToThisPath {
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        match request.uri().path() {
            "/api/revalidate" => Verdict::accepted(),
            _ => Verdict::rejected(),
        }
    }
}

#[tokio::test]
async fn an_authenticator_sees_the_path_as_the_client_sent_it_not_what_a_nest_left_of_it() {
    let service = RevalidateService::with_engine(Recorder::new(), ToThisPath.into());
    let app = axum::Router::<()>::new().nest(
        "/api",
        axum::Router::new().route_service("/revalidate", service),
    );

    let response = app
        .oneshot(post(r#"{"path": "/"}"#).map(axum::body::Body::new))
        .await
        .unwrap();

    assert_eq!(response.status(), 200);
}
