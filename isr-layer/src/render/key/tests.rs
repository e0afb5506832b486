//! Keys are injective, and hold the declared parts of a request and nothing else.

use proptest::prelude::*;

use super::*;
use crate::hosts::Hosts;
use crate::page::{Page, Policy, Registry};

const SEARCH: Page = Page::new("/search").with_policy(
    Policy::new()
        .query(&["page", "q"])
        .vary(&["accept-language", "x-theme"]),
);

fn key(query: Option<&str>, headers: &[(&'static str, &'static str)]) -> Key {
    let registry = Registry::new([SEARCH], Hosts::default()).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    KeyRef::new(
        registry.find("/search").unwrap(),
        Cow::Borrowed("/search"),
        query,
        None,
        &map,
    )
    .unwrap()
    .to_key(registry.find("/search").unwrap())
}

#[test]
fn undeclared_parameters_and_headers_are_no_part_of_the_key() {
    assert_eq!(key(Some("utm=1"), &[("cookie", "a=b")]), key(None, &[]));
    assert_eq!(key(Some("utm=1&page=2"), &[]).uri(0), "/search?page=2");
}

#[test]
fn declared_parameters_are_sorted_by_name_and_duplicates_keep_their_order() {
    assert_eq!(
        key(Some("q=b&page=2&q=a"), &[]).uri(0),
        "/search?page=2&q=b&q=a"
    );
    assert_ne!(key(Some("q=a&q=b"), &[]), key(Some("q=b&q=a"), &[]));
    assert_ne!(key(Some("q"), &[]), key(Some("q="), &[]));
}

#[test]
fn an_absent_header_differs_from_an_empty_one_and_fields_do_not_run_together() {
    assert_ne!(key(None, &[]), key(None, &[("x-theme", "")]));
    assert_ne!(
        key(None, &[("accept-language", "a"), ("x-theme", "b")]),
        key(None, &[("accept-language", "ab")])
    );
    assert_ne!(
        key(None, &[("accept-language", "a")]),
        key(None, &[("x-theme", "a")])
    );
}

#[test]
fn the_headers_come_back_normalised() {
    let key = key(
        None,
        &[
            ("accept-language", " DE "),
            ("accept-language", "en"),
            ("x-theme", "Dark"),
        ],
    );
    let vary = [
        HeaderName::from_static("accept-language"),
        HeaderName::from_static("x-theme"),
    ];

    let headers = key
        .headers(&vary)
        .map(|(_, value)| value)
        .collect::<Vec<_>>();

    assert_eq!(headers, ["de, en", "Dark"]);
}

/// The parts of a request that may count: its pairs and its headers, as they are sent.
type Sent = (
    Vec<(&'static str, Option<String>)>,
    Vec<(&'static str, String)>,
);

fn sent() -> impl Strategy<Value = Sent> {
    let pair = (
        prop::sample::select(vec!["page", "q", "other"]),
        prop::option::of("[a=]{0,2}"),
    );
    let header = (
        prop::sample::select(vec!["accept-language", "x-theme", "cookie"]),
        "[ ]?[aA,]{0,2}",
    );
    (
        prop::collection::vec(pair, 0..4),
        prop::collection::vec(header, 0..4),
    )
}

/// Generates two requests whose keys may well be equal: the second repeats much of the first, in
/// another order and spelling.
fn two() -> impl Strategy<Value = (Sent, Sent)> {
    let respelled = sent().prop_flat_map(|one| {
        let (pairs, headers) = one.clone();
        let spelled =
            prop::sample::select(vec![str::to_owned, str::to_uppercase, |value: &str| {
                format!("{value} ")
            }]);
        let other = (
            Just(pairs).prop_shuffle(),
            Just(headers).prop_shuffle(),
            spelled,
        );

        let other = other.prop_map(|(pairs, headers, spelled)| {
            (
                pairs,
                headers
                    .into_iter()
                    .map(|(name, value)| (name, spelled(&value)))
                    .collect(),
            )
        });
        (Just(one), other)
    });

    prop_oneof![respelled, (sent(), sent())]
}

fn key_of((pairs, headers): &Sent) -> Key {
    let pair = |(name, value): &(&str, Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => (*name).to_owned(),
    };
    let query = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let registry = Registry::new([SEARCH], Hosts::default()).unwrap();
    let page = registry.find("/search").unwrap();
    KeyRef::new(page, Cow::Borrowed("/search"), Some(&query), None, &map)
        .unwrap()
        .to_key(page)
}

/// A second implementation, which encodes nothing: two requests may share a key only if these
/// structures are equal, and then they must.
fn reference((pairs, headers): &Sent) -> (Vec<Vec<Option<String>>>, Vec<Option<String>>) {
    let values = |name| {
        pairs
            .iter()
            .filter(move |(is, _)| *is == name)
            .map(|(_, value)| value.clone())
    };

    let field = |name| {
        let lines = headers
            .iter()
            .filter(|(is, _)| *is == name)
            .map(|(_, value)| value.trim());
        let lines = lines.collect::<Vec<_>>();
        let value = (!lines.is_empty()).then(|| lines.join(", "));
        if name == "x-theme" {
            value
        } else {
            value.map(|value| value.to_lowercase())
        }
    };

    let pairs = ["page", "q"].map(|name| values(name).collect()).to_vec();
    (pairs, ["accept-language", "x-theme"].map(field).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn keys_are_equal_exactly_when_what_they_stand_for_is((one, other) in two()) {
        let keys = [key_of(&one), key_of(&other)];

        prop_assert_eq!(keys[0] == keys[1], reference(&one) == reference(&other));
    }

    #[test]
    fn the_headers_of_a_key_are_those_it_was_made_of(sent in sent()) {
        let vary = [HeaderName::from_static("accept-language"), HeaderName::from_static("x-theme")];

        let key = key_of(&sent);
        let headers = key.headers(&vary).collect::<HeaderMap>();

        let read =
            vary.map(|name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()));
        prop_assert_eq!(read.to_vec(), reference(&sent).1);
    }

    #[test]
    fn keys_of_calls_are_equal_exactly_when_what_they_stand_for_is(one in grpc(), other in grpc()) {
        let keys = [key_of_grpc(&one), key_of_grpc(&other)];

        prop_assert_eq!(keys[0] == keys[1], one == other);
        let read = keys[0].grpc().map(|grpc| (grpc.subtype.to_owned(), grpc.message.to_vec()));
        prop_assert_eq!(read, Some((one.0, one.1)));
        prop_assert!(keys[0] != key(None, &[]) && keys[0].is_grpc());
    }
}

/// The parts of a call: the format of its message, the message, and the metadata that its method
/// declares.
type Called = (String, Vec<u8>, Option<String>);

/// Generates calls of few octets, most of which the key's own encoding uses.
fn grpc() -> impl Strategy<Value = Called> {
    let octet = prop::sample::select(vec![0, 1, 2, b'a']);
    (
        "a{1,2}",
        prop::collection::vec(octet, 0..12),
        prop::option::of("a{0,2}"),
    )
}

fn key_of_grpc((subtype, message, metadata): &Called) -> Key {
    const GET: Page = Page::new("/catalog/Get")
        .with_policy(Policy::new().vary(&["x-tenant"]))
        .with_unary(true);
    let registry = Registry::new([GET], Hosts::default()).unwrap();
    let page = registry.find("/catalog/Get").unwrap();
    let headers = metadata
        .iter()
        .map(|value| (HeaderName::from_static("x-tenant"), value.parse().unwrap()));
    let path = Cow::Borrowed("/catalog/Get");
    KeyRef::of_grpc(page, path, subtype, message, None, &headers.collect())
        .unwrap()
        .to_key(page)
}
