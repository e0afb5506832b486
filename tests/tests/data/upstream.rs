//! Values out of responses of HTTP upstreams: their headers count, and a 304 keeps the value.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use http::{Request, Response, StatusCode};
use isr_layer::data::{Answer, Ask, Data};
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{ask, get, settle};
use tower::{Layer, service_fn};

const SECOND: Duration = Duration::from_secs(1);
const FEED: Data = Data::new("feed").revalidate_from_upstream(Duration::from_secs(60));

/// An upstream, and a client for it.
#[derive(Clone, Default)]
struct Upstream(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    text: String,
    status: u16,
    headers: Vec<(HeaderName, &'static str)>,
    /// The `If-None-Match` of each request.
    asked: Vec<Option<String>>,
    not_modified: usize,
    /// The tag that a 304 names in place of its own.
    other_tag: Option<&'static str>,
}

impl Upstream {
    fn new(text: &str, headers: &[(HeaderName, &'static str)]) -> Self {
        let upstream = Self::default();
        upstream.set(text, 200, headers);
        upstream
    }

    fn set(&self, text: &str, status: u16, headers: &[(HeaderName, &'static str)]) {
        let mut state = self.0.lock().expect("no test panics with it");
        state.text = text.to_owned();
        state.status = status;
        state.headers = headers.to_vec();
    }

    fn asked(&self) -> usize {
        self.0.lock().expect("no test panics with it").asked.len()
    }

    fn get(&self, conditions: &HeaderMap) -> (StatusCode, HeaderMap, String) {
        let mut state = self.0.lock().expect("no test panics with it");
        let sent = conditions
            .get(IF_NONE_MATCH)
            .map(|tag| tag.to_str().expect("a tag is text").to_owned());
        state.asked.push(sent.clone());
        let mut headers = HeaderMap::new();
        for (name, value) in &state.headers {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        let tag = headers
            .get(ETAG)
            .map(|tag| tag.to_str().expect("a tag is text").to_owned());
        if sent.is_some() && (sent == tag || state.other_tag.is_some()) {
            state.not_modified += 1;
            if let Some(other) = state.other_tag {
                headers.insert(ETAG, HeaderValue::from_static(other));
            }
            return (StatusCode::NOT_MODIFIED, headers, String::new());
        }
        let status = StatusCode::from_u16(state.status).expect("it is a status");
        (status, headers, state.text.clone())
    }
}

async fn load(upstream: Upstream, _: (), ask: Ask<String>) -> Result<Answer<String>, Infallible> {
    let (status, headers, text) = upstream.get(&ask.conditions());
    ask.answer(status, headers, || async { Ok(text) }).await
}

async fn feed(cache: &Cache, upstream: &Upstream) -> String {
    let feed = cache.data(&FEED).with_unkeyed(upstream.clone());
    let Ok(text) = feed.load_from_upstream(load).await;
    text
}

/// A page of the feed, whose readers wait.
fn page(
    isr: &IsrLayer,
    upstream: &Upstream,
) -> impl tower::Service<
    Request<Body>,
    Response = Response<isr_layer::body::IsrBody<Body>>,
    Error = Infallible,
> + Clone {
    let (cache, upstream) = (isr.cache(), upstream.clone());
    isr.layer(service_fn(move |_: Request<Body>| {
        let (cache, upstream) = (cache.clone(), upstream.clone());
        async move { Ok::<_, Infallible>(Response::new(Body::from(feed(&cache, &upstream).await))) }
    }))
}

fn layer() -> IsrLayer {
    let pages = [Page::new("/feed").with_policy(Policy::new())];
    IsrLayer::builder()
        .pages(pages)
        .build()
        .expect("the page is good")
}

#[tokio::test(start_paused = true)]
async fn the_upstream_says_how_long_a_value_is_fresh() {
    for (control, fresh) in [
        ("max-age=10", 10),
        ("max-age=10, s-maxage=20", 20),
        ("", 60),
    ] {
        let (isr, upstream) = (layer(), Upstream::new("one", &[(CACHE_CONTROL, control)]));
        let app = page(&isr, &upstream);
        ask(&app, get("/feed")).await;

        tokio::time::advance(fresh * SECOND - SECOND).await;
        let hit = ask(&app, get("/feed")).await;
        tokio::time::advance(2 * SECOND).await;
        upstream.set("two", 200, &[(CACHE_CONTROL, control)]);
        ask(&app, get("/feed")).await;
        settle().await;

        assert_eq!(hit.cache_status(), "isr; hit; ttl=1", "{control}");
        assert_eq!(ask(&app, get("/feed")).await.text(), "two", "{control}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_304_keeps_the_value_and_begins_its_time_anew() {
    let headers = [(CACHE_CONTROL, "max-age=10"), (ETAG, "\"one\"")];
    let (isr, upstream) = (layer(), Upstream::new("one", &headers));
    let app = page(&isr, &upstream);
    ask(&app, get("/feed")).await;

    for _ in 0..3 {
        tokio::time::advance(11 * SECOND).await;
        ask(&app, get("/feed")).await;
        settle().await;
        let page = ask(&app, get("/feed")).await;
        assert_eq!(
            (page.text(), page.cache_status()),
            ("one", "isr; hit; ttl=10")
        );
    }

    let state = upstream.0.lock().expect("no test panics with it");
    let tag = || Some("\"one\"".to_owned());
    assert_eq!(state.asked, [None, tag(), tag(), tag()]);
    assert_eq!(state.not_modified, 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_purged_is_not_validated() {
    let headers = [(CACHE_CONTROL, "max-age=10"), (ETAG, "\"one\"")];
    let (isr, upstream) = (layer(), Upstream::new("one", &headers));
    feed(&isr.cache(), &upstream).await;
    // An upstream that is wrong about its tag: the purge says that the content is new.
    upstream.set("two", 200, &headers);

    let purge = Purge::data(FEED).mode(Mode::Expire);
    assert!(isr.cache().revalidate(purge).await.is_revalidated());

    assert_eq!(feed(&isr.cache(), &upstream).await, "two");
    assert_eq!(
        upstream.0.lock().expect("no test panics with it").asked,
        [None, None]
    );
}

#[tokio::test(start_paused = true)]
async fn a_304_of_another_response_is_asked_again_once_without_conditions() {
    let headers = [(CACHE_CONTROL, "max-age=10"), (ETAG, "\"one\"")];
    let (isr, upstream) = (layer(), Upstream::new("one", &headers));
    feed(&isr.cache(), &upstream).await;
    upstream.set("two", 200, &headers);
    upstream.0.lock().expect("no test panics with it").other_tag = Some("\"other\"");

    tokio::time::advance(11 * SECOND).await;
    feed(&isr.cache(), &upstream).await;
    settle().await;

    assert_eq!(feed(&isr.cache(), &upstream).await, "two");
    assert_eq!(upstream.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_upstream_forbids_to_keep_is_loaded_each_time_and_no_page_keeps_it() {
    for (control, status, reason) in [
        ("no-store", 200, "cache-control"),
        ("private, max-age=60", 200, "cache-control"),
        ("max-age=60", 401, "status"),
        ("max-age=60", 503, "failed-status"),
    ] {
        let (isr, upstream) = (layer(), Upstream::default());
        upstream.set("one", status, &[(CACHE_CONTROL, control)]);
        let app = page(&isr, &upstream);

        let first = ask(&app, get("/feed")).await;
        let second = ask(&app, get("/feed")).await;

        let expected = format!("isr; fwd=uri-miss; detail={reason}");
        assert_eq!(first.cache_status(), expected, "{control}, {status}");
        assert_eq!((first.text(), second.text()), ("one", "one"), "{control}");
        // A failure rests, and its response stands in for it.
        let asked = if status == 503 { 1 } else { 2 };
        assert_eq!(upstream.asked(), asked, "{control}, {status}");
        assert_eq!(
            isr.cache().metrics().data_entries(),
            0,
            "{control}, {status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_in_trouble_leaves_the_last_value_and_is_left_alone() {
    let (isr, upstream) = (
        layer(),
        Upstream::new("one", &[(CACHE_CONTROL, "max-age=10")]),
    );
    let app = page(&isr, &upstream);
    ask(&app, get("/feed")).await;
    upstream.set("trouble", 503, &[]);
    tokio::time::advance(11 * SECOND).await;

    for _ in 0..100 {
        assert_eq!(ask(&app, get("/feed")).await.text(), "one");
        settle().await;
    }
    assert_eq!(upstream.asked(), 2);

    upstream.set("two", 200, &[]);
    tokio::time::advance(2 * SECOND).await;
    ask(&app, get("/feed")).await;
    settle().await;
    assert_eq!(ask(&app, get("/feed")).await.text(), "two");
}

#[tokio::test(start_paused = true)]
async fn stale_while_revalidate_bounds_the_time_in_which_a_plain_reader_gets_the_old_value() {
    for (control, seconds, expected) in [
        ("max-age=10", 1_000, "one"),
        ("max-age=10, stale-while-revalidate=5", 14, "one"),
        ("max-age=10, stale-while-revalidate=5", 16, "two"),
        ("max-age=10, must-revalidate", 11, "two"),
    ] {
        let (isr, upstream) = (layer(), Upstream::new("one", &[(CACHE_CONTROL, control)]));
        feed(&isr.cache(), &upstream).await;
        upstream.set("two", 200, &[]);
        tokio::time::advance(seconds * SECOND).await;

        let text = feed(&isr.cache(), &upstream).await;

        assert_eq!(text, expected, "{control}, {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_word_of_its_data_the_headers_say_only_if_a_value_is_still_valid() {
    const OWN: Data = Data::new("own").revalidate(Duration::from_secs(30));
    let headers = [(CACHE_CONTROL, "max-age=10"), (ETAG, "\"one\"")];
    let (isr, upstream) = (layer(), Upstream::new("one", &headers));
    let cache = isr.cache();
    let read = async || {
        let own = cache.data(&OWN).with_unkeyed(upstream.clone());
        let Ok(text) = own.load_from_upstream(load).await;
        text
    };

    read().await;
    tokio::time::advance(29 * SECOND).await;
    read().await;
    assert_eq!(upstream.asked(), 1);
    tokio::time::advance(2 * SECOND).await;
    read().await;
    settle().await;
    assert_eq!(
        upstream
            .0
            .lock()
            .expect("no test panics with it")
            .not_modified,
        1
    );
}

/// Loads, and learns a tag only while the body is read.
async fn load_tagged(
    upstream: Upstream,
    _: (),
    ask: Ask<String>,
) -> Result<Answer<String>, Infallible> {
    let (status, headers, text) = upstream.get(&ask.conditions());
    tokio::time::sleep(SECOND).await;
    ask.answer(status, headers, || async {
        isr_layer::context::tag("read");
        Ok(text)
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_304_keeps_the_tags_that_were_learnt_when_the_body_was_read() {
    // Purged after the 304, and while the conditional request is under way.
    for is_under_way in [false, true] {
        let headers = [(CACHE_CONTROL, "max-age=10"), (ETAG, "\"one\"")];
        let (isr, upstream) = (layer(), Upstream::new("one", &headers));
        let (cache, own) = (isr.cache(), upstream.clone());
        let read = move || {
            let (cache, own) = (cache.clone(), own.clone());
            async move {
                let Ok(text) = cache
                    .data(&FEED)
                    .with_unkeyed(own)
                    .load_from_upstream(load_tagged)
                    .await;
                text
            }
        };
        read().await;
        tokio::time::advance(11 * SECOND).await;
        read().await;
        settle().await;
        if !is_under_way {
            tokio::time::advance(SECOND).await;
            settle().await;
            assert_eq!(
                upstream
                    .0
                    .lock()
                    .expect("no test panics with it")
                    .not_modified,
                1
            );
        }
        upstream.set("two", 200, &headers);

        let purge = Purge::tag("read").mode(Mode::Expire);
        assert!(isr.cache().revalidate(purge).await.is_revalidated());

        assert_eq!(read().await, "two", "{is_under_way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_upstream_in_trouble_is_left_alone_and_its_response_stands_in() {
    let (isr, upstream) = (layer(), Upstream::default());
    upstream.set("trouble", 503, &[]);

    for _ in 0..600 {
        assert_eq!(feed(&isr.cache(), &upstream).await, "trouble");
        tokio::time::advance(SECOND / 10).await;
    }
    assert!((3..=10).contains(&upstream.asked()), "{}", upstream.asked());

    upstream.set("two", 200, &[]);
    tokio::time::advance(61 * SECOND).await;
    assert_eq!(feed(&isr.cache(), &upstream).await, "two");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_ends_while_its_upstream_is_in_trouble_makes_no_reader_panic() {
    const ENDS: Data = Data::new("ends")
        .revalidate(SECOND)
        .expire(Duration::from_secs(5));
    let (isr, upstream) = (layer(), Upstream::new("one", &[]));
    let cache = isr.cache();
    let read = async || {
        let ends = cache.data(&ENDS).with_unkeyed(upstream.clone());
        let Ok(text) = ends.load_from_upstream(load).await;
        text
    };
    read().await;
    upstream.set("trouble", 503, &[]);

    let mut texts = Vec::new();
    for _ in 0..10 {
        tokio::time::advance(SECOND).await;
        texts.push(read().await);
        settle().await;
    }

    assert_eq!(texts[0], "one");
    assert_eq!(texts[9], "trouble");
}
