//! One client's failure or refusal: it is of no consequence to requests that are not like it.

use http::Method;
use isr_layer::Isr;
use isr_tests::{Act, Answer, Reply, Site, ask, request, settle, try_ask};

use crate::{Plain, pass, says, site_that_says, visit, visit_with, with};

/// A request of a client for whom the origin does something else.
const STRANGE: &[(&str, &str)] = &[("x-strange", "1")];
const WINDOWS: &str = "s-maxage=10, stale-while-revalidate=500, stale-if-error=500";

/// Returns a site that acts in another way for requests with `x-strange`, a cookie, credentials or
/// an odd `Accept`.
fn site_with_act_for_strangers(act: impl Into<Act>) -> (Site, Isr<Site>) {
    let (site, service) = site_that_says("");
    let act = act.into();
    site.script(move |seen, _| {
        let is_strange = ["x-strange", "cookie", "authorization"]
            .iter()
            .any(|name| seen.headers.contains_key(*name))
            || seen
                .headers
                .get("accept")
                .is_some_and(|accept| accept == "odd/odd");
        match is_strange {
            true => act.clone(),
            false => says(WINDOWS).into(),
        }
    });
    (site, service)
}

/// Sends a GET for `/a` from the browser with this number.
async fn browse(service: &Isr<Site>, browser: usize) -> Answer {
    visit_with(service, &[("user-agent", &format!("browser {browser}"))]).await
}

#[tokio::test(start_paused = true)]
async fn a_strangers_failure_keeps_no_visitor_from_a_refresh() {
    let failures = || -> [Act; 6] {
        [
            Act::Error,
            Act::Panic,
            Reply::status(500).into(),
            Reply::status(503)
                .header("cache-control", "s-maxage=60")
                .into(),
            Reply::status(429)
                .header("cache-control", "no-store")
                .into(),
            says("s-maxage=60").cut().into(),
        ]
    };
    let strangers: [&[(&str, &str)]; 5] = [
        STRANGE,
        &[("cookie", "broken")],
        &[("authorization", "broken")],
        &[("accept", "odd/odd")],
        &[("accept", "odd/odd"), ("range", "bytes=9-1,x")],
    ];
    for (stranger, failure) in strangers
        .iter()
        .flat_map(|stranger| failures().map(|act| (stranger, act)))
    {
        let said = format!("{stranger:?} {failure:?}");
        let (site, service) = site_with_act_for_strangers(failure);
        visit(&service).await;
        site.publish(2);
        pass(10).await;

        visit_with(&service, stranger).await;
        settle().await;
        pass(1).await;
        visit(&service).await;
        settle().await;

        assert_eq!(visit(&service).await.text(), "/a v2", "{said}");
        assert_eq!(site.renders(), 3, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_that_come_again_and_again_keep_no_visitor_from_a_refresh() {
    let (site, service) = site_with_act_for_strangers(Reply::status(500));
    visit(&service).await;

    for version in 2..22 {
        site.publish(version);
        pass(10).await;
        for stranger in 0..20 {
            visit_with(&service, &[("x-strange", &format!("{version} {stranger}"))]).await;
            settle().await;
        }
        pass(1).await;
        visit(&service).await;
        settle().await;

        assert_eq!(visit(&service).await.text(), format!("/a v{version}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_rests_the_requests_like_it() {
    let (site, service) = site_with_act_for_strangers(Reply::status(500));
    visit(&service).await;
    pass(10).await;

    for (seconds, renders) in [(0, 2), (1, 2), (3, 2), (2, 3)] {
        pass(seconds).await;
        for _ in 0..10 {
            visit_with(&service, STRANGE).await;
            settle().await;
        }
        assert_eq!(site.renders(), renders);
    }
}

fn refusals() -> Vec<Reply> {
    let statuses = [200, 302, 400, 401, 403, 404, 406, 410, 416];
    let no_store = statuses.map(|status| Reply::status(status).header("cache-control", "no-store"));
    let others = [
        says("private, max-age=60"),
        says("s-maxage=60").header("set-cookie", "a=b"),
        says("s-maxage=60").header("vary", "*"),
        Reply::page(),
    ];
    no_store.into_iter().chain(others).collect()
}

/// In the background, where the stale response is served, and before the client, where it stands
/// in for errors alone.
#[tokio::test(start_paused = true)]
async fn a_strangers_refusal_drops_nothing_of_others() {
    for refusal in refusals() {
        for method in [Method::GET, Method::HEAD] {
            let said = format!("{method} {refusal:?}");
            let (site, service) = site_with_act_for_strangers(refusal.clone());
            visit(&service).await;
            site.publish(2);
            pass(10).await;

            let stranger = request::<Plain>(method, "/a", STRANGE);
            ask(&service, stranger).await;
            settle().await;
            let visitor = visit(&service).await;
            settle().await;

            assert_eq!(visitor.text(), "/a v1", "{said}");
            assert_eq!(visit(&service).await.text(), "/a v2", "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_strangers_refusal_takes_no_one_the_response_that_stands_in_for_errors() {
    for refusal in refusals() {
        let said = format!("{refusal:?}");
        let (site, service) = site_that_says("max-age=10, stale-if-error=500");
        visit(&service).await;
        pass(20).await;
        site.act(refusal);
        let stranger = visit_with(&service, STRANGE).await;
        site.act(Reply::status(503));

        let visitor = visit(&service).await;

        assert!(!stranger.cache_status().contains("hit"), "{said}");
        assert_eq!(
            visitor.cache_status(),
            "isr; fwd=stale; detail=failed-status",
            "{said}"
        );
        assert_eq!((visitor.status.as_u16(), visitor.text()), (200, "/a v1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_another_variant_leaves_this_one() {
    let (site, service) = site_that_says("");
    site.script(|seen, _| match seen.headers.get("foo") {
        Some(foo) if foo == "2" => says("no-store").header("vary", "foo").into(),
        _ => says(WINDOWS).header("vary", "foo").into(),
    });
    visit_with(&service, &[("foo", "1")]).await;

    for _ in 0..20 {
        visit_with(&service, &[("foo", "2")]).await;
    }

    let hit = visit_with(&service, &[("foo", "1")]).await;
    assert!(
        hit.cache_status().starts_with("isr; hit; ttl=10"),
        "{hit:?}"
    );
}

/// All visitors differ, as behind a proxy that numbers requests.
#[tokio::test(start_paused = true)]
async fn what_everybody_is_refused_is_dropped_after_eight_tries() {
    let (site, service) = site_that_says(WINDOWS);
    browse(&service, 0).await;
    site.act(says("no-store"));
    pass(10).await;

    for browser in 1..=8 {
        let stale = browse(&service, browser).await;
        settle().await;
        assert!(
            stale.cache_status().starts_with("isr; hit"),
            "{browser}: {stale:?}"
        );
        pass(5).await;
    }

    let dropped = browse(&service, 9).await;
    assert_eq!(
        dropped.cache_status(),
        "isr; fwd=uri-miss; detail=cache-control"
    );
    assert_eq!(site.renders(), 10);
}

/// One client can send as many requests as it likes, and make each unlike the last.
#[tokio::test(start_paused = true)]
async fn strangers_who_are_refused_at_once_a_hundred_times_drop_nothing_of_others() {
    for refusal in refusals() {
        for field in ["x-strange", "authorization"] {
            let said = format!("{field} {refusal:?}");
            let (site, service) = site_with_act_for_strangers(refusal.clone());
            visit(&service).await;
            site.publish(2);
            pass(10).await;

            for second in 0..20 {
                for stranger in 0..5 {
                    let stranger = format!("Basic {second} {stranger}");
                    visit_with(&service, &[(field, &stranger)]).await;
                    settle().await;
                }
                pass(1).await;
            }

            assert_eq!(visit(&service).await.text(), "/a v1", "{said}");
            settle().await;
            assert_eq!(visit(&service).await.text(), "/a v2", "{said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_only_client_left_is_refused_is_dropped_after_eight_tries_too() {
    let (site, service) = site_that_says(WINDOWS);
    browse(&service, 0).await;
    site.act(says("no-store"));
    pass(10).await;

    for tries in 1..=8 {
        for _ in 0..10 {
            let stale = browse(&service, 1).await;
            settle().await;
            let is_hit = stale.cache_status().starts_with("isr; hit");
            assert!(is_hit || tries == 8, "{tries}: {stale:?}");
        }
        if tries < 8 {
            assert_eq!(site.renders(), 1 + tries);
        }
        pass(5).await;
    }

    let dropped = browse(&service, 1).await;
    assert_eq!(
        dropped.cache_status(),
        "isr; fwd=uri-miss; detail=cache-control"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_request_that_stored_it_is_refused_is_dropped_at_once() {
    let (site, service) = site_that_says(WINDOWS);
    browse(&service, 1).await;
    site.act(says("no-store"));
    pass(10).await;

    browse(&service, 1).await;
    settle().await;

    let dropped = browse(&service, 2).await;
    assert_eq!(
        dropped.cache_status(),
        "isr; fwd=uri-miss; detail=cache-control"
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_between_them_forgets_the_refusals() {
    let (site, service) = site_with_act_for_strangers(says("no-store"));
    visit(&service).await;

    for version in 2..12 {
        pass(10).await;
        site.publish(version);
        for stranger in 0..7 {
            visit_with(&service, &[("x-strange", &format!("{version} {stranger}"))]).await;
            settle().await;
        }
        assert!(visit(&service).await.cache_status().starts_with("isr; hit"));
        settle().await;
    }

    assert_eq!(visit(&service).await.text(), "/a v11");
}

/// A refusal tells that requests like it need not wait for each other. It tells nothing of others.
#[tokio::test(start_paused = true)]
async fn visitors_share_a_fetch_though_a_stranger_was_refused() {
    let (site, service) =
        site_with_act_for_strangers(Reply::status(401).header("cache-control", "no-store"));
    visit_with(&service, STRANGE).await;
    site.before().close();

    let visitors = [(); 20].map(|()| {
        let service = service.clone();
        tokio::spawn(async move { visit(&service).await })
    });
    settle().await;
    site.before().open();
    for visitor in visitors {
        assert_eq!(visitor.await.unwrap().text(), "/a v1");
    }

    assert_eq!(site.renders(), 2);
}

/// Each visitor's response is private: after two of them it is known, and no third waits.
#[tokio::test(start_paused = true)]
async fn two_different_visitors_tell_that_a_response_is_for_each_alone() {
    let (site, service) = site_that_says("private");
    for browser in 0..2 {
        browse(&service, browser).await;
    }
    site.before().close();

    let visitors = [2, 3, 4, 5].map(|browser| {
        let service = service.clone();
        tokio::spawn(async move { browse(&service, browser).await })
    });
    settle().await;

    assert_eq!(site.renders(), 6);
    site.before().open();
    for visitor in visitors {
        visitor.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_strangers_refresh_that_hangs_holds_the_refreshes_of_others_ten_seconds() {
    let (site, service) = site_with_act_for_strangers(Act::Hang);
    visit(&service).await;
    site.publish(2);
    pass(10).await;
    visit_with(&service, STRANGE).await;
    settle().await;

    for (seconds, text) in [(0, "/a v1"), (9, "/a v1"), (1, "/a v2")] {
        pass(seconds).await;
        visit(&service).await;
        settle().await;
        assert_eq!(visit(&service).await.text(), text, "{seconds}");
    }
}

/// A stranger came first, so that all visitors wait for its response, which is none for them.
#[tokio::test(start_paused = true)]
async fn visitors_who_waited_for_a_strangers_request_share_the_next() {
    let failures: [Act; 4] = [
        Act::Error,
        Act::Panic,
        Reply::status(500).into(),
        says("s-maxage=60").cut().into(),
    ];
    for act in refusals().into_iter().map(Act::from).chain(failures) {
        let said = format!("{act:?}");
        let (site, service) = site_with_act_for_strangers(act);
        site.before().close();
        let come = |headers: &'static [(&str, &str)]| {
            let service = service.clone();
            tokio::spawn(async move { try_ask(&service, with(headers)).await })
        };
        let stranger = come(STRANGE);
        site.before().reached(1).await;
        let visitors = [(); 20].map(|()| come(&[]));
        settle().await;
        assert_eq!(site.renders(), 1, "all wait: {said}");

        site.before().open();
        // The stranger has what the origin gave it.
        let _ = stranger.await;
        for visitor in visitors {
            let visitor = visitor.await.unwrap().expect("its own fetch succeeds");
            assert_eq!(visitor.text(), "/a v1", "{said}");
        }

        assert_eq!(site.renders(), 2, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn visitors_who_waited_for_a_strangers_failure_get_more_than_what_stands_in_for_errors() {
    let (site, service) = site_that_says("");
    site.script(|seen, _| match seen.headers.contains_key("x-strange") {
        true => Reply::status(500).into(),
        false => says("max-age=10, stale-if-error=500").into(),
    });
    visit(&service).await;
    site.publish(2);
    pass(20).await;
    site.before().close();
    let come = |headers: &'static [(&str, &str)]| {
        let service = service.clone();
        tokio::spawn(async move { visit_with(&service, headers).await })
    };
    let stranger = come(STRANGE);
    site.before().reached(2).await;
    let visitors = [(); 20].map(|()| come(&[]));
    settle().await;

    site.before().open();
    assert_eq!(
        stranger.await.unwrap().text(),
        "/a v1",
        "the old one stands in"
    );
    for visitor in visitors {
        assert_eq!(visitor.await.unwrap().text(), "/a v2");
    }

    assert_eq!(site.renders(), 3);
}
