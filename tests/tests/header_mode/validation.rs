//! A stale entry with a validator is fetched conditionally, and a 304 makes it fresh again.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, SystemTime};

use http::Request;
use isr_layer::{Mode, Purge};
use isr_tests::{Reply, Seen, Site, SiteError, ask, get, settle};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Plain, pass, says, site_and_layer, site_that_says, visit, visit_with};

/// Returns a site that responds to a client with the current version by a 304 with a new field.
/// Every response has this `cache_control`.
fn site(
    cache_control: &'static str,
) -> (
    isr_tests::Site,
    isr_layer::IsrLayer,
    isr_layer::Isr<isr_tests::Site>,
) {
    let (site, isr, service) = site_and_layer(&[]);
    site.script(move |seen: &Seen, version| {
        let tag = format!("\"{version}\"");
        let reply = match seen.headers.get("if-none-match") {
            Some(known) if *known == tag => Reply::status(304).empty().header("x-new", "1"),
            _ => Reply::page().header("x-old", "1"),
        };
        reply
            .header("cache-control", cache_control)
            .header("etag", &tag)
            .into()
    });
    (site, isr, service)
}

#[tokio::test(start_paused = true)]
async fn a_304_makes_it_fresh_again_and_updates_its_headers() {
    for cache_control in ["max-age=10", "max-age=10, must-revalidate"] {
        let (site, _, service) = site(cache_control);
        visit(&service).await;
        pass(10).await;

        let validated = visit(&service).await;
        let hit = visit(&service).await;

        assert_eq!(site.seen()[1].headers["if-none-match"], "\"1\"");
        assert_eq!(validated.cache_status(), "isr; fwd=stale; stored");
        assert_eq!(hit.cache_status(), "isr; hit; ttl=10");
        for answer in [validated, hit] {
            assert_eq!((answer.status.as_u16(), answer.text()), (200, "/a v1"));
            assert_eq!((answer.header("x-old"), answer.header("x-new")), ("1", "1"));
        }
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_changed_replaces_it() {
    let (site, _, service) = site("max-age=10");
    visit(&service).await;
    site.publish(2);
    pass(10).await;

    assert_eq!(visit(&service).await.text(), "/a v2");
    assert_eq!(visit(&service).await.header("etag"), "\"2\"");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_asks_so_too() {
    let (site, _, service) = site("max-age=10, stale-while-revalidate=10");
    visit(&service).await;
    pass(10).await;

    visit_with(&service, &[("if-none-match", "\"x\"")]).await;
    settle().await;

    assert_eq!(site.seen()[1].headers["if-none-match"], "\"1\"");
    assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=10");
}

#[tokio::test(start_paused = true)]
async fn after_a_purge_the_whole_is_asked_for() {
    let (site, isr, service) = site("max-age=10");
    visit(&service).await;
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(Mode::Expire))
        .await;

    visit(&service).await;

    assert!(!site.seen()[1].headers.contains_key("if-none-match"));
}

#[tokio::test(start_paused = true)]
async fn a_304_that_says_it_may_not_be_stored_ends_it() {
    let (site, service) = site_that_says("");
    site.act(says("max-age=10").header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"));
    visit(&service).await;
    pass(10).await;
    site.act(
        Reply::status(304)
            .empty()
            .header("cache-control", "no-store"),
    );

    let answer = visit(&service).await;

    assert_eq!(
        site.seen()[1].headers["if-modified-since"],
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
    assert_eq!((answer.status.as_u16(), answer.text()), (200, "/a v1"));
    assert_eq!(
        answer.cache_status(),
        "isr; fwd=stale; detail=cache-control"
    );
    site.act(says("max-age=10"));
    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}

/// Apache, Caddy and Jetty compress under the tag `"a-gzip"` and confirm it with a 304 for `"a"`.
#[tokio::test(start_paused = true)]
async fn a_304_that_names_another_response_is_asked_again_without_conditions() {
    for (name, whole, not_modified) in [
        ("etag", "\"a-gzip\"", "\"a\""),
        ("etag", "\"a--gzip\"", "W/\"a\""),
        ("etag", "\"a\"", "\"b\""),
        (
            "last-modified",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:36 GMT",
        ),
    ] {
        let (site, service) = site_that_says("");
        site.script(move |seen: &Seen, _| {
            let is_conditional = seen.headers.contains_key("if-none-match")
                || seen.headers.contains_key("if-modified-since");
            let reply = match is_conditional {
                true => Reply::status(304).empty().header(name, not_modified),
                false => Reply::page().header(name, whole),
            };
            reply.header("cache-control", "max-age=10").into()
        });
        visit(&service).await;

        for round in 1..=3 {
            pass(10).await;
            let answer = visit(&service).await;

            assert_eq!((answer.status.as_u16(), answer.text()), (200, "/a v1"));
            assert_eq!(answer.header(name), whole, "round {round}");
            assert_eq!(answer.cache_status(), "isr; fwd=stale; stored");
            assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=10");
            assert_eq!(site.renders(), 1 + 2 * round);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_asks_again_as_well() {
    let (site, service) = site_that_says("");
    let cache_control = "max-age=10, stale-while-revalidate=10";
    site.act(says(cache_control).header("etag", "\"a-gzip\""));
    visit(&service).await;
    pass(10).await;
    site.script(move |seen: &Seen, _| {
        let reply = match seen.headers.contains_key("if-none-match") {
            true => Reply::status(304).empty().header("etag", "\"a\""),
            false => Reply::page().header("cache-control", cache_control),
        };
        reply.into()
    });

    visit(&service).await;
    settle().await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=10");
    assert_eq!(site.renders(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_304_to_a_request_without_conditions_is_a_failure_and_is_not_asked_again() {
    let (site, service) = site_that_says("");
    site.act(says("max-age=10").header("etag", "\"1\""));
    visit(&service).await;
    pass(10).await;
    site.act(Reply::status(304).empty().header("etag", "\"2\""));

    let answer = visit(&service).await;

    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.cache_status(),
        "isr; fwd=stale; detail=failed-status"
    );
    assert_eq!(site.renders(), 3);
}

/// A file that changed twice in one second has one date for two contents (RFC 9110, 8.8.2.2).
#[tokio::test(start_paused = true)]
async fn a_date_of_the_second_in_which_the_response_was_made_validates_nothing() {
    let made = SystemTime::now();
    let before = |seconds| httpdate::fmt_http_date(made - Duration::from_secs(seconds));
    let after = |seconds| httpdate::fmt_http_date(made + Duration::from_secs(seconds));
    for (last_modified, date, is_asked) in [
        (before(0), Some(before(0)), false),
        (after(1), Some(before(0)), false),
        (before(1), Some(before(0)), true),
        (after(2), None, false),
        (before(60), None, true),
        ("yesterday".to_owned(), None, false),
    ] {
        let (site, service) = site_that_says("");
        let reply = says("max-age=10").header("last-modified", &last_modified);
        site.act(match &date {
            Some(date) => reply.header("date", date),
            None => reply,
        });
        visit(&service).await;
        pass(10).await;

        visit(&service).await;

        assert_eq!(
            site.seen()[1].headers.contains_key("if-modified-since"),
            is_asked,
            "modified {last_modified}, made {date:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_304_freshens_the_variant_that_was_asked_about_and_no_other() {
    let (site, service) = site_that_says("");
    site.script(|seen, _| {
        let tag = format!("\"{}\"", seen.headers["accept-language"].to_str().unwrap());
        let reply = match seen.headers.get("if-none-match") {
            Some(known) if *known == tag => Reply::status(304).empty(),
            _ => Reply::page(),
        };
        reply
            .header("cache-control", "max-age=10")
            .header("vary", "accept-language")
            .header("etag", &tag)
            .into()
    });
    for language in ["de", "en"] {
        visit_with(&service, &[("accept-language", language)]).await;
    }
    pass(10).await;

    let validated = visit_with(&service, &[("accept-language", "de")]).await;
    let other = visit_with(
        &service,
        &[("accept-language", "en"), ("if-none-match", "\"x\"")],
    )
    .await;

    assert_eq!(
        (validated.cache_status(), validated.header("etag")),
        ("isr; fwd=stale; stored", "\"de\"")
    );
    assert_eq!(other.cache_status(), "isr; fwd=stale; detail=request");
    assert_eq!(site.seen()[2].headers["if-none-match"], "\"de\"");
}

#[tokio::test(start_paused = true)]
async fn a_304_without_a_date_is_of_now_and_not_of_when_the_answer_was_made() {
    let long_ago = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(100));
    let (site, service) = site_that_says("");
    site.act(
        says("max-age=150")
            .header("etag", "\"1\"")
            .header("date", &long_ago),
    );
    visit(&service).await;
    pass(50).await;
    site.act(Reply::status(304).empty());

    visit(&service).await;

    assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=150");
}

#[tokio::test(start_paused = true)]
async fn the_age_that_a_hit_had_is_not_taken_for_the_age_of_what_a_304_freshened() {
    let (_, _, service) = site("max-age=10");
    visit(&service).await;
    pass(9).await;
    assert_eq!(visit(&service).await.header("age"), "9");
    pass(1).await;

    let validated = visit(&service).await;

    assert_eq!(
        (validated.cache_status(), validated.header("age")),
        ("isr; fwd=stale; stored", "")
    );
    assert_eq!(visit(&service).await.cache_status(), "isr; hit; ttl=10");
}

/// Its body may hold a connection to the origin, of which there may be but one.
#[tokio::test(start_paused = true)]
async fn the_304_of_another_response_is_gone_when_the_origin_is_asked_again() {
    let responses = Arc::new(Mutex::new(Vec::<Weak<()>>::new()));
    let site = Site::new();
    site.script(|seen, _| match seen.headers.get("if-none-match") {
        Some(_) => Reply::status(304).empty().header("etag", "\"b\"").into(),
        None => says("max-age=10").header("etag", "\"a\"").into(),
    });
    let origin = service_fn({
        let site = site.clone();
        move |request: Request<Plain>| {
            let (site, responses) = (site.clone(), responses.clone());
            async move {
                let held = |response: &Weak<()>| response.strong_count() > 0;
                assert!(!responses.lock().unwrap().iter().any(held));
                let life = Arc::new(());
                responses.lock().unwrap().push(Arc::downgrade(&life));
                let mut response = site.oneshot(request).await?;
                response.extensions_mut().insert(life);
                Ok::<_, SiteError>(response)
            }
        }
    });
    let service = crate::builder().build().unwrap().layer(origin);
    ask(&service, get::<Plain>("/a")).await;
    pass(10).await;

    let asked_again = ask(&service, get::<Plain>("/a")).await;

    assert_eq!(asked_again.cache_status(), "isr; fwd=stale; stored");
    assert_eq!(site.renders(), 3);
}
