//! Pages and values that show something else where a value fails to load.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get as route;
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge, Wrapped, static_data};
use isr_tests::{Answer, ask, get, settle};
use tokio::time::advance;

use crate::source::{Db, Down};

const SECOND: Duration = Duration::from_secs(1);

/// An error that cannot be copied.
#[derive(Debug)]
struct Unshared;

#[static_data(name = "caught.shared", tags = ["caught"], skip = [db])]
async fn shared(db: &Db) -> Result<Option<String>, Down> {
    Ok(db.post("a").await?.map(|post| post.title))
}

#[static_data(name = "caught.unshared", tags = ["caught"], skip = [db])]
async fn unshared(db: &Db) -> Result<Option<String>, Unshared> {
    let post = db.post("a").await.map_err(|Down| Unshared)?;
    Ok(post.map(|post| post.title))
}

/// A value that is not cached, since its key is not equal to itself.
#[static_data(name = "caught.direct", tags = ["caught"], skip = [db])]
async fn direct(db: &Db, nan: f64) -> Result<Option<String>, Down> {
    let _ = nan;
    Ok(db.post("a").await?.map(|post| post.title))
}

/// A value that catches the error of another one.
#[static_data(name = "caught.outer", skip = [db])]
async fn outer(db: &Db) -> String {
    or_sorry(shared(db).await)
}

fn or_sorry<E>(read: Result<Option<String>, E>) -> String {
    read.ok().flatten().unwrap_or_else(|| "sorry".to_owned())
}

async fn page(State(db): State<Db>, Path(kind): Path<String>) -> String {
    match kind.as_str() {
        "shared" => or_sorry(shared(&db).await),
        "unshared" => or_sorry(unshared(&db).await),
        "direct" => or_sorry(direct(&db, f64::NAN).await),
        _ => outer(&db).await,
    }
}

const KINDS: [&str; 4] = ["shared", "unshared", "direct", "outer"];

struct Site {
    app: Wrapped<Router>,
    cache: Cache,
    db: Db,
}

impl Site {
    /// A site whose database is down from the beginning.
    fn down() -> Self {
        let pages = [Page::new("/{kind}").with_policy(Policy::new())];
        let builder = IsrLayer::builder().without_registered().pages(pages);
        let isr = builder.build().expect("the settings are good");
        let db = Db::new();
        db.set_down(true);
        let routes = Router::new().route("/{kind}", route(page));
        Self {
            app: isr.wrap(routes.with_state(db.clone())),
            cache: isr.cache(),
            db,
        }
    }

    async fn ask(&self, kind: &str) -> Answer {
        ask(&self.app, get::<Body>(&format!("/{kind}"))).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_shows_something_else_says_so_and_is_made_anew_once_the_value_loads() {
    for kind in KINDS {
        let site = Site::down();

        let sorry = site.ask(kind).await;
        site.db.set_down(false);
        advance(61 * SECOND).await;
        site.ask(kind).await;
        settle().await;
        let new = site.ask(kind).await;

        assert_eq!(sorry.text(), "sorry", "{kind}");
        assert_eq!(
            sorry.cache_status(),
            "isr; fwd=uri-miss; stored; detail=data-failed",
            "{kind}"
        );
        assert_eq!(new.text(), "first", "{kind}: {}", new.cache_status());
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_of_the_value_reaches_a_page_that_shows_something_else() {
    for kind in KINDS {
        let site = Site::down();
        site.ask(kind).await;
        site.db.set_down(false);

        let purge = Purge::tag("caught").mode(Mode::Expire);
        assert!(site.cache.revalidate(purge).await.is_revalidated());

        let new = site.ask(kind).await;
        assert_eq!(new.text(), "first", "{kind}: {}", new.cache_status());
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_down_for_a_minute_is_asked_a_few_times_for_such_a_page() {
    for kind in ["shared", "unshared", "outer"] {
        let site = Site::down();

        for _ in 0..600 {
            assert_eq!(site.ask(kind).await.text(), "sorry", "{kind}");
            settle().await;
            advance(SECOND / 10).await;
        }

        let loads = site.db.loads();
        assert!((3..=11).contains(&loads), "{kind}: {loads} loads");
    }
}
