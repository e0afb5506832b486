//! Tests the responses that clients get from stored ones: headers, parts, trailers and ages.

use http::Method;
use isr_tests::{ask, get, request};

use crate::{Plain, says, site_that_says, visit, visit_with};

#[tokio::test]
async fn the_origins_headers_are_kept_and_those_of_one_connection_are_not() {
    let (site, service) = site_that_says("");
    let reply = says("max-age=60")
        .header("connection", "close, x-mine")
        .header("x-mine", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authenticate", "Basic")
        .header("proxy-authentication-info", "x")
        .header("date", "Sun, 06 Nov 2044 08:49:37 GMT")
        .header("x-test", "1")
        .header("x-test", "2");
    site.act(reply);
    visit(&service).await;

    let hit = visit(&service).await;

    let mut names = hit
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(
        names,
        ["age", "cache-control", "cache-status", "date", "x-test"]
    );
    assert_eq!(hit.headers.get_all("x-test").iter().count(), 2);
    assert_eq!(hit.header("date"), "Sun, 06 Nov 2044 08:49:37 GMT");
}

#[tokio::test]
async fn caches_behind_keep_their_member_and_the_switch_turns_ours_off() {
    let (site, service) = site_that_says("");
    site.act(says("max-age=60").header("cache-status", "behind; hit"));
    visit(&service).await;
    assert_eq!(
        visit(&service).await.cache_status(),
        "behind; hit, isr; hit; ttl=60"
    );

    let quiet = tower::Layer::layer(
        &crate::builder().cache_status(false).build().unwrap(),
        site.clone(),
    );
    for _ in 0..2 {
        assert_eq!(visit(&quiet).await.cache_status(), "behind; hit");
    }
}

#[tokio::test]
async fn if_range_with_a_date_gives_a_part_of_what_was_modified_before_it_was_sent() {
    let modified = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (sent, status) in [
        (None, 206),
        (Some("Sun, 06 Nov 1994 08:49:38 GMT"), 206),
        (Some(modified), 200),
    ] {
        let (site, service) = site_that_says("");
        let reply = says("s-maxage=2147483648").header("last-modified", modified);
        site.act(
            sent.into_iter()
                .fold(reply, |reply, date| reply.header("date", date)),
        );
        visit(&service).await;

        let part = visit_with(&service, &[("range", "bytes=1-2"), ("if-range", modified)]).await;

        assert_eq!(
            (part.status.as_u16(), site.renders()),
            (status, 1),
            "sent {sent:?}"
        );
    }
}

#[tokio::test]
async fn trailers_are_kept() {
    let (site, service) = site_that_says("");
    site.act(says("max-age=60").trailer("x-sum", "1"));
    visit(&service).await;

    let hit = visit(&service).await;

    assert_eq!(hit.trailers.unwrap()["x-sum"], "1");
}

#[tokio::test]
async fn it_works_through_wrap_and_through_a_router() {
    let site = isr_tests::Site::new();
    site.act(says("max-age=60"));
    let routes = || axum::Router::new().route_service("/a/{id}", site.for_axum());
    let wrapped = crate::builder().build().unwrap().wrap(routes());
    let routed = routes().layer(crate::builder().build().unwrap());

    for path in ["/a/1", "/a/2"] {
        for status in ["isr; fwd=uri-miss; stored", "isr; hit; ttl=60"] {
            assert_eq!(
                ask(&wrapped, get::<axum::body::Body>(path))
                    .await
                    .cache_status(),
                status
            );
            assert_eq!(
                ask(&routed, get::<axum::body::Body>(path))
                    .await
                    .cache_status(),
                status
            );
        }
    }
    assert_eq!(site.renders(), 4);
}

#[tokio::test]
async fn a_hit_and_a_follower_hold_no_permit() {
    let site = isr_tests::Site::new();
    site.act(says("max-age=60"));
    let limited = tower::limit::ConcurrencyLimit::new(site.clone(), 1);
    let service = tower::Layer::layer(&crate::builder().build().unwrap(), limited);
    ask(&service, get::<Plain>("/a")).await;

    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut one = service.clone();
        std::future::poll_fn(|cx| tower::Service::<http::Request<Plain>>::poll_ready(&mut one, cx))
            .await
            .unwrap();
        tower::Service::call(&mut one, get::<Plain>("/a"))
            .await
            .unwrap();
        idle.push(one);
    }

    assert_eq!(ask(&service, get::<Plain>("/b")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn forms_do_not_mix_within_a_second_and_each_second_has_its_own_age() {
    let (site, service) = site_that_says("");
    site.act(
        says("max-age=60")
            .header("etag", "\"1\"")
            .header("age", "5"),
    );
    visit(&service).await;
    let range = [("range", "bytes=1-2")];
    let forms = [
        (Method::GET, &[][..], 200, "/a v1"),
        (Method::HEAD, &[], 200, ""),
        (Method::GET, &[("if-none-match", "\"1\"")], 304, ""),
        (Method::GET, &range, 206, "a "),
        (Method::HEAD, &range, 200, ""),
        (Method::HEAD, &[("if-none-match", "\"1\"")], 304, ""),
    ];

    for second in 5..8 {
        for half in [0, 1] {
            for (method, headers, status, text) in &forms {
                let answer = ask(&service, request::<Plain>(method.clone(), "/a", headers)).await;

                let what = format!("{method} {headers:?} in second {second}, half {half}");
                assert_eq!(
                    (answer.status.as_u16(), answer.text()),
                    (*status, *text),
                    "{what}"
                );
                assert_eq!(answer.header("age"), second.to_string(), "{what}");
                assert_eq!(
                    answer.cache_status(),
                    format!("isr; hit; ttl={}", 60 - second),
                    "{what}"
                );
                assert_eq!(
                    answer.headers.contains_key("content-range"),
                    *status == 206,
                    "{what}"
                );
            }
            tokio::time::advance(std::time::Duration::from_millis(500)).await;
        }
    }
    assert_eq!(site.renders(), 1);
}
