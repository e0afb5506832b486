//! Tests that no credential that one client sends or receives reaches another client.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use isr_layer::{IsrLayer, Page, Policy, Purge};
use isr_tests::{Reply, Site, ask};
use tower::Layer;

use crate::{echo, is_hit, visit, with};

const PAGE: Page = Page::new("/a");

#[tokio::test]
async fn a_set_cookie_is_never_shared() {
    let (site, service) = echo([PAGE]);
    let next = std::sync::atomic::AtomicUsize::new(1);
    site.script(move |_, _| {
        let id = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Reply::page()
            .header("set-cookie", &format!("id={id}"))
            .into()
    });
    let clients = (0..50).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { visit(&service, "/a").await.header("set-cookie").to_owned() })
    });

    let mut cookies = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        cookies.push(client.await.expect("the client is answered"));
    }
    cookies.sort_unstable();
    cookies.dedup();

    assert_eq!(cookies.len(), 50, "two clients got one cookie");
}

#[tokio::test]
async fn a_failure_with_a_cookie_is_shared_without_it() {
    let (site, service) = echo([PAGE]);
    site.act(Reply::status(503).header("set-cookie", "id=1"));

    visit(&service, "/a").await;
    let remembered = visit(&service, "/a").await;

    assert_eq!(
        (remembered.status.as_u16(), remembered.header("set-cookie")),
        (503, "")
    );
}

#[tokio::test]
async fn a_cookie_beside_a_stored_page_stays_with_the_one_it_was_made_for() {
    let (site, isr, service) = {
        let site = Site::new();
        let isr = IsrLayer::builder().pages([PAGE]).build().unwrap();
        let service = isr.layer(site.clone());
        (site, isr, service)
    };
    visit(&service, "/a").await;
    site.act(Reply::page().header("set-cookie", "id=1"));
    let _ = isr.cache().revalidate(Purge::path("/a")).await;
    site.act(Reply::page());

    assert_eq!(visit(&service, "/a").await.header("set-cookie"), "");
}

#[tokio::test]
async fn what_is_asked_with_authorization_is_rendered_without_it() {
    let (site, service) = echo([PAGE]);

    let authorized = ask(&service, with("/a", &[("authorization", "Bearer alice")])).await;
    let anonymous = visit(&service, "/a").await;

    assert!(is_hit(&anonymous) && !authorized.text().contains("alice"));
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_page_behind_a_layer_that_refuses_is_not_served_past_it() {
    async fn members_only(request: Request, next: Next) -> Response {
        if request.headers().contains_key("authorization") {
            next.run(request).await
        } else {
            StatusCode::UNAUTHORIZED.into_response()
        }
    }
    let isr = IsrLayer::builder().pages([PAGE]).build().unwrap();
    let inside = Router::new().route("/a", get(|| async { "for members" }));
    let application = Router::new()
        .fallback_service(isr.layer(inside))
        .layer(from_fn(members_only))
        .with_state(());
    let ask_with =
        |headers: &[(&str, &str)]| isr_tests::request::<Body>(http::Method::GET, "/a", headers);

    let member = ask(&application, ask_with(&[("authorization", "Bearer x")])).await;
    let stranger = ask(&application, ask_with(&[])).await;
    let again = ask(&application, ask_with(&[("authorization", "Bearer y")])).await;

    assert_eq!(
        (member.text(), stranger.status.as_u16()),
        ("for members", 401)
    );
    assert!(is_hit(&again), "{}", again.cache_status());
}

#[test]
fn headers_that_say_who_asks_can_be_no_part_of_a_key() {
    for name in ["authorization", "cookie", "x-forwarded-for", "host"] {
        let page = PAGE.with_policy(Policy::new().vary(Box::leak(Box::new([name]))));

        assert!(IsrLayer::builder().pages([page]).build().is_err(), "{name}");
        let kept = http::HeaderName::from_static(name);
        assert!(
            IsrLayer::builder()
                .pages([PAGE])
                .keep_header(kept)
                .build()
                .is_err(),
            "{name}"
        );
    }
}
