//! Tests that a path that `params` do not list gets the application's own page for what is not
//! found.

use axum::Router;
use axum::body::Body;
use http::Method;
use isr_layer::{ErrorKind, Fallback, Isr, IsrLayer, IsrLayerBuilder, Mode, Page, Policy, Purge};
use isr_tests::{Answer, Reply, Site, ask, get, request, settle};
use tower::Layer;

use crate::{Plain, pass, secs};

const POST: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().fallback(Fallback::NotFound));
const NOT_FOUND: Page = Page::new("/404").with_policy(
    Policy::new()
        .vary(&["accept-language"])
        .revalidate(secs(10)),
);

fn builder() -> IsrLayerBuilder {
    IsrLayer::builder()
        .without_registered()
        .pages([POST, NOT_FOUND])
        .params(POST.path(), || async { vec!["known"] })
}

fn site() -> (Site, IsrLayer, Isr<Site>) {
    let site = Site::new();
    let isr = builder().not_found("/404").build().expect("valid");
    let service = isr.layer(site.clone());
    (site, isr, service)
}

async fn visit(service: &Isr<Site>, path: &str) -> Answer {
    ask(service, get::<Plain>(path)).await
}

#[tokio::test(start_paused = true)]
async fn an_unlisted_path_gets_the_applications_own_page_rendered_once_with_status_404() {
    let (site, _, service) = site();

    for path in ["/posts/a", "/posts/b", "/posts/c", "/posts/a"] {
        let answer = visit(&service, path).await;

        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (404, "/404 v1"),
            "{path}"
        );
        assert_eq!(
            answer.cache_status(),
            "isr; fwd=bypass; detail=not-in-params",
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(site.renders(), 1);
    assert_eq!(visit(&service, "/posts/known").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn it_is_shown_in_the_clients_language_and_refreshed_as_any_other_page() {
    let (site, isr, service) = site();
    site.script(|seen, version| {
        let language = seen.headers.get("accept-language");
        let language = language.map_or("none", |value| value.to_str().unwrap_or("odd"));
        Reply::page().chunk(format!("{language} v{version}")).into()
    });
    let in_language = async |language| {
        let headers = [("accept-language", language), ("cookie", "id=1")];
        let request = request::<Plain>(Method::GET, "/posts/a", &headers);
        ask(&service, request).await.text().to_owned()
    };

    assert_eq!(in_language("de").await, "de v1");
    assert_eq!(in_language("en").await, "en v1");
    site.publish(2);
    pass(10).await;
    assert_eq!(in_language("de").await, "de v1");
    settle().await;
    assert_eq!(in_language("de").await, "de v2");
    site.publish(3);
    let _ = isr
        .cache()
        .revalidate(Purge::path("/404").mode(Mode::Expire))
        .await;
    assert_eq!(in_language("de").await, "de v3");
    assert!(
        site.seen()
            .iter()
            .all(|seen| seen.uri == "/404" && !seen.headers.contains_key("cookie"))
    );
}

#[tokio::test(start_paused = true)]
async fn head_has_no_body_and_conditions_and_ranges_are_not_looked_at() {
    let (_, _, service) = site();
    let etag = visit(&service, "/404").await.header("etag").to_owned();
    let ask_with = async |method, headers: &[(&'static str, &str)]| {
        let mut request = request::<Plain>(method, "/posts/a", &[]);
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, value.parse().expect("a value"));
        }
        ask(&service, request).await
    };

    let head = ask_with(Method::HEAD, &[]).await;
    let conditional = ask_with(Method::GET, &[("if-none-match", &etag)]).await;
    let range = ask_with(Method::GET, &[("range", "bytes=0-1")]).await;

    assert_eq!((head.status.as_u16(), head.text()), (404, ""));
    assert_eq!(
        (conditional.status.as_u16(), conditional.text()),
        (404, "/404 v1")
    );
    assert_eq!((range.status.as_u16(), range.text()), (404, "/404 v1"));
}

#[tokio::test(start_paused = true)]
async fn if_that_page_fails_the_plain_text_is_there() {
    let (site, _, service) = site();
    site.act(Reply::status(500));

    let answer = visit(&service, "/posts/a").await;

    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (404, "not found\n")
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_needs_its_client_is_asked_at_its_own_path() {
    let (site, _, service) = site();
    site.act(Reply::page().header("vary", "cookie"));

    let request = request::<Plain>(Method::GET, "/posts/a", &[("cookie", "id=1")]);
    let answer = ask(&service, request).await;

    assert_eq!((answer.status.as_u16(), answer.text()), (404, "/404 v1"));
    assert!(
        site.seen().iter().all(|seen| seen.uri == "/404"),
        "{:?}",
        site.seen()
    );
}

#[tokio::test(start_paused = true)]
async fn behind_a_router_the_plain_text_is_there() {
    let site = Site::new();
    let isr = builder()
        .not_found("/404")
        .trust_extensions()
        .build()
        .expect("valid");
    let app = Router::new()
        .route_service("/posts/{slug}", site.for_axum())
        .layer(isr);

    let answer = ask(&app, get::<Body>("/posts/a")).await;

    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (404, "not found\n")
    );
}

#[tokio::test]
async fn a_path_that_cannot_be_shown_is_an_error_that_says_why() {
    for (path, words) in [
        ("/none", "not the path of a page"),
        ("404", "not the path of a page"),
        ("/posts/known", "`fallback = \"not_found\"` itself"),
    ] {
        let error = builder().not_found(path).build().expect_err(words);

        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(words), "{error}");
    }
}
