//! Tests that draft mode bypasses store and flights in both directions, and only for requests with
//! the cookie.

use std::sync::Mutex;

use http::{Method, Request};
use isr_layer::draft::DraftService;
use isr_layer::{Isr, IsrLayer, Mode, Purge, context};
use isr_tests::{Answer, Reply, Site, ask, get, request, settle, try_ask};
use tower::Layer;

use crate::{A, Plain, ten_seconds, visit};

pub(crate) const SECRET: &str = "a secret of more than 24 bytes";

pub(crate) fn site() -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    site.script(|_, version| {
        let state = if context::is_draft() {
            "draft"
        } else {
            "public"
        };
        Reply::page().chunk(format!("{state} v{version}")).into()
    });
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([ten_seconds()])
        .draft(SECRET)
        .build()
        .expect("the secret will do");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

/// Returns the cookie as a browser sends it back.
pub(crate) async fn cookie(drafts: &DraftService) -> String {
    let asked = ask(
        drafts,
        asking(&format!("?secret={}", SECRET.replace(' ', "+"))),
    )
    .await;
    asked
        .header("set-cookie")
        .split(';')
        .next()
        .expect("a split has a first part")
        .to_owned()
}

pub(crate) fn asking(query: &str) -> Request<Plain> {
    get(&format!("/api/draft{query}"))
}

fn with_cookie(cookie: &str) -> Request<Plain> {
    request(Method::GET, "/a", &[("cookie", cookie)])
}

pub(crate) async fn draft(service: &Isr<Site>, cookie: &str) -> Answer {
    ask(service, with_cookie(cookie)).await
}

#[tokio::test(start_paused = true)]
async fn a_draft_goes_past_what_is_stored_and_nothing_of_it_is_kept() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    visit(&service).await;
    site.publish(2);

    let shown = draft(&service, &cookie).await;
    let public = visit(&service).await;

    assert_eq!(
        (shown.text(), shown.cache_status()),
        ("draft v2", "isr; fwd=bypass; detail=draft")
    );
    assert_eq!(shown.header("cache-control"), "private, no-store");
    assert!(!shown.headers.contains_key("age"));
    assert_eq!(
        (public.text(), public.cache_status()),
        ("public v1", "isr; hit; ttl=10")
    );
    assert_eq!(isr.cache().metrics().entries(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_draft_alone_stores_nothing() {
    let (_, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;

    draft(&service, &cookie).await;

    assert_eq!(isr.cache().metrics().entries(), 0);
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

#[tokio::test(start_paused = true)]
async fn a_draft_joins_no_flight_and_none_joins_it() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    site.before().close();
    let visitor = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.before().reached(1).await;
    let editor = tokio::spawn({
        let (service, cookie) = (service.clone(), cookie.clone());
        async move { draft(&service, &cookie).await }
    });
    site.before().reached(2).await;
    site.before().open();

    assert_eq!(visitor.await.unwrap().text(), "public v1");
    assert_eq!(editor.await.unwrap().text(), "draft v1");
}

#[tokio::test(start_paused = true)]
async fn the_handler_gets_an_editors_request_as_it_is() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    let headers = [
        ("cookie", cookie.as_str()),
        ("authorization", "Bearer x"),
        ("accept-language", "de"),
    ];
    let mut request = request::<Plain>(Method::HEAD, "/a?utm=1", &headers);
    request.extensions_mut().insert("a user");

    ask(&service, request).await;

    let seen = &site.seen()[0];
    assert_eq!(
        (&seen.method, seen.uri.to_string().as_str()),
        (&Method::HEAD, "/a?utm=1")
    );
    assert_eq!(
        (seen.headers.len(), seen.extensions.get()),
        (3, Some(&"a user"))
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_a_handler_says_lets_a_cache_keep_a_draft() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    site.act(
        Reply::page()
            .header("cache-control", "public, s-maxage=60")
            .header("cdn-cache-control", "max-age=60")
            .header("surrogate-control", "max-age=60")
            .header("expires", "Sun, 06 Nov 2094 08:49:37 GMT"),
    );

    let shown = draft(&service, &cookie).await;

    assert_eq!(shown.header("cache-control"), "private, no-store");
    for name in ["cdn-cache-control", "surrogate-control", "expires"] {
        assert_eq!(shown.header(name), "", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_cookies_and_statuses_of_a_draft_are_its_clients() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    site.act(Reply::status(500).header("set-cookie", "id=1"));
    let failed = draft(&service, &cookie).await;
    site.act(isr_tests::Act::Error);
    let error = try_ask(&service, with_cookie(&cookie)).await;
    site.act(Reply::page());

    assert_eq!(
        (failed.status.as_u16(), failed.header("set-cookie")),
        (500, "id=1")
    );
    assert!(error.is_err());
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

#[tokio::test(start_paused = true)]
async fn a_forged_cookie_is_an_ordinary_request() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    let (name, value) = cookie.split_once('=').unwrap();
    let (end, code) = value.split_once('.').unwrap();
    visit(&service).await;

    for forged in [
        format!("{name}="),
        format!("{name}=1"),
        format!("{name}={}.{code}", end.parse::<u64>().unwrap() + 1),
        format!("{name}={end}.{}", code.chars().rev().collect::<String>()),
        format!("other={value}"),
        format!("{name}{value}"),
    ] {
        let answer = draft(&service, &forged).await;
        assert_eq!(
            (answer.text(), answer.cache_status()),
            ("public v1", "isr; hit; ttl=10"),
            "{forged}"
        );
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_cookie_whose_time_is_over_is_an_ordinary_request() {
    let (_, isr, service) = site();
    let drafts = isr
        .draft_service()
        .unwrap()
        .lasting(std::time::Duration::ZERO);

    let answer = draft(&service, &cookie(&drafts).await).await;

    assert_eq!(answer.text(), "public v1");
}

#[tokio::test(start_paused = true)]
async fn a_cookie_of_another_sites_secret_is_an_ordinary_request() {
    let (_, _, service) = site();
    let other = IsrLayer::builder()
        .without_registered()
        .pages([A])
        .draft("another secret of some length")
        .build()
        .unwrap();
    let asked = ask(
        &other.draft_service().unwrap(),
        asking("?secret=another+secret+of+some+length"),
    )
    .await;
    let cookie = asked.header("set-cookie").split(';').next().unwrap();

    assert!(cookie.contains('.'), "{cookie}");
    assert_eq!(draft(&service, cookie).await.text(), "public v1");
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_draft_mode_looks_at_no_cookie() {
    let (_, isr, _) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    let (site, service) = crate::site_with(A);
    visit(&service).await;

    let answer = draft(&service, &cookie).await;

    assert_eq!((answer.cache_status(), site.renders()), ("isr; hit", 1));
}

#[tokio::test(start_paused = true)]
async fn a_revalidation_stores_what_everybody_gets_whoever_asks_for_it() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    visit(&service).await;
    draft(&service, &cookie).await;
    site.publish(2);

    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Regenerate))
        .await;

    assert_eq!(visit(&service).await.text(), "public v2");
}

/// Once, the scope of a draft ended with the head, so that a page that streams its body showed an
/// editor the published state.
#[tokio::test(start_paused = true)]
async fn the_body_of_a_draft_is_made_as_a_drafts_and_that_of_a_page_as_a_pages() {
    static SEEN: Mutex<Vec<bool>> = Mutex::new(Vec::new());
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    let look = || SEEN.lock().unwrap().push(context::is_draft());
    site.act(
        Reply::page()
            .run(look)
            .chunk("one")
            .run(look)
            .chunk("two")
            .trailer("x-sum", "1"),
    );

    let shown = draft(&service, &cookie).await;
    let public = visit(&service).await;

    assert_eq!(*SEEN.lock().unwrap(), [true, true, false, false]);
    assert_eq!(
        (shown.text(), &shown.trailers),
        (public.text(), &public.trailers)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_not_refreshed_by_a_draft() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    visit(&service).await;
    crate::pass(10).await;

    draft(&service, &cookie).await;
    settle().await;

    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_page_goes_its_way_untouched() {
    let (site, isr, service) = site();
    let cookie = cookie(&isr.draft_service().unwrap()).await;
    site.act(Reply::page().header("cache-control", "max-age=60"));

    let other = ask(
        &service,
        request::<Plain>(Method::GET, "/b", &[("cookie", &cookie)]),
    )
    .await;
    let post = ask(
        &service,
        request::<Plain>(Method::POST, "/a", &[("cookie", &cookie)]),
    )
    .await;

    for answer in [other, post] {
        assert_eq!(
            (answer.cache_status(), answer.header("cache-control")),
            ("", "max-age=60")
        );
    }
}
