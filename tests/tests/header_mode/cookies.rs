//! Requests with cookies: a response is shared with them only if it says that it is for everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use isr_tests::settle;

use crate::{pass, says, site_that_says, visit, visit_with};

const SESSION: &[(&str, &str)] = &[("cookie", "session=1")];

#[tokio::test]
async fn a_response_to_a_cookie_is_not_stored_without_a_word_for_it() {
    for cache_control in [
        "max-age=60",
        "max-age=60, must-revalidate",
        "max-age=60, proxy-revalidate",
        "max-age=60, stale-while-revalidate=60",
    ] {
        for user in [
            SESSION,
            &[("cookie", "")],
            &[("cookie", "a=1"), ("cookie", "b=2")],
            &[("cookie", "session=1"), ("authorization", "Basic x")],
        ] {
            let (site, service) = site_that_says(cache_control);

            let own = visit_with(&service, user).await;
            let visitor = visit(&service).await;

            let said = format!("{cache_control} {user:?}");
            assert_eq!(
                own.cache_status(),
                "isr; fwd=uri-miss; detail=authorization",
                "{said}"
            );
            assert_eq!(
                visitor.cache_status(),
                "isr; fwd=uri-miss; stored",
                "{said}"
            );
            assert_eq!(site.renders(), 2);
        }
    }
}

#[tokio::test]
async fn public_and_s_maxage_are_such_words() {
    for cache_control in [
        "max-age=60, public",
        "s-maxage=60",
        "s-maxage=60, must-revalidate",
    ] {
        let (site, service) = site_that_says(cache_control);
        visit_with(&service, SESSION).await;

        for other in [
            SESSION,
            &[],
            &[("cookie", "session=2")],
            &[("authorization", "Basic x")],
        ] {
            let hit = visit_with(&service, other).await;
            assert!(
                hit.cache_status().starts_with("isr; hit"),
                "{cache_control} {other:?}"
            );
        }
        assert_eq!(site.renders(), 1);
    }
}

#[tokio::test]
async fn a_request_with_a_cookie_does_not_get_what_was_stored_for_visitors_without() {
    let (site, service) = site_that_says("max-age=60");
    visit(&service).await;

    let own = visit_with(&service, SESSION).await;

    assert_eq!(
        own.cache_status(),
        "isr; fwd=vary-miss; detail=authorization"
    );
    assert_eq!(site.renders(), 2);
    assert!(
        visit(&service).await.cache_status().starts_with("isr; hit"),
        "what is stored stays"
    );
}

/// A visitor's stored response must not become that of a user by a 304 either.
#[tokio::test(start_paused = true)]
async fn a_user_with_a_cookie_validates_nothing_of_a_visitor() {
    let (site, service) = crate::site_with(&[("cache-control", "max-age=10"), ("etag", "\"x\"")]);
    visit(&service).await;
    crate::pass(10).await;

    visit_with(&service, SESSION).await;

    assert!(!site.seen()[1].headers.contains_key("if-none-match"));
}

/// Every visitor has a cookie, so that no fetch can replace the response any more.
#[tokio::test(start_paused = true)]
async fn what_is_no_longer_for_everybody_is_dropped_though_every_visitor_has_a_cookie() {
    for field in ["cookie", "authorization"] {
        for window in ["stale-while-revalidate=600", "stale-if-error=600"] {
            let said = format!("{field} {window}");
            let (site, service) = site_that_says(&format!("public, max-age=10, {window}"));
            let come = async |visitor: usize| {
                let answer = visit_with(&service, &[(field, &visitor.to_string())]).await;
                settle().await;
                answer
            };
            come(0).await;
            site.act(says("max-age=10"));
            site.publish(2);
            pass(10).await;

            for visitor in 1..=8 {
                come(visitor).await;
                pass(5).await;
            }

            let own = come(9).await;
            assert_eq!(
                (own.text(), own.cache_status()),
                ("/a v2", "isr; fwd=uri-miss; detail=authorization"),
                "{said}"
            );
            site.before().close();
            let visitors = [10, 11, 12].map(|visitor| {
                let (service, visitor) = (service.clone(), visitor.to_string());
                tokio::spawn(async move { visit_with(&service, &[(field, &visitor)]).await })
            });
            settle().await;
            assert_eq!(site.renders(), 13, "no visitor waits for another: {said}");
            site.before().open();
            for visitor in visitors {
                visitor.await.expect("the site responds");
            }
        }
    }
}

/// One user waits for another's request, and meanwhile a visitor's response is stored for all.
#[tokio::test(start_paused = true)]
async fn who_waited_for_a_refusal_gets_what_was_stored_meanwhile() {
    let (site, service) = site_that_says("");
    let is_refused = Arc::new(AtomicBool::new(true));
    site.script(move |seen, _| match seen.headers.contains_key("cookie") {
        true if is_refused.swap(false, Ordering::Relaxed) => says("no-store").into(),
        _ => says("public, max-age=60").into(),
    });
    site.before().close();
    let come = |headers: &'static [(&str, &str)]| {
        let service = service.clone();
        tokio::spawn(async move { visit_with(&service, headers).await })
    };
    let visitor = come(&[]);
    site.before().reached(1).await;
    let user = come(SESSION);
    site.before().reached(2).await;
    let waiting = come(SESSION);
    settle().await;

    site.before().open();

    for (client, status) in [
        (visitor, "isr; fwd=uri-miss; stored"),
        (user, "isr; fwd=uri-miss; detail=cache-control"),
        (waiting, "isr; hit; ttl=60"),
    ] {
        assert_eq!(client.await.unwrap().cache_status(), status);
    }
    assert_eq!(site.renders(), 2);
}
