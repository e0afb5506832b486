//! Tests against unkeyed headers: a header that is not in the key does not reach the handler, so it
//! cannot get into a stored response.

use isr_layer::{Page, Policy, Purge};
use isr_tests::ask;
use tower::Layer;

use crate::{echo, is_hit, visit, with};

const PAGE: Page = Page::new("/a");

/// Headers that frameworks, proxies and careless applications build responses from.
const POISONS: [(&str, &str); 30] = [
    ("host", "poison.example"),
    ("x-forwarded-host", "poison.example"),
    ("x-forwarded-server", "poison.example"),
    ("x-forwarded-scheme", "poison"),
    ("x-forwarded-proto", "poison"),
    ("x-forwarded-port", "666"),
    ("x-forwarded-prefix", "/poison"),
    ("x-forwarded-for", "poison"),
    ("x-host", "poison.example"),
    ("x-http-host-override", "poison.example"),
    ("forwarded", "host=poison.example"),
    ("x-original-url", "/poison"),
    ("x-rewrite-url", "/poison"),
    ("x-original-host", "poison.example"),
    ("x-http-method-override", "POISON"),
    ("x-method-override", "POISON"),
    ("x-http-method", "POISON"),
    ("cookie", "session=poison"),
    ("authorization", "Bearer poison"),
    ("origin", "https://poison.example"),
    ("referer", "https://poison.example"),
    ("user-agent", "poison"),
    ("accept", "text/poison"),
    ("accept-language", "poison"),
    ("content-type", "text/poison"),
    ("x-middleware-subrequest", "poison"),
    ("x-middleware-prefetch", "poison"),
    ("rsc", "poison"),
    ("x-nextjs-data", "poison"),
    ("x-anything", "poison"),
];

#[tokio::test]
async fn no_header_of_the_first_client_is_in_what_the_second_gets() {
    for poison in POISONS {
        let (_, service) = echo([PAGE]);

        let poisoned = ask(&service, with("/a", &[poison])).await;
        let victim = visit(&service, "/a").await;

        assert!(is_hit(&victim), "{poison:?}: {}", victim.cache_status());
        for answer in [poisoned, victim] {
            assert_eq!(answer.text(), "GET /a {} b\"\"", "{poison:?}");
        }
    }
}

#[tokio::test]
async fn all_of_them_at_once_change_nothing_either() {
    let (site, service) = echo([PAGE]);

    ask(&service, with("/a", &POISONS)).await;

    assert_eq!(visit(&service, "/a").await.text(), "GET /a {} b\"\"");
    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn a_refresh_that_a_poisoned_request_sets_off_is_rendered_without_it() {
    let (site, isr, service) = {
        let site = isr_tests::Site::new();
        site.script(|seen, _| isr_tests::Reply::page().chunk(crate::repeated(seen)).into());
        let isr = isr_layer::IsrLayer::builder()
            .pages([PAGE])
            .build()
            .unwrap();
        let service = isr.layer(site.clone());
        (site, isr, service)
    };
    visit(&service, "/a").await;
    let _ = isr
        .cache()
        .revalidate(Purge::path("/a").mode(isr_layer::Mode::Stale))
        .await;

    ask(&service, with("/a", &POISONS)).await;
    isr.cache().drained().await;

    assert_eq!(site.renders(), 2);
    assert_eq!(visit(&service, "/a").await.text(), "GET /a {} b\"\"");
}

#[tokio::test]
async fn a_declared_header_is_in_the_key_and_poisons_its_own_variant_alone() {
    let (_, service) = echo([PAGE.with_policy(Policy::new().vary(&["accept-language"]))]);

    let poisoned = ask(&service, with("/a", &[("accept-language", "poison")])).await;
    let victim = visit(&service, "/a").await;

    assert!(poisoned.text().contains("poison"));
    assert!(!victim.text().contains("poison"), "{}", victim.text());
}

#[tokio::test]
async fn an_absolute_target_names_no_other_host() {
    let (_, service) = echo([PAGE]);

    ask(&service, with("http://poison.example/a", &[])).await;

    assert_eq!(visit(&service, "/a").await.text(), "GET /a {} b\"\"");
}
