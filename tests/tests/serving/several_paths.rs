//! Tests one function with several paths: each is a page of its own, with its own keys.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use isr_layer::{IsrLayer, Mode, Purge, Wrapped, static_page};
use isr_tests::{Answer, ask, get};

use crate::pass;

#[static_page("/docs", tags = ["docs"])]
#[static_page("/docs/{*rest}", revalidate = 10, tags = ["docs", "doc:{rest}"])]
async fn docs(rest: Option<Path<String>>) -> String {
    match rest {
        Some(Path(rest)) => format!("the chapter {rest}"),
        None => "the contents".to_owned(),
    }
}

fn app() -> (IsrLayer, Wrapped<Router>) {
    let isr = IsrLayer::builder()
        .without_registered()
        .pages(docs::PAGES)
        .build()
        .expect("two pages");
    let wrapped = isr.wrap(isr_layer::routes![docs]);
    (isr, wrapped)
}

async fn visit(app: &Wrapped<Router>, path: &str) -> Answer {
    ask(app, get::<Body>(path)).await
}

#[tokio::test(start_paused = true)]
async fn each_path_of_a_function_is_a_page_with_its_own_keys() {
    let (_, app) = app();
    for (path, text) in [("/docs", "the contents"), ("/docs/a/b", "the chapter a/b")] {
        assert_eq!(visit(&app, path).await.text(), text);
    }

    pass(10).await;
    let contents = visit(&app, "/docs").await;
    let chapter = visit(&app, "/docs/a/b").await;

    assert_eq!(contents.cache_status(), "isr; hit");
    assert_eq!(chapter.cache_status(), "isr; hit; ttl=0; detail=stale-time");
}

#[tokio::test(start_paused = true)]
async fn a_purge_reaches_each_of_them_by_its_own_tags() {
    let (isr, app) = app();
    for path in ["/docs", "/docs/a", "/docs/b"] {
        visit(&app, path).await;
    }

    let one = isr
        .cache()
        .revalidate(Purge::tag("doc:a").mode(Mode::Regenerate))
        .await;
    let all = isr
        .cache()
        .revalidate(Purge::tag("docs").mode(Mode::Regenerate))
        .await;

    assert_eq!(one.receipts()[0].regenerated(), Some(1));
    assert_eq!(all.receipts()[0].regenerated(), Some(3));
}

#[test]
fn the_first_attribute_names_the_function() {
    assert_eq!(docs::PATH, "/docs");
    assert_eq!(docs::PAGE.path(), "/docs");
    assert_eq!(
        docs::PAGES.map(|page| page.path()),
        ["/docs", "/docs/{*rest}"]
    );
}
