//! Tests that behind a router nothing is stored until the builder says which extensions of a
//! request its render may see: one user's page must not go to everybody.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, NestedPath, OriginalUri, Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get as route;
use axum::{Extension, Router};
use isr_layer::{ErrorKind, IsrLayer, Page};
use isr_tests::{Answer, ask, get, request};
use tower::{Layer, Service};

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

const DASH: Page = Page::new("/dash");

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

#[tokio::test]
async fn the_response_says_why_it_is_not_stored() {
    for (place, app) in applications(&isr([DASH])) {
        let answer = ask_as(&app, "anna").await;

        assert_eq!(
            answer.cache_status(),
            "isr; fwd=bypass; detail=behind-router",
            "{place}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{place}");
    }
}

/// A database that all requests share, and that a page's function takes from an extension.
#[derive(Clone)]
struct Db(&'static str);

/// Gives all that a handler can learn of its request.
async fn whole(
    Path(params): Path<Vec<(String, String)>>,
    pattern: MatchedPath,
    original: OriginalUri,
    request: Request,
) -> String {
    let extensions = request.extensions();
    let db = extensions.get::<Db>().map_or("none", |db| db.0);
    let user = extensions
        .get::<CurrentUser>()
        .map_or("nobody", |user| &user.0);
    let address = extensions.get::<ConnectInfo<SocketAddr>>();
    let pattern = pattern.as_str();
    format!(
        "{params:?} {pattern} {} {db} {user} {}",
        original.0,
        address.is_some()
    )
}

/// Puts the route of `whole` at `/shop/{language}/items/{id}`, in routers that are nested or not.
fn shops(isr: &IsrLayer) -> [(&'static str, Router); 3] {
    let item = || {
        Router::new()
            .route("/items/{id}", route(whole))
            .layer(isr.clone())
    };
    let flat = Router::new().route("/shop/{language}/items/{id}", route(whole));
    let twice = Router::new().nest("/shop", Router::new().nest("/{language}", item()));
    [
        ("flat", flat.layer(isr.clone())),
        ("nested", Router::new().nest("/shop/{language}", item())),
        ("nested twice", twice),
    ]
}

#[tokio::test]
async fn a_kept_extension_and_the_parameters_of_the_path_are_all_that_a_render_sees() {
    for at in 0..3 {
        let isr = IsrLayer::builder()
            .without_registered()
            .pages([Page::new("/shop/{language}/items/{id}")])
            .keep_extension::<Db>()
            .build()
            .expect("one page");
        let (place, app) = shops(&isr).into_iter().nth(at).expect("one of three");
        let app = app
            .layer(Extension(Db("the database")))
            .layer(from_fn(authenticate));
        let ask_as = async |user| {
            let path = "/shop/de/items/a%2Fb?tracking=1";
            let mut request = request::<Body>(http::Method::GET, path, &[("cookie", user)]);
            let address = ConnectInfo(SocketAddr::from(([1, 2, 3, 4], 5)));
            request.extensions_mut().insert(address);
            ask(&app, request).await
        };

        let rendered = ask_as("anna").await;
        let hit = ask_as("bert").await;

        let expected = "[(\"language\", \"de\"), (\"id\", \"a/b\")] /shop/{language}/items/{id} \
                        /shop/de/items/a%2Fb the database nobody false";
        assert_eq!(rendered.text(), expected, "{place}");
        assert_eq!(
            (hit.text(), hit.cache_status()),
            (expected, "isr; hit"),
            "{place}"
        );
    }
}

#[tokio::test]
async fn a_wildcard_and_a_nested_service_have_their_parameters_too() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([
            Page::new("/files/{*rest}"),
            Page::new("/blog/{language}/{slug}"),
        ])
        .keep_extension::<Db>()
        .build()
        .expect("two pages");
    let files = async |Path(rest): Path<String>| rest;
    let posts = async |Path(language): Path<String>, nested: NestedPath| {
        format!("{language} {}", nested.as_str())
    };
    let blog = isr.layer(Router::new().fallback(posts));
    let app = Router::new()
        .route("/files/{*rest}", route(files))
        .layer(isr.clone())
        .nest_service("/blog/{language}", blog);

    for (path, text) in [
        ("/files/a/b.css", "a/b.css"),
        ("/blog/de/a", "de /blog/{language}"),
    ] {
        ask(&app, get::<Body>(path)).await;
        let hit = ask(&app, get::<Body>(path)).await;

        assert_eq!((hit.text(), hit.cache_status()), (text, "isr; hit"));
    }
}

#[tokio::test]
async fn rules_for_extensions_that_contradict_each_other_are_an_error() {
    let builder = || IsrLayer::builder().without_registered();
    for (builder, words) in [
        (
            builder().keep_extension::<Db>().trust_extensions(),
            "`keep_extension` beside",
        ),
        (builder().drop_extension::<Db>(), "`drop_extension` without"),
        (
            builder().keep_extension::<Db>().drop_extension::<Db>(),
            "`drop_extension` without",
        ),
    ] {
        let error = builder.build().expect_err(words);

        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(words), "{error}");
    }
}
