//! Handlers as users write them, under the strictest lints.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::unused_async)]

use axum::Json;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::HeaderMap;
use isr_layer::{routes, static_page};

#[derive(Clone)]
struct Db;

#[static_page("/", revalidate = 60, tags = ["posts"])]
async fn index(State(_db): State<Db>) -> &'static str {
    "index"
}

#[static_page]
async fn about() -> &'static str {
    "about"
}

#[static_page(revalidate = "1h30m", expire = "7d", jitter = true)]
async fn r#type() -> &'static str {
    "type"
}

mod pages {
    //! Pages of another module.
    use super::{Path, static_page};

    #[static_page(
        "/posts/{slug}",
        revalidate = 60,
        expire = 3_600,
        tags = ["posts", "post:{slug}"],
        params = super::all_slugs,
        fallback = "not_found",
        timeout = "500ms",
        max_body = "512KiB",
        not_found_revalidate = 5,
        prerender = false,
        allow_empty = true,
        allow_temporary = true,
    )]
    pub(super) async fn post(Path(slug): Path<String>) -> String {
        slug
    }
}

async fn all_slugs() -> Vec<String> {
    vec!["a".to_owned()]
}

#[static_page("/tags/{tag}/{page}", params = all_pages)]
async fn tag(Path((tag, _page)): Path<(String, u32)>) -> String {
    tag
}

async fn all_pages() -> Result<Vec<(&'static str, u32)>, std::io::Error> {
    Ok(vec![("rust", 1)])
}

#[static_page("/search", query = ["q"], vary = ["Accept-Language"])]
async fn search(_query: Query<Vec<(String, String)>>, _raw: RawQuery, _headers: HeaderMap) -> Json<u8> {
    use std::convert::identity;
    const ONE: u8 = 1;
    fn two() -> u8 {
        2
    }
    Json(identity(ONE) + two())
}

#[static_page("/names/{message}", params = all_slugs)]
async fn names(Path(message): Path<String>) -> String {
    const __ISR_PAGE: u8 = 1;
    let leak = __ISR_PAGE;
    format!("{message} {leak}")
}

#[static_page("/compiled-out")]
async fn compiled_out(#[cfg(any())] _headers: HeaderMap, #[cfg(any())] _never: Missing) {}

#[static_page("/generic")]
async fn generic<T: Send>() -> &'static str {
    std::any::type_name::<T>()
}

#[cfg(any())]
#[static_page("/never")]
async fn never() -> Missing {}

#[static_page("/never")]
#[cfg(any())]
async fn never() -> Missing {}

macro_rules! page {
    ($name:ident, $path:literal, $seconds:expr) => {
        #[static_page($path, revalidate = $seconds)]
        async fn $name() -> &'static str {
            "made"
        }
    };
}

page!(made, "/made", 60);

/// Stands for axum's `Form`, whose feature is off here; for a GET it reads the query.
#[derive(Debug)]
struct Form<T>(T);

#[static_page("/form", query = ["q"])]
async fn form(Form(_q): Form<u8>) -> &'static str {
    "form"
}

fn main() {
    let _ = form(Form(1));
    let _: axum::Router = routes![index, about, pages::post, tag, search, r#type, made]
        .merge(routes![names, compiled_out])
        .with_state(Db);
    let _: axum::Router = axum::Router::new().route("/generic", axum::routing::get(generic::<u8>));
    assert_eq!(index::PATH, "/");
    assert_eq!(about::PATH, "/about");
    assert_eq!(r#type::PATH, "/type");
    assert_eq!(pages::post::PAGE.path(), "/posts/{slug}");
}
