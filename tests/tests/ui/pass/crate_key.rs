//! `crate = path` names the crate: a dependency under another name, and one behind a facade.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

// Stands for a dependency that Cargo renamed: `isr` is a crate's name from here on.
extern crate isr_layer as isr;

use async_trait::async_trait;
use axum::extract::{Path, Query};

mod facade {
    pub(crate) use isr_layer;

    macro_rules! page {
        ($name:ident, $path:literal, $krate:path) => {
            #[isr::static_page($path, crate = $krate)]
            async fn $name() -> &'static str {
                "made"
            }
        };
    }
    pub(crate) use page;
}

#[isr::static_page("/renamed/{slug}", crate = isr, params = all_slugs, fallback = "not_found")]
async fn renamed(Path(slug): Path<String>) -> String {
    slug
}

async fn all_slugs() -> Vec<String> {
    vec!["a".to_owned()]
}

#[isr::static_page("/absolute", query = ["q"], crate = ::isr)]
async fn absolute(_query: Query<Vec<(String, String)>>) -> &'static str {
    "absolute"
}

#[isr::static_page(crate = facade::isr_layer, revalidate = 60)]
async fn relative(_state: axum::extract::State<()>) -> &'static str {
    "relative"
}

mod pages {
    #[isr::static_page("/exported", crate = crate::facade::isr_layer)]
    pub(crate) async fn exported() -> &'static str {
        "exported"
    }
}

facade::page!(made, "/made", crate::facade::isr_layer);

struct Request<T>(T);

#[async_trait]
trait Catalog {
    async fn get(&self, request: Request<String>) -> String;
}

struct Service;

#[async_trait]
impl Catalog for Service {
    #[isr::static_page("/catalog.v1.Catalog/Get", crate = isr)]
    async fn get(&self, request: Request<String>) -> String {
        request.0
    }
}

fn main() {
    let _: axum::Router = isr::routes![renamed, absolute, relative, pages::exported, made];
    let pages: [isr_layer::Page; 2] = [renamed::PAGE, relative::PAGE];
    assert_eq!(pages.map(|page| page.path()), ["/renamed/{slug}", "/relative"]);
    drop(Service.get(Request(String::new())));
}
