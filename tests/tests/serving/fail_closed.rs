//! Tests that behind a router nothing is stored until the builder says which extensions of a
//! request its render may see: one user's page must not go to everybody.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get as route;
use isr_layer::IsrLayer;
use isr_tests::{Answer, ask, request};
use tower::Service;

use crate::isr;

/// The user of a request, as a middleware in front of the routes finds out.
#[derive(Clone)]
struct CurrentUser(String);

async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(cookie) = request.headers().get("cookie") {
        let user = cookie.to_str().unwrap_or_default().to_owned();
        request.extensions_mut().insert(CurrentUser(user));
    }
    next.run(request).await
}

/// Greets the user of the request, whose extension it has read by a helper that no check can see.
async fn dash(State(()): State<()>, request: Request) -> String {
    match request.extensions().get::<CurrentUser>() {
        Some(CurrentUser(user)) => format!("the orders of {user}"),
        None => "nobody is logged in".to_owned(),
    }
}

const DASH: isr_layer::Page = isr_layer::Page::new("/dash");

fn applications(isr: &IsrLayer) -> [(&'static str, Router); 4] {
    let routes = || Router::new().route("/dash", route(dash)).with_state(());
    let guarded = |routes: Router| routes.layer(from_fn(authenticate));
    let inner = || {
        Router::new()
            .route("/", route(dash))
            .with_state(())
            .layer(isr.clone())
    };
    [
        ("Router::layer", guarded(routes().layer(isr.clone()))),
        ("route_layer", guarded(routes().route_layer(isr.clone()))),
        ("MethodRouter::layer", {
            let dash = route(dash).layer(isr.clone());
            guarded(Router::new().route("/dash", dash).with_state(()))
        }),
        ("nested", guarded(Router::new().nest("/dash", inner()))),
    ]
}

async fn ask_as<S>(app: &S, user: &str) -> Answer
where
    S: Service<Request, Response = Response, Error = std::convert::Infallible> + Clone,
{
    let request = request::<Body>(http::Method::GET, "/dash", &[("cookie", user)]);
    ask(app, request).await
}

#[tokio::test]
async fn behind_a_router_each_user_gets_their_own_page_until_the_builder_trusts_extensions() {
    let isr = isr([DASH]);
    for (place, app) in applications(&isr) {
        for user in ["anna", "bert", "anna"] {
            let answer = ask_as(&app, user).await;

            assert_eq!(answer.text(), format!("the orders of {user}"), "{place}");
        }
    }
    assert_eq!(isr.cache().metrics().entries(), 0);
}
