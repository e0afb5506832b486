//! Tests how long a response is fresh: by `s-maxage`, else `max-age`, else `Expires` minus `Date`,
//! and always minus `Age`.

use std::time::{Duration, SystemTime};

use crate::{pass, site_with, visit};

/// Returns whether a response with these headers is still a hit after that many seconds.
async fn is_hit_after(seconds: u64, headers: &[(&'static str, &str)]) -> bool {
    let (site, service) = site_with(headers);
    visit(&service).await;
    pass(seconds).await;
    let answer = visit(&service).await;
    let is_hit = answer.cache_status().starts_with("isr; hit; ttl=");
    assert_eq!(
        site.renders(),
        if is_hit { 1 } else { 2 },
        "{headers:?}: {}",
        answer.cache_status()
    );
    is_hit
}

fn in_seconds(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds))
}

#[tokio::test(start_paused = true)]
async fn s_maxage_goes_before_max_age_and_max_age_before_expires() {
    for (cache_control, lifetime) in [
        ("max-age=10", 10),
        ("s-maxage=10, max-age=99", 10),
        ("max-age=1, s-maxage=10", 10),
        ("max-age=\"10\"", 10),
    ] {
        let later = in_seconds(99);
        let headers = [
            ("cache-control", cache_control),
            ("expires", later.as_str()),
        ];

        assert!(
            is_hit_after(lifetime - 1, &headers).await,
            "{cache_control}"
        );
        assert!(!is_hit_after(lifetime, &headers).await, "{cache_control}");
    }
}

#[tokio::test(start_paused = true)]
async fn expires_counts_from_date_and_what_is_no_date_has_expired() {
    let (now, later) = (in_seconds(0), in_seconds(60));

    assert!(is_hit_after(50, &[("date", &now), ("expires", &later)]).await);
    assert!(!is_hit_after(61, &[("date", &now), ("expires", &later)]).await);
    assert!(!is_hit_after(0, &[("date", &later), ("expires", &now)]).await);
    assert!(!is_hit_after(0, &[("expires", "0")]).await);
    assert!(
        is_hit_after(50, &[("expires", &later)]).await,
        "without a date it is the time it came"
    );
}

#[tokio::test(start_paused = true)]
async fn the_age_it_came_with_counts() {
    let headers = |age| [("cache-control", "max-age=10"), ("age", age)];

    assert!(is_hit_after(3, &headers("6")).await);
    assert!(!is_hit_after(4, &headers("6")).await);
    assert!(
        is_hit_after(0, &headers("0, 99")).await,
        "the first member counts"
    );
    assert!(
        is_hit_after(0, &headers("old")).await,
        "what is no number is ignored"
    );
    assert!(!is_hit_after(0, &headers("2147483648")).await);
}

#[tokio::test(start_paused = true)]
async fn there_is_no_lifetime_of_our_own() {
    assert!(!is_hit_after(0, &[]).await);
    assert!(!is_hit_after(0, &[("cache-control", "public")]).await);
    assert!(!is_hit_after(0, &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")]).await);
    assert!(!is_hit_after(0, &[("cache-control", "max-age=nonsense")]).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_stale_is_not_served_without_a_window() {
    for cache_control in ["max-age=10", "s-maxage=10", "max-age=10, must-revalidate"] {
        let (site, service) = site_with(&[("cache-control", cache_control)]);
        visit(&service).await;
        site.publish(2);
        pass(10).await;

        let answer = visit(&service).await;

        assert_eq!(answer.text(), "/a v2", "{cache_control}");
        assert_eq!(answer.cache_status(), "isr; fwd=stale; stored");
    }
}

#[tokio::test(start_paused = true)]
async fn age_is_the_origins_age_and_ours() {
    let (_, service) = site_with(&[("cache-control", "max-age=60"), ("age", "10")]);

    assert_eq!(visit(&service).await.header("age"), "10");
    pass(5).await;
    let hit = visit(&service).await;

    assert_eq!(hit.header("age"), "15");
    assert_eq!(hit.cache_status(), "isr; hit; ttl=45");
}

#[tokio::test(start_paused = true)]
async fn the_time_the_origin_took_counts_as_age() {
    let (site, service) = site_with(&[("cache-control", "max-age=60")]);
    site.before().close();
    let first = tokio::spawn({
        let service = service.clone();
        async move { visit(&service).await }
    });
    site.before().reached(1).await;
    pass(3).await;
    site.before().open();
    first.await.unwrap();

    assert_eq!(visit(&service).await.header("age"), "3");
}
