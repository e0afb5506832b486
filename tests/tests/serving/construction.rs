//! Tests that a configuration that cannot work is refused by `build`, with an error that names both
//! sides.

use http::HeaderName;
use isr_layer::auth::Bearer;
use isr_layer::{Error, ErrorKind, IsrLayer, IsrLayerBuilder, Page, Policy, static_page};

use crate::{A, secs};

fn refused(builder: IsrLayerBuilder) -> Error {
    builder.build().expect_err("this is refused")
}

fn of_pages(pages: impl IntoIterator<Item = Page>) -> Error {
    refused(IsrLayer::builder().without_registered().pages(pages))
}

#[static_page("/twice/{slug}", revalidate = 60)]
#[allow(dead_code, reason = "only its declaration matters")]
async fn first() -> &'static str {
    "first"
}

mod elsewhere {
    #[isr_layer::static_page("/twice/{slug}", revalidate = 60)]
    #[allow(dead_code, reason = "only its declaration matters")]
    pub(super) async fn second() -> &'static str {
        "second"
    }
}

#[test]
fn one_path_for_two_functions_is_refused_and_both_are_named_with_their_places() {
    let error = of_pages([first::PAGE, elsewhere::second::PAGE]);

    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::PageConflict);
    assert!(
        message.contains("first") && message.contains("second"),
        "{message}"
    );
    assert_eq!(message.matches("construction.rs:").count(), 2, "{message}");
}

#[test]
fn without_a_list_every_annotated_function_of_the_program_is_a_page() {
    let error = refused(IsrLayer::builder());

    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::PageConflict);
    assert!(
        message.contains("first") && message.contains("second"),
        "{message}"
    );
}

#[test]
fn one_declaration_given_twice_is_one_page() {
    assert!(
        IsrLayer::builder()
            .without_registered()
            .pages([first::PAGE, first::PAGE, A, A])
            .build()
            .is_ok()
    );
}

#[test]
fn the_same_path_with_two_policies_is_refused() {
    let error = of_pages([A, A.with_policy(Policy::new().revalidate(secs(1)))]);

    assert_eq!(error.kind(), ErrorKind::PageConflict);
}

#[test]
fn patterns_that_overlap_are_refused_and_both_are_named() {
    for (one, other) in [
        ("/x/{a}", "/x/{b}"),
        ("/x/{*rest}", "/x/{*other}"),
        ("/x/{a}/y", "/x/{b}/y"),
        ("/{a}", "/{*all}"),
    ] {
        let error = of_pages([Page::new(one), Page::new(other)]);

        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::PageConflict);
        assert!(
            message.contains(one) && message.contains(other),
            "{message}"
        );
    }
}

/// A purge could name neither of them.
#[test]
fn a_path_or_a_tag_that_no_purge_can_name_is_refused() {
    let tag = |tag: String| {
        let tags: &'static [&'static str] = vec![&*tag.leak()].leak();
        A.with_policy(Policy::new().tags(tags))
    };
    let path = Page::new(format!("/{}", "a".repeat(1_024)).leak());
    for (page, told) in [
        (tag(String::new()), "empty"),
        (tag("a\nb".to_owned()), "control"),
        (tag("t".repeat(1_025)), "1,024"),
        (path, "1,024"),
    ] {
        let error = of_pages([page]);

        assert_eq!(error.kind(), ErrorKind::Policy);
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn expire_below_revalidate_is_refused_and_both_are_named() {
    let error = of_pages([A.with_policy(Policy::new().revalidate(secs(60)).expire(secs(59)))]);

    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Policy);
    assert!(
        message.contains("60s") && message.contains("59s") && message.contains("`/a`"),
        "{message}"
    );
    let equal = A.with_policy(Policy::new().revalidate(secs(60)).expire(secs(60)));
    assert!(
        IsrLayer::builder()
            .without_registered()
            .pages([equal])
            .build()
            .is_ok()
    );
}

#[test]
fn headers_that_say_who_asks_are_neither_kept_nor_varied_on() {
    for name in [
        "cookie",
        "authorization",
        "proxy-authorization",
        "host",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
    ] {
        let kept = refused(
            IsrLayer::builder()
                .without_registered()
                .pages([A])
                .keep_header(HeaderName::from_static(name)),
        );
        let names: &'static [&'static str] = Box::leak(Box::new([name]));
        let varied = of_pages([A.with_policy(Policy::new().vary(names))]);

        assert_eq!(
            (kept.kind(), varied.kind()),
            (ErrorKind::Configuration, ErrorKind::Policy)
        );
        assert!(kept.to_string().contains(name) && varied.to_string().contains(name));
    }
}

#[test]
fn a_tag_with_a_parameter_the_path_lacks_is_refused_and_both_are_named() {
    let message = of_pages([A.with_policy(Policy::new().tags(&["post:{slug}"]))]).to_string();

    assert!(
        message.contains("{slug}") && message.contains("`/a`"),
        "{message}"
    );
}

#[test]
fn a_page_by_hand_stands_beside_the_annotated_ones() {
    let error = refused(IsrLayer::builder().pages([Page::new("/twice/{other}")]));

    assert_eq!(error.kind(), ErrorKind::PageConflict);
    let alone = IsrLayer::builder()
        .pages([Page::new("/twice/{other}")])
        .without_registered();
    assert!(alone.build().is_ok(), "in whatever order");
}

#[test]
fn limits_of_zero_are_refused_and_named() {
    let builder = || IsrLayer::builder().without_registered().pages([A]);
    for (setting, builder) in [
        ("max_memory_bytes", builder().max_memory_bytes(0)),
        ("max_entries", builder().max_entries(0)),
        ("max_marks", builder().max_marks(0)),
        ("background_renders", builder().background_renders(0)),
        (
            "background_renders_per_page",
            builder().background_renders_per_page(0),
        ),
        ("new_keys_per_second", builder().new_keys_per_second(0)),
    ] {
        let error = refused(builder);

        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.to_string(), format!("`{setting}` must be at least 1"));
    }
}

#[test]
fn the_name_of_a_cookie_without_draft_mode_is_refused() {
    let builder = || {
        IsrLayer::builder()
            .without_registered()
            .draft_cookie("preview")
    };

    let error = refused(builder());

    assert!(error.to_string().contains("`draft_cookie`"), "{error}");
    assert!(
        builder()
            .draft("a secret of more than 24 bytes")
            .build()
            .is_ok()
    );
}

#[test]
fn limits_of_zero_in_a_policy_are_refused_and_named() {
    let nothing = std::time::Duration::ZERO;
    for (setting, policy) in [
        ("revalidate", Policy::new().revalidate(nothing)),
        ("expire", Policy::new().expire(nothing)),
        ("expire", Policy::new().revalidate(secs(60)).expire(nothing)),
        ("timeout", Policy::new().timeout(nothing)),
        ("max_body", Policy::new().max_body(0)),
    ] {
        let error = of_pages([A.with_policy(policy)]);

        assert_eq!(error.kind(), ErrorKind::Policy);
        assert!(
            error.to_string().contains(&format!("`{setting}`")),
            "{error}"
        );
    }
}

#[test]
fn a_secret_that_is_missing_or_short_is_refused_and_never_repeated() {
    let short = Bearer::new("hunter2").expect_err("seven characters can be guessed");
    let empty = Bearer::new("").expect_err("nothing can be guessed");
    let missing =
        Bearer::from_env("ISR_TESTS_NO_SUCH_VARIABLE").expect_err("the variable is not set");

    for error in [&short, &empty, &missing] {
        assert_eq!(error.kind(), ErrorKind::Secret);
    }
    assert!(!short.to_string().contains("hunter2"), "{short}");
    assert!(
        missing.to_string().contains("ISR_TESTS_NO_SUCH_VARIABLE"),
        "{missing}"
    );
}

#[test]
fn a_pattern_that_is_none_panics_with_what_is_accepted() {
    for pattern in [
        "a",
        "",
        "/a//b",
        "/{a}/{a}",
        "/a{b}",
        "/{*rest}/more",
        "/a/../b",
        "/a b",
    ] {
        let panicked = std::panic::catch_unwind(|| Page::new(pattern));

        assert!(panicked.is_err(), "{pattern}");
    }
}

#[test]
fn errors_are_lower_case_clauses_without_a_full_stop() {
    for error in [
        of_pages([Page::new("/x/{a}"), Page::new("/x/{b}")]),
        of_pages([A.with_policy(Policy::new().revalidate(secs(60)).expire(secs(59)))]),
        refused(
            IsrLayer::builder()
                .without_registered()
                .pages([A])
                .max_memory_bytes(0),
        ),
        Bearer::new("short").expect_err("too short"),
    ] {
        let message = error.to_string();
        assert!(!message.ends_with('.'), "{message}");
        assert!(
            !message.starts_with(|first: char| first.is_uppercase()),
            "{message}"
        );
    }
}

#[test]
fn no_limit_is_too_large_to_be_one() {
    let patient = A.with_policy(
        Policy::new()
            .max_body(usize::MAX)
            .timeout(std::time::Duration::MAX),
    );
    let builder = IsrLayer::builder().without_registered().pages([patient]);
    let builder = builder
        .max_entries(u64::MAX)
        .max_memory_bytes(u64::MAX)
        .max_marks(usize::MAX);
    let builder = builder
        .background_renders(usize::MAX)
        .background_renders_per_page(usize::MAX);

    assert!(builder.new_keys_per_second(u32::MAX).build().is_ok());
}
