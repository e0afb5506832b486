//! Tests against fat GET: a body is not part of the key, and a careless handler may read parameters
//! from it. So a GET with a body is not served as a page.

use http::Request;
use isr_layer::Page;
use isr_tests::{Answer, ask};

use crate::{Plain, echo, is_hit, visit};

fn fat(method: &str, headers: &[(&str, &str)]) -> Request<Plain> {
    let request = Request::builder().method(method).uri("/a");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    request
        .body(Plain::from("q=poison"))
        .expect("the request is one")
}

fn is_clean(answer: &Answer) -> bool {
    answer.text() == "GET /a {} b\"\""
}

#[tokio::test]
async fn a_body_is_neither_stored_nor_answered_from_what_is_stored() {
    let forms = [("content-type", "application/x-www-form-urlencoded")];
    for headers in [
        &forms[..],
        &[("content-length", "8")],
        &[("transfer-encoding", "chunked")],
        &[],
    ] {
        let (_, service) = echo([Page::new("/a")]);

        let before = ask(&service, fat("GET", headers)).await;
        let victim = visit(&service, "/a").await;
        let after = ask(&service, fat("GET", headers)).await;

        assert!(before.text().contains("poison") && after.text().contains("poison"));
        assert_eq!((before.cache_status(), after.cache_status()), ("", ""));
        assert!(is_clean(&victim), "{}", victim.text());
        assert!(is_clean(&visit(&service, "/a").await));
    }
}

#[tokio::test]
async fn other_methods_with_or_without_a_body_are_not_stored() {
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "POISON",
    ] {
        let (_, service) = echo([Page::new("/a")]);

        let other = ask(&service, fat(method, &[])).await;
        let victim = visit(&service, "/a").await;

        assert_eq!(other.cache_status(), "", "{method}");
        assert!(
            is_clean(&victim) && !is_hit(&victim),
            "{method}: {}",
            victim.text()
        );
    }
}
