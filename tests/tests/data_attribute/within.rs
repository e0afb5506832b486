//! The scope of a cache that is entered inside of other work.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get as route;
use http::header::COOKIE;
use isr_layer::{
    Cache, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge, Wrapped, static_data,
};
use isr_tests::{ask, get};

use crate::source::{Db, Down, Post};

#[static_data(name = "within.post", tags = ["within"], skip = [db])]
async fn post(db: &Db, slug: &str) -> Result<Option<Post>, Down> {
    db.post(slug).await
}

#[derive(Clone)]
struct App {
    cache: Cache,
    db: Db,
}

/// A page that reads its value in the scope of a cache.
async fn show(State(app): State<App>, Path(slug): Path<String>) -> Result<String, String> {
    let read = app.cache.scope(async { post(&app.db, &slug).await });
    let post = read.await.map_err(|_| "down")?;
    Ok(post.ok_or("no post")?.title)
}

/// A page that leaves the reading to a task of its own.
async fn spawn(State(app): State<App>, Path(slug): Path<String>) -> Result<String, String> {
    let cache = app.cache.clone();
    let read = cache.scope(async move { post(&app.db, &slug).await });
    let post = tokio::spawn(read).await.expect("it reads");
    Ok(post.map_err(|_| "down")?.ok_or("no post")?.title)
}

fn layer(set: impl FnOnce(IsrLayerBuilder) -> IsrLayerBuilder) -> IsrLayer {
    let pages = ["/show/{slug}", "/spawn/{slug}"];
    let pages = pages.map(|path| Page::new(path).with_policy(Policy::new()));
    let builder = IsrLayer::builder().without_registered().pages(pages);
    set(builder).build().expect("the settings are good")
}

/// The application behind `isr`, which reads by the cache of `read_by`.
fn site(isr: &IsrLayer, read_by: &IsrLayer) -> (Wrapped<Router>, Db) {
    let db = Db::new();
    let app = App {
        cache: read_by.cache(),
        db: db.clone(),
    };
    let routes = Router::new()
        .route("/show/{slug}", route(show))
        .route("/spawn/{slug}", route(spawn));
    (isr.wrap(routes.with_state(app)), db)
}

#[tokio::test(start_paused = true)]
async fn a_page_that_enters_the_scope_of_its_own_cache_is_reached_by_purges_of_its_values() {
    let isr = layer(|builder| builder);
    let (app, db) = site(&isr, &isr);
    assert_eq!(ask(&app, get::<Body>("/show/a")).await.text(), "first");
    db.publish("a", "second");

    let purge = Purge::tag("within").mode(Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());

    let page = ask(&app, get::<Body>("/show/a")).await;
    assert_eq!(page.text(), "second", "{}", page.cache_status());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_enters_the_scope_of_another_layers_cache_is_not_kept() {
    let (isr, other) = (layer(|builder| builder), layer(|builder| builder));
    let (app, _) = site(&isr, &other);

    let page = ask(&app, get::<Body>("/show/a")).await;

    assert_eq!(page.text(), "first");
    assert_eq!(page.cache_status(), "isr; fwd=uri-miss; detail=other-layer");
    assert_eq!(isr.cache().metrics().entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_enters_the_scope_of_a_cache_stays_a_draft() {
    let secret = "a-secret-that-is-long-enough-for-drafts";
    let isr = layer(|builder| builder.draft(secret));
    let (app, db) = site(&isr, &isr);
    assert_eq!(ask(&app, get::<Body>("/show/a")).await.text(), "first");
    db.publish("a", "second");

    let service = isr.draft_service().unwrap();
    let turn_on = get::<Body>(&format!("/?secret={secret}&path=/show/a"));
    let on = ask(&service, turn_on).await;
    let cookie = on.header("set-cookie").split(';').next().unwrap().parse();
    let mut request = get::<Body>("/show/a");
    request.headers_mut().insert(COOKIE, cookie.unwrap());
    let draft = ask(&app, request).await;

    assert_eq!(draft.text(), "second");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_the_scope_of_a_cache_along_does_not_count_for_its_page() {
    let isr = layer(|builder| builder);
    let (app, db) = site(&isr, &isr);
    assert_eq!(ask(&app, get::<Body>("/spawn/a")).await.text(), "first");
    db.publish("a", "second");

    let purge = Purge::tag("within").mode(Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());

    assert_eq!(ask(&app, get::<Body>("/spawn/a")).await.text(), "first");
    assert_eq!(db.loads(), 1);
}
