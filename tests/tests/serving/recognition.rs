//! Tests which requests are for a page, and that all others pass unchanged.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use isr_layer::body::RequestBody;
use isr_layer::{Isr, Page, Policy};
use isr_tests::{Reply, Site, ask, get, request};
use tower::{Layer, ServiceExt};

use crate::Plain;

/// Makes a site with the root page, a page with a parameter and a page with a wildcard.
fn site() -> (Site, Isr<Site>) {
    let site = Site::new();
    let isr = crate::isr([
        Page::new("/"),
        Page::new("/posts/{slug}"),
        Page::new("/w/{*rest}"),
    ]);
    let service = isr.layer(site.clone());
    (site, service)
}

/// Returns the number of renders for two equal requests: one for a page, two otherwise.
async fn renders(path: &str) -> usize {
    let (site, service) = site();
    for _ in 0..2 {
        ask(&service, get::<Plain>(path)).await;
    }
    site.renders()
}

#[tokio::test]
async fn what_could_be_spelled_in_two_ways_is_one_page() {
    let (site, service) = site();

    for path in [
        "/posts/caf%C3%A9",
        "/posts/caf%c3%a9",
        "/p%6Fsts/caf%C3%A9",
        "/posts/%63af%C3%A9",
    ] {
        ask(&service, get::<Plain>(path)).await;
    }

    assert_eq!(site.renders(), 1);
    assert_eq!(site.seen()[0].uri, "/posts/caf%C3%A9");
}

#[tokio::test]
async fn an_escaped_slash_stays_different_from_a_slash() {
    let (site, service) = site();

    let escaped = ask(&service, get::<Plain>("/w/a%2Fb")).await;
    let lower = ask(&service, get::<Plain>("/w/a%2fb")).await;
    let plain = ask(&service, get::<Plain>("/w/a/b")).await;

    assert_eq!(
        (escaped.text(), lower.text(), plain.text()),
        ("/w/a%2Fb v1", "/w/a%2Fb v1", "/w/a/b v1")
    );
    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn a_path_that_could_mean_two_things_is_never_a_page() {
    for path in [
        "/w/a//b",
        "//posts/a",
        "/posts//a",
        "/w/../posts/a",
        "/w/%2e%2e/a",
        "/w/.",
        "/w/a/%2E",
        "/posts/%00",
        "/posts/a%00b",
        "/posts/%ff",
        "/posts/%C3",
        "/posts/%C0%AF",
        "/posts/%ED%A0%80",
        "/posts/%",
        "/posts/%4",
        "/posts/%zz",
        "/posts/",
        "/posts",
        "/Posts/a",
    ] {
        let Ok(uri) = path.parse::<http::Uri>() else {
            continue;
        };

        assert_eq!(renders(path).await, 2, "{uri}");
    }
}

#[tokio::test]
async fn depth_and_length_are_limited() {
    let deep = |segments: usize| format!("/w{}", "/a".repeat(segments - 1));
    let long = |length: usize| format!("/posts/{}", "x".repeat(length));

    assert_eq!(renders(&deep(32)).await, 1);
    assert_eq!(renders(&deep(33)).await, 2);
    assert_eq!(renders(&long(1_024 - 7)).await, 1);
    assert_eq!(renders(&long(1_024 - 6)).await, 2);
    assert_eq!(renders(&long(60_000)).await, 2);
}

/// An escape counts as the octet that it stands for, as it does for a purge.
#[tokio::test]
async fn a_path_has_one_limit_however_it_is_escaped() {
    let path = |letter: &str, count| format!("/posts/x{}", letter.repeat(count));

    for (letter, longest) in [
        ("%E3%81%82", 338),
        ("%41", 1_016),
        ("%2f", 1_016),
        ("a", 1_016),
    ] {
        assert_eq!(renders(&path(letter, longest)).await, 1, "{letter}");
        assert_eq!(renders(&path(letter, longest + 1)).await, 2, "{letter}");
    }
}

/// The path is not the only part of a key that can make it too long.
#[tokio::test]
async fn declared_parameters_and_headers_count_into_the_length_of_the_key() {
    const POLICY: Policy = Policy::new().query(&["q"]).vary(&["x-theme"]);
    // Subtracts the other octets of the key: `/a?q=` of the parameter; path, a flag and four octets
    // of length of the header. A missing header still takes its flag.
    let query = |length: usize| (format!("/a?q={}", "x".repeat(length - 5)), None);
    let header = |length: usize| ("/a".to_owned(), Some("x".repeat(length - 2 - 5)));
    for (sent, renders) in [
        (query(16 * 1024 - 1), 1),
        (query(16 * 1024), 2),
        (header(16 * 1024), 1),
        (header(16 * 1024 + 1), 2),
    ] {
        let (site, service) = crate::site_with(Page::new("/a").with_policy(POLICY));

        for _ in 0..2 {
            let headers = sent
                .1
                .iter()
                .map(|value| ("x-theme", value.as_str()))
                .collect::<Vec<_>>();
            ask(&service, request::<Plain>(Method::GET, &sent.0, &headers)).await;
        }

        assert_eq!(site.renders(), renders, "{} octets of target", sent.0.len());
        let seen = site.seen().pop().expect("it was asked");
        assert_eq!(seen.uri, *sent.0, "what is no page's passes whole");
    }
}

/// In Next.js a request header turned pages that are rendered for each client into cached ones
/// (CVE-2024-46982).
#[tokio::test]
async fn nothing_in_a_request_makes_a_page_of_what_is_none_or_keeps_a_page_from_being_one() {
    let headers = [
        ("x-now-route-matches", "1"),
        ("x-nextjs-data", "1"),
        ("x-middleware-prefetch", "1"),
        ("purpose", "prefetch"),
        ("rsc", "1"),
        ("cache-control", "public, s-maxage=60"),
        ("surrogate-control", "max-age=60"),
        ("x-http-method-override", "GET"),
    ];
    let target = |path| format!("{path}?__nextDataReq=1&_rsc=1&slug=b");
    let (site, service) = site();
    site.act(
        Reply::page()
            .header("cache-control", "public, s-maxage=60")
            .header("cdn-cache-control", "max-age=60"),
    );
    for _ in 0..3 {
        ask(
            &service,
            request::<Plain>(Method::GET, &target("/other"), &headers),
        )
        .await;
    }
    assert_eq!(site.renders(), 3);

    for _ in 0..3 {
        ask(
            &service,
            request::<Plain>(Method::GET, &target("/posts/a"), &headers),
        )
        .await;
    }

    assert_eq!(site.renders(), 4);
    assert_eq!(
        ask(&service, get::<Plain>("/posts/a")).await.cache_status(),
        "isr; hit"
    );
}

#[tokio::test]
async fn other_methods_pass_with_everything_they_have() {
    let (site, service) = site();

    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ] {
        let mut request = request::<Plain>(
            method.clone(),
            "/posts/a?utm=1",
            &[("cookie", "id=1"), ("x-own", "1")],
        );
        *request.body_mut() = Full::from("sent");
        request.extensions_mut().insert(7_u32);
        let answer = ask(&service, request).await;

        let seen = site.seen().pop().expect("it passed");
        assert_eq!(
            (seen.method, seen.uri.to_string().as_str()),
            (method, "/posts/a?utm=1")
        );
        assert_eq!(seen.headers["cookie"], "id=1");
        assert_eq!(seen.headers["x-own"], "1");
        assert_eq!(seen.body, "sent");
        assert_eq!(seen.extensions.get::<u32>(), Some(&7));
        assert_eq!((answer.cache_status(), answer.header("age")), ("", ""));
    }
}

#[tokio::test]
async fn other_methods_without_a_body_pass_too_and_get_nothing_that_is_stored() {
    let (site, service) = site();
    ask(&service, get::<Plain>("/posts/a")).await;

    for method in [
        "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY", "get",
    ] {
        let method = method.parse::<Method>().unwrap();
        let answer = ask(
            &service,
            request::<Plain>(method.clone(), "/posts/a", &[("cookie", "id=1")]),
        )
        .await;

        let seen = site.seen().pop().expect("it passed");
        assert_eq!(
            (seen.method, seen.headers.len(), answer.cache_status()),
            (method, 1, "")
        );
    }
    assert_eq!(site.renders(), 9);
}

#[tokio::test]
async fn a_get_or_head_with_a_body_passes() {
    let (site, service) = site();
    ask(&service, get::<Plain>("/posts/a")).await;

    for method in [Method::GET, Method::HEAD] {
        let mut request = request::<Plain>(method, "/posts/a", &[]);
        *request.body_mut() = Full::from("a question");
        let answer = ask(&service, request).await;

        assert_eq!(answer.cache_status(), "");
        assert_eq!(site.seen().pop().expect("it passed").body, "a question");
    }
    assert_eq!(site.renders(), 3);
}

#[tokio::test]
async fn a_path_that_is_no_page_passes_untouched_both_ways() {
    let (site, service) = site();
    let reply = Reply::status(206)
        .header("set-cookie", "id=1")
        .header("connection", "close")
        .header("cache-status", "origin; hit")
        .chunk("part")
        .trailer("x-sum", "s");
    site.act(reply);

    let headers = [
        ("range", "bytes=0-3"),
        ("if-none-match", "*"),
        ("accept-encoding", "br"),
    ];
    let answer = ask(
        &service,
        request::<Plain>(Method::GET, "/other?q=1", &headers),
    )
    .await;

    let seen = site.seen().pop().expect("it passed");
    assert_eq!(
        (seen.uri.to_string().as_str(), seen.headers.len()),
        ("/other?q=1", 3)
    );
    assert_eq!((answer.status.as_u16(), answer.text()), (206, "part"));
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(answer.header("set-cookie"), "id=1");
    assert_eq!(answer.cache_status(), "origin; hit");
    assert_eq!(answer.trailers.expect("trailers arrive")["x-sum"], "s");
    for ours in ["age", "etag", "cache-control"] {
        assert!(!answer.headers.contains_key(ours), "{ours}");
    }
}

#[tokio::test]
async fn the_body_of_what_is_no_page_is_the_services_own() {
    let (_, service) = site();
    let body_of = async |request| {
        service
            .clone()
            .oneshot(request)
            .await
            .expect("the site answers")
            .into_body()
    };

    for request in [
        get::<Plain>("/other"),
        request(Method::POST, "/posts/a", &[]),
        get("/posts/%ff"),
    ] {
        assert!(body_of(request).await.into_inner().is_ok());
    }

    for _ in 0..2 {
        assert!(
            body_of(get("/posts/a")).await.into_inner().is_err(),
            "a page's is ours"
        );
    }
}

#[tokio::test]
async fn an_error_of_the_service_passes_as_it_is() {
    let (site, service) = site();
    site.act(isr_tests::Act::Error);

    let error = isr_tests::try_ask(&service, get::<Plain>("/other"))
        .await
        .unwrap_err();

    assert_eq!(error, isr_tests::SiteError);
}

#[tokio::test]
async fn a_streaming_request_body_that_is_not_sync_passes_with_its_trailers() {
    type Streaming = RequestBody<UnsyncBoxBody<Bytes, std::convert::Infallible>>;
    let (site, service) = site();
    let trailers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("x-sum"),
        http::HeaderValue::from_static("s"),
    )]);
    let body = Full::new(Bytes::from("sent")).with_trailers(async move { Some(Ok(trailers)) });
    let request: Request<Streaming> = Request::post("/posts/a")
        .body(RequestBody::new(body.boxed_unsync()))
        .unwrap();

    let answer = ask(&service, request).await;
    let page = ask(&service, get::<Streaming>("/posts/a")).await;

    let seen = &site.seen()[0];
    assert_eq!(seen.body, "sent");
    assert_eq!(
        seen.trailers.as_ref().expect("trailers arrive")["x-sum"],
        "s"
    );
    assert_eq!(answer.status, 200);
    assert_eq!(page.cache_status(), "isr; fwd=uri-miss; stored");
}

#[tokio::test]
async fn a_get_that_may_still_have_a_body_passes() {
    type Streaming = RequestBody<UnsyncBoxBody<Bytes, std::convert::Infallible>>;
    let (site, service) = site();

    for _ in 0..2 {
        // Only its end shows that the body is empty.
        let body = Full::new(Bytes::new()).with_trailers(async { None });
        let request: Request<Streaming> = Request::get("/posts/a")
            .body(RequestBody::new(body.boxed_unsync()))
            .unwrap();
        ask(&service, request).await;
    }

    assert_eq!(site.renders(), 2);
}

#[tokio::test]
async fn the_absolute_form_and_the_host_make_no_other_page() {
    let (site, service) = site();

    ask(&service, get::<Plain>("/posts/a")).await;
    let absolute = ask(&service, get::<Plain>("http://evil.example/posts/a")).await;
    let host = request::<Plain>(Method::GET, "/posts/a", &[("host", "evil.example")]);
    let host = ask(&service, host).await;

    assert_eq!(
        (absolute.cache_status(), host.cache_status()),
        ("isr; hit", "isr; hit")
    );
    assert_eq!(site.renders(), 1);
}
