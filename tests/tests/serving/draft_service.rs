//! Tests the service that turns draft mode on and off for one browser.

use http::Method;
use isr_layer::{ErrorKind, IsrLayer};
use isr_tests::{Site, ask, request};
use tower::Layer;

use crate::draft::{SECRET, asking, cookie, draft, site};
use crate::{A, Plain, a};

#[tokio::test(start_paused = true)]
async fn the_service_sets_the_cookie_and_sends_to_the_page() {
    let (_, isr, _) = site();
    let drafts = isr.draft_service().unwrap();
    let query = format!(
        "?secret={}&path=/posts/a%3Fb%3Dc",
        SECRET.replace(' ', "%20")
    );

    let got = ask(&drafts, asking(&query)).await;
    let posted = ask(
        &drafts,
        request::<Plain>(Method::POST, &format!("/{query}"), &[]),
    )
    .await;
    let bearer = format!("bearer {SECRET}");
    let told = ask(
        &drafts,
        request::<Plain>(Method::GET, "/?path=/b", &[("authorization", &bearer)]),
    )
    .await;

    assert_eq!(
        (got.status.as_u16(), got.header("location")),
        (307, "/posts/a?b=c")
    );
    assert_eq!(
        (posted.status.as_u16(), posted.header("location")),
        (303, "/posts/a?b=c")
    );
    assert_eq!((told.status.as_u16(), told.header("location")), (307, "/b"));
    assert_eq!(got.header("cache-control"), "private, no-store");
    assert_eq!(got.header("referrer-policy"), "no-referrer");
    let cookie = got.header("set-cookie");
    assert!(cookie.starts_with("__Host-isr-draft="), "{cookie}");
    let rest = "; Max-Age=28800; Path=/; HttpOnly; Secure; SameSite=None; Partitioned";
    assert!(cookie.ends_with(rest), "{cookie}");
}

#[tokio::test(start_paused = true)]
async fn the_service_takes_the_cookie_away_without_a_secret() {
    let (_, isr, _) = site();

    let answer = ask(
        &isr.draft_service().unwrap(),
        asking("?disable&path=/posts/a"),
    )
    .await;

    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (307, "/posts/a")
    );
    assert!(
        answer
            .header("set-cookie")
            .starts_with("__Host-isr-draft=; Max-Age=0; Path=/; ")
    );
}

#[tokio::test(start_paused = true)]
async fn the_service_refuses_a_wrong_secret_and_another_method() {
    let (_, isr, _) = site();
    let drafts = isr.draft_service().unwrap();

    for query in [
        "",
        "?secret=",
        "?secret=a+secret",
        "?path=/",
        "?secret=a+secret+of+more+than+24+bytes2",
    ] {
        let answer = ask(&drafts, asking(query)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("set-cookie")),
            (401, ""),
            "{query}"
        );
        assert_eq!(answer.header("location"), "", "{query}");
    }
    for method in [Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = ask(&drafts, request::<Plain>(method, "/api/draft", &[])).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("allow")),
            (405, "GET, POST")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_sends_nobody_to_another_site() {
    let (_, isr, _) = site();
    let drafts = isr.draft_service().unwrap();
    let secret = format!("secret={}", SECRET.replace(' ', "+"));

    for path in [
        "//evil.example",
        "https://evil.example",
        "%5C%5Cevil.example",
        "evil",
        "/..//evil.example",
        "",
    ] {
        for query in [
            format!("?{secret}&path={path}"),
            format!("?disable&path={path}"),
        ] {
            let answer = ask(&drafts, asking(&query)).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("location")),
                (400, ""),
                "{query}"
            );
            assert_eq!(answer.header("set-cookie"), "", "{query}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn guesses_from_one_address_come_to_an_end() {
    let (_, isr, _) = site();
    let drafts = isr.draft_service().unwrap();
    let guess = || {
        let mut request = asking("?secret=wrong");
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 80));
        request
            .extensions_mut()
            .insert(axum::extract::ConnectInfo(peer));
        request
    };

    for _ in 0..10 {
        assert_eq!(ask(&drafts, guess()).await.status, 401);
    }

    assert_eq!(ask(&drafts, guess()).await.status, 429);
}

#[test]
fn a_short_secret_a_bad_name_and_a_service_without_a_secret_are_refused() {
    let builder = || IsrLayer::builder().without_registered().pages([A]);

    let short = builder()
        .draft("23 bytes are not enough")
        .build()
        .unwrap_err();
    let name = builder()
        .draft(SECRET)
        .draft_cookie("a b")
        .build()
        .unwrap_err();
    let none = builder().build().unwrap().draft_service().unwrap_err();

    assert_eq!(short.kind(), ErrorKind::Secret);
    assert!(!short.to_string().contains("not enough"), "{short}");
    assert_eq!(
        (name.kind(), none.kind()),
        (ErrorKind::Configuration, ErrorKind::Configuration)
    );
}

#[tokio::test(start_paused = true)]
async fn the_cookie_may_have_another_name() {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([A])
        .draft(SECRET)
        .draft_cookie("preview")
        .build()
        .unwrap();

    let cookie = cookie(&isr.draft_service().unwrap()).await;

    assert!(cookie.starts_with("preview="), "{cookie}");
    let service = isr.layer(Site::new());
    assert_eq!(
        draft(&service, &cookie).await.cache_status(),
        "isr; fwd=bypass; detail=draft"
    );
    assert_eq!(
        ask(&service, a()).await.cache_status(),
        "isr; fwd=uri-miss; stored"
    );
}
