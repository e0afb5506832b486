//! The endpoint inside axum's routers.

use tower::ServiceExt;

use super::tests::{Recorder, endpoint, post};

#[tokio::test]
async fn it_mounts_in_an_axum_router() {
    let engine = Recorder::new();
    let nested = axum::Router::<()>::new().route_service("/revalidate", endpoint(&engine));
    let app = axum::Router::new().nest("/api", nested);

    let response = app.oneshot(post(r#"{"path": "/"}"#).map(axum::body::Body::new)).await.unwrap();

    assert_eq!(response.status(), 200);
}
