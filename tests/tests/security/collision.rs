//! Tests against cross-route collisions: no input of one page has the key of another page or of
//! another instance.

use isr_layer::{Page, Policy};
use isr_tests::ask;
use proptest::prelude::*;

use crate::{echo, with};

const PAGES: [Page; 6] = [
    Page::new("/p/{x}"),
    Page::new("/p/{x}/q"),
    Page::new("/p/{x}/{y}"),
    Page::new("/w/{*rest}"),
    Page::new("/s").with_policy(Policy::new().query(&["a", "b"]).vary(&["x-one", "x-two"])),
    Page::new("/s/{x}").with_policy(Policy::new().query(&["a", "b"])),
];

#[tokio::test]
async fn targets_that_could_run_together_are_kept_apart() {
    let targets = [
        "/p/a",
        "/p/a%2Fq",
        "/p/a/q",
        "/p/a%2Fb",
        "/p/a/b",
        "/p/a%3Fb",
        "/p/a%23b",
        "/w/a",
        "/w/a/b",
        "/w/a%2Fb",
        "/s",
        "/s?a=1",
        "/s?a=1&b=2",
        "/s?a=1%26b=2",
        "/s?b=a=1",
        "/s/a",
        "/s/a?a=1",
        "/s/a%3Fa=1",
        "/s/%3Fa=1",
        "/s?a",
        "/s?a=",
        "/s/a?b",
        "/s/a%3Fb",
    ];
    let (site, service) = echo(PAGES);

    for target in targets.into_iter().chain(targets) {
        assert_eq!(
            ask(&service, with(target, &[])).await.text(),
            format!("GET {target} {{}} b\"\"")
        );
    }

    assert_eq!(site.renders(), targets.len());
}

#[tokio::test]
async fn declared_headers_do_not_run_together() {
    let requests: [&[(&str, &str)]; 7] = [
        &[],
        &[("x-one", "")],
        &[("x-two", "")],
        &[("x-one", "ab")],
        &[("x-one", "a"), ("x-two", "b")],
        &[("x-two", "ab")],
        &[("x-one", "a\tx-two: b")],
    ];
    let (site, service) = echo(PAGES);

    for headers in requests {
        ask(&service, with("/s", headers)).await;
    }

    assert_eq!(site.renders(), requests.len());
}

proptest! {
    #[test]
    fn whoever_shares_an_answer_has_sent_the_same(
        one in "/[psw](/[ab%2F]{1,4}){0,2}([?][ab]=[12&;]{0,3}){0,1}",
        other in "/[psw](/[ab%2F]{1,4}){0,2}([?][ab]=[12&;]{0,3}){0,1}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        runtime.block_on(async {
            let (_, service) = echo(PAGES);
            let first = ask(&service, with(&one, &[])).await;
            ask(&service, with(&other, &[])).await;
            let again = ask(&service, with(&one, &[])).await;

            prop_assert_eq!(first.text(), again.text());
            Ok(())
        })?;
    }
}
