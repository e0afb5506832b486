//! Tests that an application is freed when it is dropped: no entry, refresh, endpoint or state
//! keeps it alive.

use axum::body::Body;
use axum::extract::State;
use axum::routing::get as route;
use axum::{Extension, Router};
use isr_layer::auth::Bearer;
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{Site, ask, get, settle};

use crate::{pass, secs};

const POST: Page = Page::new("/posts/{slug}").with_policy(Policy::new().revalidate(secs(10)));
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// State of a typical application: its database, and the cache that it purges.
#[derive(Clone)]
struct App {
    site: Site,
    cache: Cache,
}

async fn post(State(app): State<App>) -> String {
    let _ = app.cache.metrics();
    ask(&app.site, get::<crate::Plain>("/db"))
        .await
        .text()
        .to_owned()
}

fn router(site: &Site, isr: &IsrLayer) -> Router {
    let endpoint = isr.revalidate_service(Bearer::new(SECRET).expect("the secret is long enough"));
    let app = App {
        site: site.clone(),
        cache: isr.cache(),
    };
    Router::new()
        .route("/posts/{slug}", route(post))
        .route_service("/api/revalidate", endpoint)
        .with_state(app)
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_application_is_freed_when_it_is_dropped() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let service = isr.wrap(router(&site, &isr));
    assert!(site.holders() > 1);

    drop(service);

    assert_eq!(site.holders(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_application_with_entries_and_refreshes_behind_it_is_freed() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let service = isr.wrap(router(&site, &isr));
    for path in ["/posts/a", "/posts/b"] {
        ask(&service, get::<Body>(path)).await;
    }
    pass(10).await;
    ask(&service, get::<Body>("/posts/a")).await;
    let _ = isr.cache().revalidate(Purge::path("/posts/b")).await;
    isr.cache().drained().await;

    drop(service);

    assert_eq!(isr.cache().metrics().entries(), 2);
    assert_eq!(site.holders(), 1);
    assert_eq!(isr.cache().metrics().tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_application_behind_a_router_layer_is_freed_with_entries() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let app = router(&site, &isr).layer(isr.clone());
    ask(&app, get::<Body>("/posts/a")).await;
    pass(10).await;
    ask(&app, get::<Body>("/posts/a")).await;
    isr.cache().drained().await;

    drop(app);

    assert_eq!(site.holders(), 1);
    assert_eq!(isr.cache().metrics().tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_travels_in_the_extensions_of_a_router_layer_is_freed() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let state = App {
        site: site.clone(),
        cache: isr.cache(),
    };
    let app = router(&site, &isr)
        .layer(isr.clone())
        .layer(Extension(state));
    ask(&app, get::<Body>("/posts/a")).await;

    drop(app);
    drop(isr);

    assert_eq!(
        site.holders(),
        1,
        "an entry holds the extensions, one of them the state, and that the cache"
    );
}

#[tokio::test(start_paused = true)]
async fn a_render_in_progress_holds_the_application_until_it_ends_and_no_longer() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let service = isr.wrap(router(&site, &isr));
    site.before().close();
    let client = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, get::<Body>("/posts/a")).await }
    });
    site.before().reached(1).await;

    client.abort();
    drop(service);
    settle().await;
    assert!(site.holders() > 1, "the render goes on");
    site.before().open();
    isr.cache().drained().await;

    assert_eq!(site.holders(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_background_task_outlives_an_application_by_more_than_its_time_limit() {
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([POST])
        .background_renders(1)
        .build()
        .unwrap();
    let service = isr.wrap(router(&site, &isr));
    for path in ["/posts/a", "/posts/b", "/posts/c"] {
        ask(&service, get::<Body>(path)).await;
    }
    pass(10).await;
    site.before().close();
    for path in ["/posts/a", "/posts/b", "/posts/c"] {
        ask(&service, get::<Body>(path)).await;
    }
    settle().await;
    let cache = isr.cache();
    assert_eq!(cache.metrics().tasks(), 3);

    drop(service);
    tokio::time::sleep(secs(31)).await;

    assert_eq!(cache.metrics().tasks(), 0);
    assert_eq!(site.holders(), 1);
    assert_eq!(site.renders(), 4, "what had not begun never did");
}

#[tokio::test(start_paused = true)]
async fn a_purge_after_the_application_is_gone_reports_marked() {
    let site = Site::new();
    let isr = crate::trusting([POST]);
    let service = isr.wrap(router(&site, &isr));
    ask(&service, get::<Body>("/posts/a")).await;
    drop(service);

    let receipt = isr
        .cache()
        .revalidate(Purge::path("/posts/a").mode(Mode::Regenerate))
        .await;

    assert_eq!(
        receipt.receipts()[0].status(),
        isr_layer::purge::SelectorStatus::Marked
    );
}

#[tokio::test(start_paused = true)]
async fn the_core_itself_is_freed_with_everything_that_holds_it() {
    /// Held by a handler, and so by the application and by all that hold the application.
    struct Alive(std::sync::Arc<()>);
    let alive = std::sync::Arc::new(());
    let held = Alive(alive.clone());
    let isr = crate::trusting([POST]);
    let cache = isr.cache();
    let handler = move || {
        let count = std::sync::Arc::strong_count(&held.0) + cache.metrics().entries();
        async move { count.to_string() }
    };
    let handler = std::sync::Arc::new(handler);
    let service = isr.wrap(Router::new().route("/posts/{slug}", route(move || handler())));
    ask(&service, get::<Body>("/posts/a")).await;

    drop(service);
    drop(isr);

    assert_eq!(std::sync::Arc::strong_count(&alive), 1);
}
