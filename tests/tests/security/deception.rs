//! Tests against cache deception: an attacker sends a victim to a private page under a name that
//! looks public, and requests that name afterwards.

use http::Method;
use isr_layer::{Isr, IsrLayer, Page};
use isr_tests::{Answer, Reply, Seen, Site, ask, request};
use percent_encoding_of_the_origin::decoded;
use tower::Layer;

use crate::Plain;

/// Names that some origin takes for `/account`.
const NAMES: [&str; 26] = [
    "/account",
    "/account/",
    "/account/x.css",
    "/account/assets/x.css",
    "/account;x.css",
    "/account;/x.css",
    "/account/;x.css",
    "/account%3bx.css",
    "/account%2fx.css",
    "/account%2Fx.css",
    "/account%5cx.css",
    "/account%23x.css",
    "/account%3fx.css",
    "/account%00x.css",
    "/account%0ax.css",
    "//account",
    "/account//x.css",
    "/./account",
    "/assets/../account",
    "/assets/..%2faccount",
    "/assets/%2e%2e/account",
    "/assets/%2e%2e%2faccount",
    "/assets/..;/account",
    "/assets/x/..%5c..%5caccount",
    "/account?x.css",
    "/ACCOUNT/x.css",
];

mod percent_encoding_of_the_origin {
    /// Decodes a path twice, as careless origins do.
    pub(super) fn decoded(path: &str) -> String {
        once(&once(path)).replace('\\', "/").to_ascii_lowercase()
    }

    fn once(path: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = path.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            let octet = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            match octet.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(octet) if byte == b'%' => {
                    bytes.push(octet);
                    rest = &after[2..];
                }
                _ => {
                    bytes.push(byte);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// An origin that shows the account of the client's cookie at every path that contains `account`.
fn careless(seen: &Seen) -> Reply {
    let user = seen
        .headers
        .get("cookie")
        .and_then(|cookie| cookie.to_str().ok())
        .unwrap_or("nobody");
    let is_account = decoded(seen.uri.path()).contains("account");
    let content = if is_account {
        format!("the account of {user}")
    } else {
        "an asset".to_owned()
    };
    Reply::page()
        .header("cache-control", "public, max-age=60")
        .chunk(content)
}

fn origin(pages: impl IntoIterator<Item = Page>) -> Isr<Site> {
    let site = Site::new();
    site.script(|seen, _| careless(seen).into());
    IsrLayer::builder()
        .pages(pages)
        .build()
        .expect("the pages do not contradict each other")
        .layer(site)
}

async fn ask_as(service: &Isr<Site>, name: &str, headers: &[(&str, &str)]) -> Answer {
    ask(service, request::<Plain>(Method::GET, name, headers)).await
}

async fn attack(service: &Isr<Site>, name: &str) {
    let headers = [("cookie", "alice"), ("authorization", "Bearer alice")];
    ask_as(service, name, &headers).await;

    let attacker = ask_as(service, name, &[]).await;

    assert!(
        !attacker.text().contains("alice"),
        "{name}: {} {:?}",
        attacker.text(),
        attacker.headers
    );
}

#[tokio::test]
async fn a_private_page_is_not_stored_under_a_public_ones_name() {
    for name in NAMES {
        attack(
            &origin([Page::new("/assets/{*file}"), Page::new("/{page}")]),
            name,
        )
        .await;
    }
}

#[tokio::test]
async fn not_even_where_everything_is_a_page() {
    for name in NAMES {
        attack(&origin([Page::new("/{*path}"), Page::new("/")]), name).await;
    }
}

#[tokio::test]
async fn what_means_another_place_or_nothing_is_never_a_page() {
    let service = origin([Page::new("/{*path}")]);
    for name in [
        "//account",
        "/a//b",
        "/./account",
        "/assets/../account",
        "/assets/%2e%2e/a",
        "/a%00b",
        "/a%FF",
        "/a%",
    ] {
        let answer = ask_as(&service, name, &[("cookie", "alice")]).await;

        assert_eq!(answer.cache_status(), "", "{name} was taken for a page");
    }
}

#[tokio::test]
async fn an_escaped_slash_stays_part_of_its_segment() {
    let service = origin([Page::new("/posts/{slug}")]);

    let deep = ask_as(&service, "/posts/a/b", &[]).await;
    let escaped = ask_as(&service, "/posts/a%2fb", &[]).await;

    assert_eq!(
        (deep.cache_status(), escaped.cache_status()),
        ("", "isr; fwd=uri-miss; stored")
    );
}
