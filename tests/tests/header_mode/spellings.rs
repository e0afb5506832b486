//! Spellings of one host: the default port, an empty port and case make no other target.

use http::Method;
use isr_tests::{Answer, ask, request};

use crate::{Plain, site_that_says};

/// Spellings of one target each; the first of each pair is the target of the request, the second
/// its `Host`.
const SAME: &[&[(&str, &str)]] = &[
    &[
        ("/a", "example.com"),
        ("/a", "EXAMPLE.com"),
        ("/a", "example.com:80"),
        ("/a", "example.com:443"),
        ("/a", "Example.Com:"),
    ],
    &[
        ("http://example.com/a", "example.com"),
        ("http://EXAMPLE.com:80/a", "example.com:80"),
        ("http://example.com/a", "example.com:"),
        ("http://example.com:80/a", "Example.com"),
        ("HTTP://example.com/a", ""),
    ],
    &[
        ("https://example.com/a", "example.com"),
        ("https://example.com:443/a", "example.com"),
        ("https://example.com/a", "EXAMPLE.com:443"),
    ],
    &[
        ("/a", "[::1]"),
        ("/a", "[::1]:80"),
        ("/a", "[::1]:"),
        ("/a", "[::1]:443"),
    ],
    &[("/a", "127.0.0.1"), ("/a", "127.0.0.1:80")],
];

/// Pairs of different targets.
const DIFFERENT: &[[(&str, &str); 2]] = &[
    [("/a", "example.com"), ("/a", "example.com:81")],
    [("/a", "example.com"), ("/a", "example.com:8080")],
    [("/a", "example.com"), ("/a", "example.com:4430")],
    [("/a", "example.com"), ("/a", "example.com.")],
    [("/a", "example.com"), ("/a", "www.example.com")],
    [("/a", "[::1]"), ("/a", "[::1]:81")],
    [("/a", "[::1]"), ("/a", "[::1:80]")],
    [("/a", "fe80:"), ("/a", "fe80::80")],
    [
        ("http://example.com/a", ""),
        ("http://example.com:443/a", ""),
    ],
    [
        ("https://example.com/a", ""),
        ("https://example.com:80/a", ""),
    ],
];

fn ask_at<'a>(
    service: &'a isr_layer::Isr<isr_tests::Site>,
    method: Method,
    (uri, host): (&str, &str),
) -> impl Future<Output = Answer> + use<'a> {
    let hosts = [("host", host)];
    let headers = if host.is_empty() { &[][..] } else { &hosts };
    ask(service, request::<Plain>(method, uri, headers))
}

#[tokio::test]
async fn spellings_of_one_host_are_one_entry() {
    for spellings in SAME {
        for (one, other) in spellings
            .iter()
            .flat_map(|one| spellings.iter().map(move |other| (one, other)))
        {
            let (site, service) = site_that_says("max-age=60");

            ask_at(&service, Method::GET, *one).await;
            let hit = ask_at(&service, Method::GET, *other).await;

            assert!(
                hit.cache_status().starts_with("isr; hit"),
                "{one:?} {other:?} {hit:?}"
            );
            assert_eq!(site.renders(), 1);
        }
    }
}

#[tokio::test]
async fn a_change_at_one_spelling_of_a_host_is_a_change_at_all() {
    for spellings in &SAME[..3] {
        for (one, changed) in SAME[..3]
            .iter()
            .flat_map(|all| all.iter())
            .flat_map(|one| spellings.iter().map(move |changed| (one, changed)))
        {
            let (_, service) = site_that_says("max-age=60");
            ask_at(&service, Method::GET, *one).await;

            ask_at(&service, Method::POST, *changed).await;

            let again = ask_at(&service, Method::GET, *one).await;
            assert_eq!(
                again.cache_status(),
                "isr; fwd=uri-miss; stored",
                "{one:?} {changed:?}"
            );
        }
    }
}

#[tokio::test]
async fn other_ports_and_names_are_other_targets() {
    for [one, other] in DIFFERENT {
        let (site, service) = site_that_says("max-age=60");

        ask_at(&service, Method::GET, *one).await;
        let answer = ask_at(&service, Method::GET, *other).await;

        assert!(
            !answer.cache_status().contains("hit"),
            "{one:?} {other:?} {answer:?}"
        );
        assert_eq!(site.renders(), 2);
    }
}

#[tokio::test]
async fn a_location_names_the_target_in_any_spelling() {
    for location in [
        "http://example.com:80/a",
        "http://example.com:/a",
        "//EXAMPLE.com:80/a",
        "//example.com/a",
    ] {
        let (site, service) = site_that_says("max-age=60");
        ask_at(&service, Method::GET, ("/a", "example.com")).await;
        site.act(isr_tests::Reply::status(201).header("location", location));

        ask_at(&service, Method::POST, ("/b", "example.com:80")).await;

        let again = ask_at(&service, Method::GET, ("/a", "example.com")).await;
        assert!(!again.cache_status().contains("hit"), "{location}");
    }
}
