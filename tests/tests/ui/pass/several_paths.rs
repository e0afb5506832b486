//! One function with several paths, under other attributes too.

use axum::debug_handler;
use axum::extract::Path;
use isr_layer::{IsrLayer, static_page};

#[static_page("/docs")]
#[debug_handler]
#[isr_layer::static_page("/docs/{*rest}", revalidate = 60)]
/// The documentation.
#[static_page("/manual")]
async fn docs(rest: Option<Path<String>>) -> String {
    rest.map(|Path(rest)| rest).unwrap_or_default()
}

struct Site;

impl Site {
    #[static_page("/one", assoc)]
    #[static_page("/two")]
    async fn both() -> &'static str {
        "both"
    }
}

fn main() {
    let paths = docs::PAGES.map(|page| page.path());
    assert_eq!(paths, ["/docs", "/docs/{*rest}", "/manual"]);
    assert_eq!(docs::PATH, "/docs");
    let router: axum::Router = isr_layer::routes![docs];
    let _ = (router, Site::both());

    // All of them are registered: a page of the same path by hand is a conflict.
    for path in ["/docs", "/docs/{*rest}", "/manual", "/one", "/two"] {
        let page = isr_layer::Page::new(path);
        assert!(IsrLayer::builder().pages([page]).build().is_err(), "{path}");
    }
    assert!(IsrLayer::builder().build().is_ok());
}
