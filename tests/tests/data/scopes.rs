//! D10: what is in reach where: tasks, jobs, drafts, other layers, header mode.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use http::header::{CACHE_CONTROL, COOKIE};
use http::{Request, Response};
use isr_layer::data::Data;
use isr_layer::{Cache, Isr, IsrLayer, Mode, Page, Policy, Purge, context};
use isr_tests::{ask, get, settle};
use tower::{Layer, Service, service_fn};

use super::source::{Site, Source, item};

const SECOND: Duration = Duration::from_secs(1);

/// A service that reads item `a` of this cache for each request.
fn reading(
    cache: &Arc<OnceLock<Cache>>,
    source: &Source,
    control: Option<&'static str>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
+ Clone
+ Send
+ 'static {
    let (cache, source) = (cache.clone(), source.clone());
    service_fn(move |_: Request<Body>| {
        let (cache, source) = (cache.clone(), source.clone());
        async move {
            let cache = cache.get().expect("it is set");
            let version = item(cache, &source, "a").await.unwrap_or_default();
            let mut response = Response::new(Body::from(format!("{version:?}")));
            if let Some(control) = control {
                response
                    .headers_mut()
                    .insert(CACHE_CONTROL, control.parse().expect("a value of a header"));
            }
            Ok(response)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn header_mode_inherits_tags_and_ends_and_waits_for_what_is_stale() {
    let isr = IsrLayer::builder().cache_by_headers(true).build().unwrap();
    let (cache, source) = (Arc::new(OnceLock::new()), Source::default());
    cache.set(isr.cache()).unwrap();
    let app = isr.layer(reading(&cache, &source, Some("max-age=3600")));
    source.publish("a", 1);
    item(&isr.cache(), &source, "a").await.unwrap();
    tokio::time::advance(50 * SECOND).await;

    let first = ask(&app, get("/")).await;
    source.publish("a", 2);
    tokio::time::advance(9 * SECOND).await;
    let hit = ask(&app, get("/")).await;
    tokio::time::advance(2 * SECOND).await;
    let ended = ask(&app, get("/")).await;
    source.publish("a", 3);
    let purge = Purge::tag("item:a").mode(Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());
    let purged = ask(&app, get("/")).await;

    assert_eq!(first.text(), "Some(1)");
    assert!(
        hit.cache_status().starts_with("isr; hit"),
        "{}",
        hit.cache_status()
    );
    assert_eq!(ended.text(), "Some(2)", "{}", ended.cache_status());
    assert_eq!(purged.text(), "Some(3)");
    assert_eq!(source.loads("a"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_response_of_header_mode_is_not_joined_by_those_who_come_after_a_purge() {
    let isr = IsrLayer::builder().cache_by_headers(true).build().unwrap();
    let (cache, source) = (Arc::new(OnceLock::new()), Source::default());
    cache.set(isr.cache()).unwrap();
    let app = isr.layer(reading(&cache, &source, Some("max-age=3600")));
    source.publish("a", 1);
    source.takes(SECOND);
    let early = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, get("/")).await }
    });
    settle().await;

    source.publish("a", 2);
    let purge = Purge::tag("item:a").mode(Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());
    let late = ask(&app, get("/")).await;

    assert_eq!(early.await.unwrap().text(), "Some(1)");
    assert_eq!(late.text(), "Some(2)");
    assert_eq!(ask(&app, get("/")).await.text(), "Some(2)");
}

#[tokio::test(start_paused = true)]
async fn a_page_made_of_another_layers_value_is_not_kept() {
    let other = IsrLayer::builder().build().unwrap();
    let pages = [Page::new("/page").with_policy(Policy::new())];
    let isr = IsrLayer::builder().pages(pages).build().unwrap();
    let (cache, source) = (Arc::new(OnceLock::new()), Source::default());
    cache.set(other.cache()).unwrap();
    let app: Isr<_> = isr.layer(reading(&cache, &source, None));
    source.publish("a", 1);

    let page = ask(&app, get("/page")).await;
    let again = ask(&app, get("/page")).await;

    assert_eq!((page.text(), again.text()), ("Some(1)", "Some(1)"));
    assert_eq!(page.cache_status(), "isr; fwd=uri-miss; detail=other-layer");
    assert_eq!(isr.cache().metrics().entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_draft_loads_anew_and_keeps_nothing() {
    let secret = "a secret that is long enough for drafts";
    let site = Site::with(Policy::new(), |builder| builder.draft(secret));
    site.source.publish("a", 1);
    assert_eq!(ask(&site.app, get("/page/a")).await.text(), "version 1");
    site.source.publish("a", 2);

    let service = site.layer.draft_service().unwrap();
    let on = ask(
        &service,
        get::<Body>(&format!("/?secret={secret}&path=/page/a").replace(' ', "+")),
    )
    .await;
    let cookie = on.header("set-cookie");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let request = || {
        let mut request = get("/page/a");
        request
            .headers_mut()
            .insert(COOKIE, cookie.parse().unwrap());
        request
    };
    let draft = ask(&site.app, request()).await;
    let page = ask(&site.app, get("/page/a")).await;

    assert_eq!((draft.text(), page.text()), ("version 2", "version 1"));
    assert_eq!(site.source.loads("a"), 2);
    ask(&site.app, request()).await;
    assert_eq!(site.source.loads("a"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_counts_for_its_page_if_the_scope_is_carried_there() {
    for is_carried in [true, false] {
        let pages = [Page::new("/page").with_policy(Policy::new())];
        let isr = IsrLayer::builder().pages(pages).build().unwrap();
        let (cache, source) = (isr.cache(), Source::default());
        source.publish("a", 1);
        let service = {
            let source = source.clone();
            service_fn(move |_: Request<Body>| {
                let (cache, source) = (cache.clone(), source.clone());
                async move {
                    let read = async move { item(&cache, &source, "a").await };
                    let task = match is_carried {
                        true => tokio::spawn(context::current().scope(read)),
                        false => tokio::spawn(read),
                    };
                    let version = task.await.unwrap().unwrap_or_default();
                    Ok::<_, Infallible>(Response::new(Body::from(format!("{version:?}"))))
                }
            })
        };
        let app = isr.layer(service);
        ask(&app, get("/page")).await;
        source.publish("a", 2);

        let purge = Purge::tag("item:a").mode(Mode::Expire);
        assert!(isr.cache().revalidate(purge).await.is_revalidated());

        let expected = if is_carried { "Some(2)" } else { "Some(1)" };
        assert_eq!(
            ask(&app, get("/page")).await.text(),
            expected,
            "{is_carried}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn once_is_once_for_each_render_and_never_shared_by_two() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    async fn name(of: u8) -> Result<usize, Infallible> {
        let load = || async { Ok(CALLS.fetch_add(1, Ordering::Relaxed)) };
        context::once("name", of, load).await
    }
    async fn itself() -> Result<u8, Infallible> {
        let inner = || async { context::once("itself", (), || async { Ok(7) }).await };
        context::once("itself", (), inner).await
    }
    let pages = [Page::new("/{page}").with_policy(Policy::new())];
    let isr = IsrLayer::builder().pages(pages).build().unwrap();
    let app = isr.layer(service_fn(async |_: Request<Body>| {
        let names = [name(1).await?, name(2).await?, name(1).await?];
        let text = format!("{names:?} {}", itself().await?);
        Ok::<_, Infallible>(Response::new(Body::from(text)))
    }));

    assert_eq!(ask(&app, get("/a")).await.text(), "[0, 1, 0] 7");
    assert_eq!(ask(&app, get("/b")).await.text(), "[2, 3, 2] 7");
    assert_eq!(name(1).await, Ok(4), "outside a render nothing is kept");
    assert_eq!(name(1).await, Ok(5));
}

#[test]
fn a_runtime_that_ends_takes_no_reader_of_another_with_it() {
    const SLOW: Data = Data::new("slow");
    async fn load(takes: Duration, key: u8) -> Result<u8, Infallible> {
        tokio::time::sleep(takes).await;
        Ok(key)
    }
    let cache = IsrLayer::builder().build().unwrap().cache();
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
    };
    let first = runtime().unwrap();
    first.block_on(async {
        let read = cache
            .data(&SLOW)
            .key(1)
            .with_unkeyed(1_000 * SECOND)
            .load(load);
        // The load stays on this runtime, which does nothing more.
        assert!(tokio::time::timeout(SECOND, read).await.is_err());
    });

    let second = runtime().unwrap();
    let read = async {
        cache
            .data(&SLOW)
            .key(1)
            .with_unkeyed(SECOND)
            .load(load)
            .await
    };
    let cache_after = cache.clone();
    let waiting = second.block_on(async {
        tokio::time::timeout(
            100 * SECOND,
            tokio::spawn({
                let cache = cache_after.clone();
                async move {
                    cache
                        .data(&SLOW)
                        .key(1)
                        .with_unkeyed(SECOND)
                        .load(load)
                        .await
                }
            }),
        )
        .await
    });
    assert!(waiting.is_ok(), "a reader waits for ever");
    drop(first);
    assert_eq!(second.block_on(read), Ok(1));
}

#[test]
fn without_a_runtime_a_value_is_loaded_directly() {
    const PLAIN: Data = Data::new("plain");
    let cache = IsrLayer::builder().build().unwrap().cache();
    let read = cache.data(&PLAIN).key(1_u8);
    let mut read = std::pin::pin!(read.load(|(), key| async move { Ok::<_, Infallible>(key) }));

    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = read.as_mut().poll(&mut context);

    assert_eq!(polled, std::task::Poll::Ready(Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn a_scope_of_the_same_cache_within_a_render_is_a_part_of_the_render() {
    for is_other in [false, true] {
        let pages = [Page::new("/page").with_policy(Policy::new())];
        let isr = IsrLayer::builder().pages(pages).build().unwrap();
        let other = IsrLayer::builder().build().unwrap();
        let (cache, source) = (isr.cache(), Source::default());
        let scope = if is_other { other.cache() } else { isr.cache() };
        source.publish("a", 1);
        let reads = source.clone();
        let app = isr.layer(service_fn(move |_: Request<Body>| {
            let (cache, source, scope) = (cache.clone(), reads.clone(), scope.clone());
            async move {
                let version = scope.scope(item(&cache, &source, "a")).await;
                Ok::<_, Infallible>(Response::new(Body::from(format!("{version:?}"))))
            }
        }));
        let first = ask(&app, get("/page")).await;
        source.publish("a", 2);

        let purge = Purge::tag("item:a").mode(Mode::Expire);
        assert!(isr.cache().revalidate(purge).await.is_revalidated());

        assert_eq!(
            ask(&app, get("/page")).await.text(),
            "Ok(Some(2))",
            "{is_other}"
        );
        let expected = match is_other {
            true => "isr; fwd=uri-miss; detail=other-layer",
            false => "isr; fwd=uri-miss; stored",
        };
        assert_eq!(first.cache_status(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_response_of_header_mode_that_a_purge_overtook_is_kept_by_no_cache_in_front() {
    let isr = IsrLayer::builder().cache_by_headers(true).build().unwrap();
    let (cache, source) = (Arc::new(OnceLock::new()), Source::default());
    cache.set(isr.cache()).unwrap();
    let app = isr.layer(reading(&cache, &source, Some("max-age=3600")));
    source.publish("a", 1);
    source.takes(SECOND);
    let early = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, get("/")).await }
    });
    settle().await;

    let purge = Purge::tag("item:a").mode(Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());
    let early = early.await.unwrap();

    assert_eq!(
        early.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
}

#[tokio::test(start_paused = true)]
async fn a_response_of_header_mode_that_is_made_of_an_old_value_says_so() {
    let isr = IsrLayer::builder().cache_by_headers(true).build().unwrap();
    let (cache, source) = (Arc::new(OnceLock::new()), Source::default());
    cache.set(isr.cache()).unwrap();
    let app = isr.layer(reading(&cache, &source, Some("max-age=3600")));
    source.publish("a", 1);
    item(&isr.cache(), &source, "a").await.unwrap();
    source.set_down(true);
    tokio::time::advance(61 * SECOND).await;

    let old = ask(&app, get("/")).await;

    assert_eq!(old.text(), "Some(1)");
    assert_eq!(
        old.cache_status(),
        "isr; fwd=uri-miss; stored; detail=data-failed"
    );
    assert_eq!(
        old.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
}

#[tokio::test(start_paused = true)]
async fn any_time_limit_works() {
    const SHORT: Data = Data::new("short").timeout(Duration::from_millis(500));
    const ENDLESS: Data = Data::new("endless").timeout(Duration::MAX);
    async fn load(takes: Duration, key: u8) -> Result<u8, Infallible> {
        tokio::time::sleep(takes).await;
        Ok(key)
    }
    let policy = Policy::new().timeout(Duration::from_millis(900));
    let pages = [Page::new("/page").with_policy(policy)];
    let isr = IsrLayer::builder().pages(pages).build().unwrap();
    let cache = isr.cache();
    let app = isr.layer(service_fn(move |_: Request<Body>| {
        let cache = cache.clone();
        async move {
            let takes = Duration::from_millis(300);
            let short = cache
                .data(&SHORT)
                .key(1)
                .with_unkeyed(takes)
                .load(load)
                .await?;
            let endless = cache
                .data(&ENDLESS)
                .key(2)
                .with_unkeyed(takes)
                .load(load)
                .await?;
            Ok::<_, Infallible>(Response::new(Body::from(format!("{short} {endless}"))))
        }
    }));

    assert_eq!(ask(&app, get("/page")).await.text(), "1 2");
    for purge in [Purge::data(SHORT), Purge::data(ENDLESS)] {
        assert!(isr.cache().revalidate(purge).await.is_revalidated());
        // A stale value is waited for, also within a short limit.
        ask(&app, get("/page")).await;
        isr.cache().drained().await;
        let page = ask(&app, get("/page")).await;
        assert_eq!(page.cache_status(), "isr; hit");
    }
}
