//! Tests all combinations of preconditions against the steps of RFC 9110, 13.2.2.

use crate::{A, AFTER, BEFORE, DATE, Stage, digits};

/// State of one condition of a request: absent, or true, or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    True,
    False,
}

use Says::{False, Nothing, True};

const ALL: [Says; 3] = [Nothing, True, False];

/// The five conditions of a request.
#[derive(Clone, Copy, Debug)]
struct Conditions {
    match_tag: Says,
    unmodified: Says,
    none_match: Says,
    modified: Says,
    range: Says,
}

impl Conditions {
    fn all() -> impl Iterator<Item = Self> {
        (0..3_usize.pow(5)).map(|number| {
            let says = |place: u32| ALL[number / 3_usize.pow(place) % 3];
            Self {
                match_tag: says(0),
                unmodified: says(1),
                none_match: says(2),
                modified: says(3),
                range: says(4),
            }
        })
    }

    /// Returns the headers. `range` is true if `If-Range` has the page's own tag.
    fn headers(self) -> Vec<(&'static str, &'static str)> {
        let mut headers = Vec::new();
        let mut add = |says, name, holds, fails| match says {
            Nothing => {}
            True => headers.push((name, holds)),
            False => headers.push((name, fails)),
        };
        add(self.match_tag, "if-match", "\"v1\"", "\"v0\"");
        add(self.unmodified, "if-unmodified-since", AFTER, BEFORE);
        add(self.none_match, "if-none-match", "\"v0\"", "\"v1\"");
        add(self.modified, "if-modified-since", BEFORE, AFTER);
        add(self.range, "if-range", "\"v1\"", "\"v0\"");
        if self.range != Nothing {
            headers.push(("range", "bytes=0-0"));
        }
        headers
    }

    /// Takes the steps of 13.2.2, one after the other.
    fn status(self) -> u16 {
        match (self.match_tag, self.unmodified) {
            (False, _) | (Nothing, False) => return 412,
            _ => {}
        }
        match (self.none_match, self.modified) {
            (False, _) | (Nothing, False) => return 304,
            _ => {}
        }
        if self.range == True { 206 } else { 200 }
    }
}

#[tokio::test]
async fn every_combination_is_answered_in_the_rfcs_order() {
    let stage = Stage::warm(
        A,
        digits()
            .header("etag", "\"v1\"")
            .header("last-modified", DATE),
    )
    .await;

    for conditions in Conditions::all() {
        let answer = stage.get(&conditions.headers()).await;

        assert_eq!(answer.status, conditions.status(), "{conditions:?}");
        let length = match answer.status.as_u16() {
            200 => 10_000,
            206 => 1,
            _ => 0,
        };
        assert_eq!(answer.body.len(), length, "{conditions:?}");
    }
}

#[tokio::test]
async fn head_is_answered_in_the_same_order_and_has_no_parts() {
    let stage = Stage::warm(
        A,
        digits()
            .header("etag", "\"v1\"")
            .header("last-modified", DATE),
    )
    .await;

    for conditions in Conditions::all() {
        let answer = stage.head(&conditions.headers()).await;

        let expected = conditions.status();
        assert_eq!(
            answer.status,
            if expected == 206 { 200 } else { expected },
            "{conditions:?}"
        );
        assert!(answer.body.is_empty(), "{conditions:?}");
    }
}

#[tokio::test]
async fn a_304_comes_before_a_416() {
    let stage = Stage::warm(A, digits().header("etag", "\"v1\"")).await;

    let answer = stage
        .get(&[("if-none-match", "\"v1\""), ("range", "bytes=99999-")])
        .await;

    assert_eq!(answer.status, 304);
    assert!(!answer.headers.contains_key("content-range"));
}
