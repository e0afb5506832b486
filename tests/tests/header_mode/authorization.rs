//! Tests that the response to a request with `Authorization` is shared only if a directive allows
//! it (RFC 9111, 3.5).

use crate::{site_that_says, visit, visit_with};

const WHO: &[(&str, &str)] = &[("authorization", "Basic eDp5")];

#[tokio::test]
async fn their_answers_are_not_stored_without_a_word_for_it() {
    for cache_control in ["max-age=60", "max-age=60, proxy-revalidate"] {
        let (site, service) = site_that_says(cache_control);

        let first = visit_with(&service, WHO).await;
        visit(&service).await;

        assert_eq!(
            first.cache_status(),
            "isr; fwd=uri-miss; detail=authorization"
        );
        assert_eq!(site.renders(), 2, "{cache_control}");
    }
}

#[tokio::test]
async fn public_s_maxage_and_must_revalidate_are_such_words() {
    for cache_control in [
        "max-age=60, public",
        "s-maxage=60",
        "max-age=60, must-revalidate",
    ] {
        let (site, service) = site_that_says(cache_control);
        visit_with(&service, WHO).await;

        assert!(
            visit(&service).await.cache_status().starts_with("isr; hit"),
            "{cache_control}"
        );
        assert!(
            visit_with(&service, WHO)
                .await
                .cache_status()
                .starts_with("isr; hit"),
            "{cache_control}"
        );
        assert_eq!(site.renders(), 1);
    }
}

#[tokio::test]
async fn they_do_not_get_what_was_stored_for_nobody_in_particular_without_such_a_word() {
    let (site, service) = site_that_says("max-age=60");
    visit(&service).await;

    visit_with(&service, WHO).await;

    assert_eq!(site.renders(), 2);
    assert!(
        visit(&service).await.cache_status().starts_with("isr; hit"),
        "what is stored stays"
    );
}
