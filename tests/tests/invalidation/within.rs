//! Tests purges that a page makes while it is rendered: they mark and render nothing, so that no page
//! is rendered for ever.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use isr_layer::purge::SelectorStatus;
use isr_layer::{Cache, IsrLayer, Mode, Purge};
use isr_tests::{Answer, ask, get, settle};
use tower::Layer;

use crate::house::{A, ABOUT, B, POST, is_hit, is_marked, only, pass};

type Purges = fn(&str) -> Option<Purge>;

/// A site whose pages purge while they are rendered.
#[derive(Clone)]
struct Purging {
    cache: Arc<OnceLock<Cache>>,
    purges: Purges,
    renders: Arc<Mutex<HashMap<String, usize>>>,
    told: Arc<Mutex<Vec<SelectorStatus>>>,
}

impl Purging {
    fn serve(purges: Purges) -> (Self, impl AsyncFn(&str) -> Answer) {
        let isr = IsrLayer::builder()
            .pages([POST, ABOUT])
            .build()
            .expect("the pages fit together");
        let site = Self {
            cache: Arc::new(OnceLock::from(isr.cache())),
            purges,
            renders: Arc::default(),
            told: Arc::default(),
        };
        let inner = site.clone();
        let app = isr.layer(tower::service_fn(move |request: Request<Body>| {
            let site = inner.clone();
            async move { Ok::<_, Infallible>(site.render(request.uri().path()).await) }
        }));
        (site, async move |path: &str| {
            ask(&app, get::<Body>(path)).await
        })
    }

    async fn render(&self, path: &str) -> Response<Body> {
        let count = {
            let mut renders = self.renders.lock().expect("no test panics with it");
            let count = renders.entry(path.to_owned()).or_default();
            *count += 1;
            *count
        };
        assert!(count < 50, "{path} is rendered for ever");
        if let Some(purge) = (self.purges)(path) {
            let receipt = self.cache().revalidate(purge).await;
            let told = receipt.receipts().iter().map(|one| one.status());
            self.told
                .lock()
                .expect("no test panics with it")
                .extend(told);
        }
        Response::new(Body::from(format!("{path} {count}")))
    }

    fn cache(&self) -> &Cache {
        self.cache.get().expect("it is set")
    }

    fn renders(&self, path: &str) -> usize {
        let renders = self.renders.lock().expect("no test panics with it");
        renders.get(path).copied().unwrap_or(0)
    }

    /// Waits until nothing is rendered any more, also some time later.
    async fn come_to_rest(&self) {
        for _ in 0..5 {
            let drained = self.cache().drained();
            tokio::time::timeout(Duration::from_secs(60), drained)
                .await
                .expect("no page is rendered for ever");
            pass(Duration::from_secs(2)).await;
        }
    }
}

/// Each way in which a page can purge itself.
const OWN: [Purges; 9] = [
    |path| Some(Purge::path(path)),
    |_| Some(Purge::instance("/posts/{slug}", [("slug", "a")])),
    |path| Some(Purge::path(path).settle(Duration::from_secs(1))),
    |path| Some(Purge::path(path).mode(Mode::Expire)),
    |_| Some(Purge::tag("posts").mode(Mode::Regenerate)),
    |_| Some(Purge::page("/posts/{slug}").mode(Mode::Regenerate)),
    |_| Some(Purge::prefix("/posts").mode(Mode::Regenerate)),
    |_| Some(Purge::all().mode(Mode::Regenerate)),
    |path| Some(Purge::batch([Purge::path(path), Purge::tag("posts")])),
];

#[tokio::test(start_paused = true)]
async fn a_page_that_purges_itself_while_it_is_rendered_comes_to_rest() {
    for (at, purges) in OWN.into_iter().enumerate() {
        let (site, ask) = Purging::serve(purges);

        ask(A).await;
        site.come_to_rest().await;
        assert_eq!(site.renders(A), 1, "way {at}: for the only request");

        ask(A).await;
        site.come_to_rest().await;
        assert_eq!(site.renders(A), 2, "way {at}: for the second one");

        let _ = site.cache().revalidate(Purge::path(A)).await;
        site.come_to_rest().await;
        assert_eq!(site.renders(A), 3, "way {at}: for a purge from outside");

        let told = site.told.lock().expect("no test panics with it").clone();
        assert!(
            told.iter().all(|one| *one == SelectorStatus::Marked),
            "way {at}: {told:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_pages_that_purge_each_other_come_to_rest() {
    let pairs: [Purges; 3] = [
        |path| Some(Purge::path(if path == A { B } else { A })),
        |path| {
            let other = if path == A { "post:b" } else { "post:a" };
            Some(Purge::tag(other).mode(Mode::Regenerate))
        },
        |path| {
            let other = Purge::path(if path == A { B } else { A });
            Some(other.settle(Duration::from_secs(1)))
        },
    ];
    for (at, purges) in pairs.into_iter().enumerate() {
        let (site, ask) = Purging::serve(purges);

        ask(A).await;
        ask(B).await;
        site.come_to_rest().await;

        assert_eq!((site.renders(A), site.renders(B)), (1, 1), "pair {at}");
        let receipt = site.cache().revalidate(Purge::path(A)).await;
        site.come_to_rest().await;
        assert_eq!(only(&receipt).status(), SelectorStatus::Regenerated);
        assert_eq!((site.renders(A), site.renders(B)), (2, 1), "pair {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_another_one_purges_while_it_is_rendered_is_marked_for_the_next_request() {
    let (site, ask) = Purging::serve(|path| (path == A).then(|| Purge::path("/about")));
    ask("/about").await;
    ask(A).await;
    site.come_to_rest().await;
    assert_eq!(site.renders("/about"), 1);

    let stale = ask("/about").await;
    settle().await;
    let fresh = ask("/about").await;

    assert!(is_marked(&stale) && stale.text() == "/about 1");
    assert!(is_hit(&fresh) && fresh.text() == "/about 2");
    assert!(is_hit(&ask(A).await), "the page that purged is not marked");
}
