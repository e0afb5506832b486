//! Pages are found by path; a page that conflicts with another or contradicts itself is refused.

use super::*;
use std::time::Duration;

fn error(pages: impl IntoIterator<Item = Page>) -> String {
    Registry::new(pages, Hosts::default())
        .err()
        .expect("the registry refuses")
        .to_string()
}

#[test]
fn a_static_page_wins_over_a_pattern() {
    let registry = Registry::new(
        [Page::new("/posts/{slug}"), Page::new("/posts/new")],
        Hosts::default(),
    )
    .unwrap();

    let found = |path| registry.find(path).map(|page| page.page.path());

    assert_eq!(found("/posts/new"), Some("/posts/new"));
    assert_eq!(found("/posts/old"), Some("/posts/{slug}"));
    assert_eq!(found("/posts/"), None);
}

#[test]
fn a_conflict_names_both_sides() {
    let message = error([Page::new("/a/{x}"), Page::new("/a/{y}")]);

    assert!(
        message.contains("/a/{x}") && message.contains("/a/{y}"),
        "{message}"
    );
}

#[test]
fn a_page_registered_twice_from_two_places_is_refused_and_from_one_place_is_one() {
    let here = |line| Page::new("/a").__handler("a", "src/a.rs", line, 1);

    let twice = error([here(1), here(2)]);
    let once = Registry::new([here(1), here(1)], Hosts::default()).unwrap();

    assert!(
        twice.contains("src/a.rs:1:1") && twice.contains("src/a.rs:2:1"),
        "{twice}"
    );
    assert_eq!(once.pages.len(), 1);
}

#[test]
fn expire_below_revalidate_is_refused() {
    let policy = Policy::new()
        .revalidate(Duration::from_secs(60))
        .expire(Duration::from_secs(30));

    let message = error([Page::new("/a").with_policy(policy)]);

    assert!(
        message.contains("`expire` (30s)") && message.contains("`revalidate` (60s)"),
        "{message}"
    );
}

#[test]
fn a_tag_with_an_unknown_parameter_and_a_header_that_says_who_asks_are_refused() {
    assert!(
        error([Page::new("/a").with_policy(Policy::new().tags(&["post:{slug}"]))])
            .contains("{slug}")
    );
    assert!(
        error([Page::new("/a").with_policy(Policy::new().vary(&["cookie"]))]).contains("cookie")
    );
}

#[test]
fn parameters_fill_tags_and_paths() {
    let registry = Registry::new(
        [Page::new("/posts/{slug}").with_policy(Policy::new().tags(&["posts", "post:{slug}"]))],
        Hosts::default(),
    )
    .unwrap();
    let page = registry.find("/posts/caf%C3%A9").unwrap();
    let params = registry.params("/posts/caf%C3%A9");

    assert_eq!(
        page.declared_tags(&params).collect::<Vec<_>>(),
        ["posts", "post:café"]
    );
    assert_eq!(
        page.path_with(&params.iter().cloned().collect()).as_deref(),
        Ok("/posts/caf%C3%A9")
    );
    assert_eq!(
        page.path_with(&ParamSet::from([("slug", "a/b")]))
            .as_deref(),
        Ok("/posts/a%2Fb")
    );
    assert!(page.path_with(&ParamSet::new()).is_err());
}
