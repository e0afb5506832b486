//! Tests against parameter cloaking: the query that the handler reads is exactly the query in the
//! key.

use isr_layer::{Page, Policy};

use crate::{echo, is_hit, visit};

const SEARCH: Page = Page::new("/search").with_policy(Policy::new().query(&["q"]));

/// Queries that parsers disagree about: one finds `q=poison`, another does not.
const CLOAKED: [&str; 15] = [
    "utm=1;q=poison",
    ";q=poison",
    "utm=1%26q=poison",
    "utm=1%3Bq=poison",
    "Q=poison",
    "q%00=poison",
    "q[]=poison",
    "q.=poison",
    "+q=poison",
    "%20q=poison",
    "utm=q=poison",
    "?q=poison",
    "_method=POISON",
    "callback=poison",
    "%EF%BD%91=poison",
];

#[tokio::test]
async fn a_cloaked_parameter_reaches_no_handler() {
    for cloaked in CLOAKED {
        let (site, service) = echo([SEARCH]);

        let poisoned = visit(&service, &format!("/search?{cloaked}")).await;
        let victim = visit(&service, "/search").await;

        assert_eq!(victim.text(), "GET /search {} b\"\"", "{cloaked}");
        assert_eq!(poisoned.text(), victim.text(), "{cloaked}");
        assert_eq!(site.renders(), 1, "{cloaked}");
    }
}

#[tokio::test]
async fn what_a_parser_may_read_another_way_is_kept_apart() {
    let queries = [
        "q=1",
        "%71=1",
        "q=1&%71=2",
        "q=1&q=2",
        "q=2&q=1",
        "q=1;q=2",
        "q=1%26q=2",
        "q=1&q",
        "q=1&q=",
        "q",
        "q=",
        "q=%31",
        "q=1+",
        "q=1%20",
    ];
    let (site, service) = echo([SEARCH]);

    for query in queries {
        let first = visit(&service, &format!("/search?{query}")).await;
        let second = visit(&service, &format!("/search?utm=poison&{query}&b=q")).await;

        assert_eq!(first.text(), format!("GET /search?{query} {{}} b\"\""));
        assert_eq!(second.text(), first.text());
        assert!(is_hit(&second), "{query}");
    }

    assert_eq!(site.renders(), queries.len());
}

#[tokio::test]
async fn a_page_that_declares_no_parameter_sees_none() {
    let (site, service) = echo([Page::new("/a")]);

    for query in ["q=poison", "a=1&b=2", "%00", ";", "&&&", "="] {
        assert_eq!(
            visit(&service, &format!("/a?{query}")).await.text(),
            "GET /a {} b\"\""
        );
    }

    assert_eq!(site.renders(), 1);
}
