//! Tests declared query parameters and headers: one path has several variants, and one purge
//! reaches all of them.

use http::Method;
use isr_layer::{Mode, Page, Policy, Purge};
use isr_tests::{Act, Answer, Reply};

use crate::{A, Stage};

const PAGE: Page = A.with_policy(
    Policy::new()
        .query(&["page", "q"])
        .vary(&["accept-language", "x-theme"])
        .tags(&["all"]),
);

/// Targets and languages that are different pages.
const VARIANTS: [(&str, &str); 6] = [
    ("/a", "de"),
    ("/a", "en"),
    ("/a?page=2", "de"),
    ("/a?page=2", "en"),
    ("/a?page=2&q=x", "de"),
    ("/a?q=x&q=y", "de"),
];

/// Makes a site whose bodies contain target, language and version.
fn stage() -> Stage {
    let stage = Stage::new(PAGE);
    stage.site.script(|seen, version| {
        let language = seen
            .headers
            .get("accept-language")
            .map(|value| value.as_bytes().to_vec());
        let text = format!("{} {:?} v{version}\n", seen.uri, language).repeat(100);
        Act::from(
            Reply::page()
                .header("content-type", "text/plain")
                .chunk(text),
        )
    });
    stage
}

async fn ask(stage: &Stage, (path, language): (&str, &str)) -> Answer {
    stage
        .ask(
            Method::GET,
            path,
            &[("accept-language", language), ("accept-encoding", "br")],
        )
        .await
}

#[tokio::test]
async fn each_variant_is_a_page_of_its_own_with_encodings_of_its_own() {
    let stage = stage();
    for variant in VARIANTS {
        ask(&stage, variant).await;
    }
    stage.drained().await;

    let mut bodies = Vec::new();
    for variant in VARIANTS {
        let answer = ask(&stage, variant).await;
        assert_eq!(
            (answer.cache_status(), answer.header("content-encoding")),
            ("isr; hit", "br"),
            "{variant:?}"
        );
        bodies.push(answer.decoded());
    }

    bodies.sort();
    bodies.dedup();
    assert_eq!(
        (bodies.len(), stage.site.renders()),
        (VARIANTS.len(), VARIANTS.len())
    );
}

#[tokio::test]
async fn one_purge_reaches_every_variant_whatever_it_names() {
    for purge in [
        Purge::path("/a"),
        Purge::tag("all"),
        Purge::page("/a"),
        Purge::prefix("/a"),
        Purge::all(),
    ] {
        let stage = stage();
        for variant in VARIANTS {
            ask(&stage, variant).await;
        }
        stage.site.publish(2);

        let _ = stage
            .isr
            .cache()
            .revalidate(purge.clone().mode(Mode::Expire))
            .await;

        for variant in VARIANTS {
            let body = ask(&stage, variant).await.decoded();
            assert!(
                String::from_utf8_lossy(&body).contains(" v2\n"),
                "{variant:?} after {purge:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_declared_is_neither_in_the_key_nor_seen() {
    let stage = stage();
    let headers = [
        ("accept-language", "de"),
        ("x-other", "1"),
        ("user-agent", "curl"),
    ];

    for target in [
        "/a?utm_source=x",
        "/a?fbclid=1&utm=2",
        "/a?PAGE=2",
        "/a?",
        "/a?&",
        "/a?%70AGE=2",
    ] {
        stage.ask(Method::GET, target, &headers).await;
    }

    let seen = stage.site.seen();
    assert_eq!((seen.len(), seen[0].uri.to_string()), (1, "/a".to_owned()));
    assert_eq!(
        seen[0]
            .headers
            .keys()
            .map(http::HeaderName::as_str)
            .collect::<Vec<_>>(),
        ["accept-language"]
    );
}

#[tokio::test]
async fn the_order_of_parameters_and_what_stands_between_them_makes_no_other_page() {
    let stage = stage();

    for target in [
        "/a?page=2&q=x",
        "/a?q=x&page=2",
        "/a?utm=1&q=x&&page=2",
        "/a?q=x&page=2&q2=z",
    ] {
        stage.ask(Method::GET, target, &[]).await;
    }

    assert_eq!(stage.site.renders(), 1);
    assert_eq!(stage.site.seen()[0].uri, "/a?page=2&q=x");
}

#[tokio::test]
async fn parameters_that_could_be_cloaked_stay_what_they_are() {
    let stage = stage();

    for target in [
        "/a?page=1",
        "/a?page=1;page=2",
        "/a?page=2&page=1",
        "/a?page=1&page=2",
        "/a?page=%31",
        "/a?page",
    ] {
        stage.ask(Method::GET, target, &[]).await;
        assert_eq!(stage.site.seen().last().expect("one was seen").uri, target);
    }

    assert_eq!(stage.site.renders(), 6);
}

#[tokio::test]
async fn case_and_white_space_of_a_declared_header_count_only_where_they_mean_something() {
    let stage = stage();

    for (name, value, renders) in [
        ("accept-language", "de", 1),
        ("accept-language", "DE", 1),
        ("accept-language", "  de\t", 1),
        ("x-theme", "dark", 2),
        ("x-theme", "Dark", 3),
        ("x-theme", " dark ", 3),
    ] {
        stage.ask(Method::GET, "/a", &[(name, value)]).await;

        assert_eq!(stage.site.renders(), renders, "{name}: {value:?}");
    }
}

#[tokio::test]
async fn an_absent_header_an_empty_one_and_two_lines_are_three_things() {
    let stage = stage();

    stage.ask(Method::GET, "/a", &[]).await;
    stage.ask(Method::GET, "/a", &[("x-theme", "")]).await;
    stage
        .ask(Method::GET, "/a", &[("x-theme", "a"), ("x-theme", "b")])
        .await;
    stage.ask(Method::GET, "/a", &[("x-theme", "a, b")]).await;

    assert_eq!(
        stage.site.renders(),
        3,
        "two lines mean what one with a comma means"
    );
}

#[tokio::test]
async fn head_range_and_conditions_find_their_variant() {
    let stage = stage();
    ask(&stage, ("/a?page=2", "en")).await;
    ask(&stage, ("/a", "de")).await;
    let identity = [("accept-language", "en")];
    let english = stage.ask(Method::GET, "/a?page=2", &identity).await;
    let of = |extra| [("accept-language", "en"), extra];

    let head = stage
        .ask(Method::HEAD, "/a?page=2&utm=1", &of(("x", "y")))
        .await;
    let part = stage
        .ask(Method::GET, "/a?page=2", &of(("range", "bytes=0-8")))
        .await;
    let known = stage
        .ask(
            Method::GET,
            "/a?page=2",
            &of(("if-none-match", english.header("etag"))),
        )
        .await;

    assert_eq!(head.header("etag"), english.header("etag"));
    assert_eq!((part.status.as_u16(), part.text()), (206, "/a?page=2"));
    assert_eq!(known.status, 304);
    assert_eq!(stage.site.renders(), 2);
}
