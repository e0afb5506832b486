//! Tests pages that are keyed by a function of a request header: only its result is in the key, and
//! only its result is what the handler sees.

use http::Method;
use isr_layer::{ErrorKind, Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Answer, Reply, Site, ask, request};
use tower::Layer;

use crate::{A, Plain, visit};

const LOCALIZED: Page = A.with_policy(Policy::new().vary(&["accept-language"]));

/// Chooses a language of the site by the first tag of `Accept-Language`.
fn language(value: &str) -> &'static str {
    assert!(!value.contains("panic"), "told to panic");
    match value {
        value if value.starts_with("de") => "de",
        value if value.contains("odd") => "one\nline",
        _ => "en",
    }
}

fn builder() -> IsrLayerBuilder {
    IsrLayer::builder()
        .without_registered()
        .pages([LOCALIZED])
        .vary_by("accept-language", language)
}

fn site(builder: IsrLayerBuilder) -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    site.script(|seen, version| {
        let language = seen.headers.get("accept-language");
        Reply::page()
            .chunk(format!("{language:?} v{version}"))
            .into()
    });
    let isr = builder.build().expect("all of it is accepted");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

async fn accepting(service: &Isr<Site>, languages: &[&str]) -> Answer {
    let headers = languages.iter().map(|value| ("accept-language", *value));
    let headers = headers.collect::<Vec<_>>();
    ask(service, request::<Plain>(Method::GET, "/a", &headers)).await
}

/// Browsers spell one wish in many ways, and each was a page of its own.
#[tokio::test]
async fn every_spelling_of_a_language_gets_one_page() {
    let (site, _, service) = site(builder());

    for german in [
        &["de"][..],
        &["DE"],
        &["de-AT"],
        &["de-DE,de;q=0.9,en;q=0.8"],
        &[" de , en"],
        &["de", "en"],
        &["de;q=1.0"],
    ] {
        let answer = accepting(&service, german).await;
        assert_eq!(answer.text(), "Some(\"de\") v1", "{german:?}");
        assert_eq!(answer.header("vary"), "accept-language");
    }
    for english in [&[][..], &[""], &["en"], &["fr;q=0.9"], &["*"]] {
        let answer = accepting(&service, english).await;
        assert_eq!(answer.text(), "Some(\"en\") v1", "{english:?}");
        assert_eq!(answer.header("vary"), "accept-language");
    }

    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn however_many_values_clients_send_there_are_only_the_results() {
    let (site, isr, service) = site(builder());

    for number in 0..1_000 {
        accepting(&service, &[&format!("x-{number}, de")]).await;
    }

    assert_eq!((site.renders(), isr.cache().metrics().entries()), (1, 1));
}

#[tokio::test]
async fn a_header_that_is_kept_too_shows_no_more_than_the_result() {
    let kept = http::HeaderName::from_static("accept-language");
    let (site, _, service) = site(builder().keep_header(kept));

    accepting(&service, &["de-AT, en"]).await;

    let seen = &site.seen()[0].headers;
    let values = seen.get_all("accept-language").iter();
    assert_eq!(values.collect::<Vec<_>>(), ["de"]);
}

#[tokio::test]
async fn other_headers_and_other_pages_are_as_they_were() {
    const THEMED: Page =
        Page::new("/b").with_policy(Policy::new().vary(&["accept-language", "x-theme"]));
    const PLAIN: Page = Page::new("/c");
    let (site, _, service) = site(builder().pages([THEMED, PLAIN]));
    let headers = [("accept-language", "de-AT"), ("x-theme", "Dark")];

    for path in ["/b", "/c"] {
        ask(&service, request::<Plain>(Method::GET, path, &headers)).await;
    }

    let [themed, plain] = &site.seen()[..] else {
        panic!("each was rendered once")
    };
    assert_eq!(themed.headers["accept-language"], "de");
    assert_eq!(themed.headers["x-theme"], "Dark");
    assert!(plain.headers.is_empty());
}

#[tokio::test]
async fn a_purge_reaches_every_result_and_renders_that_of_no_header_if_nothing_is_cached() {
    let (site, isr, service) = site(builder().pages([Page::new("/c")]));
    // Only a layer that was asked something can render by itself.
    ask(&service, request::<Plain>(Method::GET, "/c", &[])).await;
    let cold = isr.cache().revalidate(Purge::path("/a")).await;
    let english = visit(&service).await;
    accepting(&service, &["de"]).await;
    site.publish(2);

    let warm = isr.cache().revalidate(Purge::path("/a")).await;

    assert!(cold.is_revalidated() && warm.is_revalidated());
    assert_eq!(english.cache_status(), "isr; hit");
    assert_eq!(accepting(&service, &["de"]).await.text(), "Some(\"de\") v2");
    assert_eq!(visit(&service).await.text(), "Some(\"en\") v2");
    assert_eq!(site.renders(), 5);
}

/// What the function cannot decide must be nobody's page.
#[tokio::test]
async fn a_request_for_which_the_function_fails_goes_on_as_it_came() {
    for value in ["panic", "odd", &"x".repeat(20_000)] {
        let (site, isr, service) = site(builder());

        for _ in 0..2 {
            let answer = accepting(&service, &[value]).await;
            assert_eq!(answer.cache_status(), "", "{}", answer.text());
        }
        let good = accepting(&service, &["de"]).await;

        assert_eq!(site.seen()[0].headers["accept-language"], value);
        assert_eq!(good.cache_status(), "isr; fwd=uri-miss; stored");
        assert_eq!((site.renders(), isr.cache().metrics().entries()), (3, 1));
    }
}

#[tokio::test]
async fn a_value_that_is_no_text_is_shown_to_the_function_as_far_as_it_is() {
    let (site, _, service) = site(builder());
    let mut request = request::<Plain>(Method::GET, "/a", &[]);
    let value = http::HeaderValue::from_bytes(b"de\xff").expect("a header may have it");
    request.headers_mut().insert("accept-language", value);

    ask(&service, request).await;

    assert_eq!(site.seen()[0].headers["accept-language"], "de");
}

#[tokio::test]
async fn a_draft_shows_the_result_too() {
    use super::draft::{SECRET, cookie};
    let (site, isr, service) = site(builder().draft(SECRET));
    let cookie = cookie(&isr.draft_service().expect("there is a secret")).await;
    let headers = [
        ("accept-language", "de-AT, en"),
        ("cookie", cookie.as_str()),
    ];

    let draft = ask(&service, request::<Plain>(Method::GET, "/a", &headers)).await;

    assert_eq!(draft.cache_status(), "isr; fwd=bypass; detail=draft");
    assert_eq!(site.seen()[0].headers["accept-language"], "de");
}

#[tokio::test]
async fn in_a_page_behind_a_router_only_the_result_is_seen() {
    let isr = builder()
        .trust_extensions()
        .build()
        .expect("all of it is accepted");
    let site = Site::new();
    let router = axum::Router::new()
        .route_service("/a", site.for_axum())
        .layer(isr);

    for value in ["de-AT", "de", "de, en"] {
        let headers = [("accept-language", value)];
        let request = request::<axum::body::Body>(Method::GET, "/a", &headers);
        ask(&router, request).await;
    }

    assert_eq!(site.renders(), 1);
    assert_eq!(site.seen()[0].headers["accept-language"], "de");
}

#[tokio::test]
async fn a_function_that_could_do_nothing_or_harm_is_refused() {
    let plain = || IsrLayer::builder().without_registered().pages([LOCALIZED]);
    for (builder, told) in [
        (plain().vary_by("cookie", language), "`cookie`"),
        (
            plain().vary_by("x-forwarded-for", language),
            "`x-forwarded-for`",
        ),
        (plain().vary_by("host", language), "`host`"),
        (
            plain().vary_by("accept language", language),
            "`accept language`",
        ),
        (plain().vary_by("x-theme", language), "no page"),
        (builder().vary_by("Accept-Language", language), "twice"),
    ] {
        let error = builder.build().expect_err("it is refused");

        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_hard_purge_lets_no_old_result_through() {
    let (site, isr, service) = site(builder());
    accepting(&service, &["de"]).await;
    site.publish(2);

    let purge = Purge::path("/a").mode(Mode::Expire);
    let _ = isr.cache().revalidate(purge).await;

    assert_eq!(
        accepting(&service, &["de-CH"]).await.text(),
        "Some(\"de\") v2"
    );
}
