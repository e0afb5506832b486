//! `Vary` gives several variants per URL; `*` anywhere means never.

use isr_tests::{Site, ask, get};
use tower::Layer;

use crate::{Plain, builder, says, site_with, visit_with};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

#[tokio::test]
async fn each_variant_is_stored_beside_the_others() {
    let (site, service) = site_with(&[FRESH, ("vary", "Accept-Language")]);
    for (language, version) in [("de", 1), ("en", 2)] {
        site.publish(version);
        visit_with(&service, &[("accept-language", language)]).await;
    }

    for (language, text) in [("de", "/a v1"), ("en", "/a v2"), ("DE", "/a v1")] {
        let answer = visit_with(&service, &[("accept-language", language)]).await;
        assert_eq!(answer.text(), text, "{language}");
        assert!(answer.cache_status().starts_with("isr; hit"));
    }
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn a_request_that_differs_is_a_vary_miss() {
    for (stored, asked) in [
        (&[("foo", "1")][..], &[("foo", "2")][..]),
        (&[("foo", "1")], &[]),
        (&[], &[("foo", "1")]),
        (&[("foo", "1"), ("bar", "2")], &[("foo", "1")]),
        (&[("foo", "1")], &[("foo", "1"), ("foo", "1")]),
    ] {
        let (_, service) = site_with(&[FRESH, ("vary", "Foo"), ("vary", ", Bar,")]);
        visit_with(&service, stored).await;

        let answer = visit_with(&service, asked).await;

        assert_eq!(
            answer.cache_status(),
            "isr; fwd=vary-miss; stored",
            "{stored:?} {asked:?}"
        );
    }
}

#[tokio::test]
async fn a_star_anywhere_means_never() {
    for lines in [
        &["*"][..],
        &["*, *"],
        &["*", "*"],
        &[", *"],
        &["", "*"],
        &["*, Foo"],
        &["Foo, *"],
        &["Foo", "*"],
    ] {
        let headers = std::iter::once(FRESH)
            .chain(lines.iter().map(|line| ("vary", *line)))
            .collect::<Vec<_>>();
        let (site, service) = site_with(&headers);

        visit_with(&service, &[]).await;
        let second = visit_with(&service, &[]).await;

        assert_eq!(site.renders(), 2, "{lines:?}");
        assert_eq!(second.cache_status(), "isr; fwd=uri-miss; detail=vary");
    }
}

#[tokio::test]
async fn the_newest_of_two_variants_that_match_is_the_one() {
    let (site, service) = site_with(&[]);
    site.script(|seen, _| {
        let vary = if seen.headers.contains_key("bar") {
            "bar"
        } else {
            "foo"
        };
        crate::reply(&[FRESH, ("vary", vary)]).into()
    });
    visit_with(&service, &[("foo", "1")]).await;
    site.publish(2);
    visit_with(&service, &[("foo", "2"), ("bar", "1")]).await;

    assert_eq!(
        visit_with(&service, &[("foo", "1"), ("bar", "1")])
            .await
            .text(),
        "/a v2"
    );
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn the_key_is_authority_path_and_raw_query() {
    let (site, service) = site_with(&[FRESH]);
    for (host, path) in [
        ("one", "/a"),
        ("two", "/a"),
        ("one", "/a?"),
        ("one", "/a?x=1&y=2"),
        ("one", "/a?y=2&x=1"),
        ("one", "/a/"),
    ] {
        let asked = || {
            let mut request = get::<Plain>(path);
            request.headers_mut().insert("host", host.parse().unwrap());
            request
        };
        assert_eq!(
            ask(&service, asked()).await.cache_status(),
            "isr; fwd=uri-miss; stored",
            "{host} {path}"
        );
        assert!(
            ask(&service, asked())
                .await
                .cache_status()
                .starts_with("isr; hit"),
            "{host} {path}"
        );
    }
    assert_eq!(site.renders(), 6);
}

#[tokio::test]
async fn the_scheme_is_part_of_the_key_where_the_request_says_it() {
    let (site, service) = site_with(&[FRESH]);
    for target in ["http://one/a", "https://one/a", "http://two/a"] {
        for status in ["isr; fwd=uri-miss; stored", "isr; hit; ttl=60"] {
            assert_eq!(
                ask(&service, get::<Plain>(target)).await.cache_status(),
                status,
                "{target}"
            );
        }
    }
    let default_port = ask(&service, get::<Plain>("http://ONE:80/a")).await;

    assert_eq!(
        (default_port.cache_status(), site.renders()),
        ("isr; hit; ttl=60", 3)
    );
}

#[tokio::test]
async fn variants_of_one_url_are_bounded() {
    let (site, isr, service) = crate::site_and_layer(&[FRESH, ("vary", "Foo")]);
    for at in 0..100 {
        visit_with(&service, &[("foo", &at.to_string())]).await;
    }

    assert!(
        visit_with(&service, &[("foo", "99")])
            .await
            .cache_status()
            .starts_with("isr; hit")
    );
    assert!(
        visit_with(&service, &[("foo", "0")])
            .await
            .cache_status()
            .starts_with("isr; fwd=vary-miss")
    );
    assert_eq!(site.renders(), 101);
    assert!(
        isr.cache().metrics().bytes() < 100_000,
        "{:?}",
        isr.cache().metrics()
    );
}

/// Clients choose the number of variants of a target.
#[tokio::test]
async fn variants_that_memory_has_no_room_for_end_the_oldest_and_not_all() {
    let site = Site::new();
    site.act(
        says("max-age=60")
            .header("vary", "foo")
            .chunk(vec![b'x'; 50_000]),
    );
    let service = builder()
        .max_memory_bytes(1 << 20)
        .build()
        .expect("a megabyte")
        .layer(site.clone());

    for foo in 0..30 {
        visit_with(&service, &[("foo", &foo.to_string())]).await;
        let before = foo.max(5) - 5;
        let kept = visit_with(&service, &[("foo", &before.to_string())]).await;
        assert!(
            kept.cache_status().starts_with("isr; hit"),
            "{before} after {foo}: {kept:?}"
        );
    }
}
