//! Tests stale-while-revalidate, `expire`, and pages that never go stale by time.

use std::collections::BTreeSet;

use isr_layer::{Page, Policy};
use isr_tests::{Act, Reply, settle};

use crate::{A, pass, secs, site_and_layer, site_with, ten_seconds, visit};

#[tokio::test(start_paused = true)]
async fn a_stale_page_is_served_at_once_and_refreshed_by_one_render() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;
    site.publish(2);
    pass(10).await;
    site.before().close();

    let stale = visit(&service).await;
    let again = visit(&service).await;
    site.before().reached(2).await;
    site.before().open();
    settle().await;
    let fresh = visit(&service).await;

    assert_eq!(stale.cache_status(), "isr; hit; ttl=0; detail=stale-time");
    assert_eq!(
        (stale.text(), again.text(), fresh.text()),
        ("/a v1", "/a v1", "/a v2")
    );
    assert_eq!(fresh.cache_status(), "isr; hit; ttl=10");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_ttl_of_a_stale_page_is_how_long_it_is_stale() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;
    site.before().close();

    pass(17).await;

    assert_eq!(
        visit(&service).await.cache_status(),
        "isr; hit; ttl=-7; detail=stale-time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_page_that_nobody_asks_for_is_not_rendered() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;

    tokio::time::sleep(secs(1000)).await;
    settle().await;

    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn past_expire_the_client_waits_for_a_new_page() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;
    site.publish(2);

    pass(100).await;
    let answer = visit(&service).await;

    assert_eq!(answer.text(), "/a v2");
    assert_eq!(answer.cache_status(), "isr; fwd=stale; stored");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn past_expire_the_old_page_is_not_even_served_on_error() {
    for (act, status) in [
        (Act::from(Reply::status(503).chunk("down")), 503),
        (Act::Panic, 500),
        (Act::Hang, 504),
    ] {
        let (site, service) = site_with(ten_seconds());
        visit(&service).await;
        site.act(act);

        pass(100).await;
        let answer = visit(&service).await;
        let remembered = visit(&service).await;

        assert_eq!(
            (answer.status.as_u16(), remembered.status.as_u16()),
            (status, status)
        );
        assert!(!answer.text().contains("v1") && !remembered.text().contains("v1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_expires_while_its_render_is_waited_for_is_not_served() {
    let (site, isr, service) = site_and_layer(ten_seconds());
    visit(&service).await;
    site.act(Act::Hang);
    pass(90).await;
    let _ = isr
        .cache()
        .revalidate(isr_layer::Purge::path("/a").mode(isr_layer::Mode::Expire))
        .await;

    // The render ends by its time limit at 120 s; the page expired at 100 s.
    let answer = visit(&service).await;

    assert_eq!(answer.status, 504, "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn without_expire_staleness_has_no_limit() {
    let (site, service) = site_with(A.with_policy(Policy::new().revalidate(secs(10))));
    visit(&service).await;
    site.act(Act::Error);

    for _ in 0..100 {
        pass(3600).await;
        let answer = visit(&service).await;
        settle().await;

        assert_eq!(answer.text(), "/a v1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_with_expire_alone_is_fresh_until_then() {
    let (site, service) = site_with(A.with_policy(Policy::new().expire(secs(50))));
    visit(&service).await;

    pass(49).await;
    let before = visit(&service).await;
    pass(1).await;
    let after = visit(&service).await;

    assert_eq!(before.cache_status(), "isr; hit; ttl=1");
    assert_eq!(after.cache_status(), "isr; fwd=stale; stored");
    assert_eq!(site.renders(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clients_wish_for_a_fresh_copy_forces_nothing() {
    let (site, service) = site_with(ten_seconds());
    visit(&service).await;

    for (name, value) in [
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("pragma", "no-cache"),
    ] {
        let request = isr_tests::request::<crate::Plain>(http::Method::GET, "/a", &[(name, value)]);
        let answer = isr_tests::ask(&service, request).await;

        assert_eq!(answer.cache_status(), "isr; hit; ttl=10", "{name}: {value}");
    }
    assert_eq!(site.renders(), 1);
}

#[tokio::test(start_paused = true)]
async fn jitter_shortens_a_lifetime_by_a_tenth_at_most() {
    for _ in 0..50 {
        let (site, service) =
            site_with(A.with_policy(Policy::new().revalidate(secs(100)).jitter(true)));
        visit(&service).await;

        pass(89).await;
        let hit = visit(&service).await;
        pass(11).await;
        visit(&service).await;
        settle().await;

        assert!(
            hit.cache_status().starts_with("isr; hit; ttl=")
                && !hit.cache_status().contains("stale")
        );
        assert_eq!(site.renders(), 2, "stale after 100 s at the latest");
    }
}

/// Returns the lifetimes in seconds that a hundred pages, rendered together, have by their `ttl`,
/// and the seconds at which some were expired.
async fn lifetimes(policy: Policy) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let (site, service) = site_with(Page::new("/p/{n}").with_policy(policy));
    let ask = async |n| {
        isr_tests::ask(&service, isr_tests::get::<crate::Plain>(&format!("/p/{n}"))).await
    };
    let (mut fresh, mut expired) = (BTreeSet::new(), BTreeSet::new());
    for n in 0..100 {
        ask(n).await;
        let hit = ask(n).await;
        let ttl = hit
            .cache_status()
            .strip_prefix("isr; hit; ttl=")
            .expect("it is fresh");
        fresh.insert(ttl.parse().expect("it is a number"));
    }
    site.act(Act::Error);
    pass(180).await;
    for second in 180..=200 {
        for n in 0..100 {
            let request = isr_tests::get::<crate::Plain>(&format!("/p/{n}"));
            if !isr_tests::try_ask(&service, request)
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                expired.insert(second);
            }
        }
        settle().await;
        pass(1).await;
    }
    (fresh, expired)
}

#[tokio::test(start_paused = true)]
async fn pages_rendered_together_go_stale_and_expire_together_unless_jitter_is_asked_for() {
    const POLICY: Policy = Policy::new().revalidate(secs(100)).expire(secs(200));

    let (fresh, expired) = lifetimes(POLICY).await;
    let (jittered, jittered_expiry) = lifetimes(POLICY.jitter(true)).await;

    assert_eq!((fresh, expired), ([100].into(), [200].into()));
    assert!(
        jittered.len() > 3 && jittered.iter().all(|ttl| (90..=100).contains(ttl)),
        "{jittered:?}"
    );
    assert!(
        jittered_expiry
            .first()
            .is_some_and(|first| (180..195).contains(first)),
        "{jittered_expiry:?}"
    );
}
