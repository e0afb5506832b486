//! JSON pointers (RFC 6901): paths to the values of a payload.

mod seek;

use std::fmt;

use serde::de::DeserializeSeed;
use serde_json::Value;

use super::json;
use seek::Seek;

/// A parsed pointer: `/slug/current`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    tokens: Vec<String>,
}

impl Pointer {
    /// Parses a pointer. The error is a clause that names the mistake.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self { tokens: Vec::new() });
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err("a JSON pointer must start with `/`");
        };
        let tokens = rest.split('/').map(unescape).collect::<Option<_>>();
        tokens
            .map(|tokens| Self { tokens })
            .ok_or("a `~` in a JSON pointer is written `~0`, and a `/` in a name `~1`")
    }

    /// Returns the first name of the path: the member of the body that contains the value.
    pub(super) fn first(&self) -> Option<&str> {
        self.tokens.first().map(String::as_str)
    }

    /// Returns the string at this pointer in a JSON text, and builds nothing else of it.
    pub(super) fn find_text(&self, body: &[u8]) -> Option<String> {
        let body = json::readable(body);
        let mut parser = serde_json::Deserializer::from_slice(&body);
        let found = Seek(&self.tokens).deserialize(&mut parser).ok()?;
        parser.end().ok()?;
        found
    }

    /// Returns the one value at this pointer, as RFC 6901 defines it.
    pub(super) fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.tokens
            .iter()
            .try_fold(value, |value, token| step(value, token))
    }

    /// Returns all values at this pointer. Unlike [`find`](Self::find), it goes into every item of
    /// an array for which it has no index. Returns `None` if a value is missing in any item.
    pub(super) fn find_all<'v>(&self, value: &'v Value) -> Option<Vec<&'v Value>> {
        let mut found = vec![value];
        for token in &self.tokens {
            let next = found.into_iter().flat_map(|value| steps(value, token));
            found = next.collect::<Option<_>>()?;
        }
        Some(found.into_iter().flat_map(items).collect())
    }

    /// Returns the values at this pointer, as [`find_all`](Self::find_all) does, without those that
    /// are missing or `null`.
    pub(super) fn find_present<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for token in &self.tokens {
            let next = found.into_iter().flat_map(|value| steps(value, token));
            found = next.flatten().collect();
        }
        let found = found.into_iter().flat_map(items);
        found.filter(|value| !value.is_null()).collect()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens
            .iter()
            .try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

fn steps<'v>(value: &'v Value, token: &str) -> Vec<Option<&'v Value>> {
    match array(value) {
        Some(items) if index(token).is_none() => {
            items.into_iter().map(|item| step(item, token)).collect()
        }
        _ => vec![step(value, token)],
    }
}

/// Returns the items of an array at the end of a pointer, or the one value.
fn items(value: &Value) -> Vec<&Value> {
    array(value).unwrap_or_else(|| vec![value])
}

/// Returns the items of an array. Unlike [`json::items`], it takes `{}` for the object that it is.
fn array(value: &Value) -> Option<Vec<&Value>> {
    json::items(value).filter(|items| value.is_array() || !items.is_empty())
}

fn step<'v>(value: &'v Value, token: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(token),
        Value::Array(items) => items.get(index(token)?),
        _ => None,
    }
}

/// Parses an array index: digits without a leading zero (RFC 6901, 4).
fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = token == "0" || !token.starts_with('0');
    (digits && canonical).then(|| token.parse().ok()).flatten()
}

/// Decodes `~1` to `/` and `~0` to `~`; any other `~` is an error (RFC 6901, 3).
fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(1)?;
        plain.push(match code {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_rfc_6901_point_where_it_says() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
            "k\"l": 6, " ": 7, "m~n": 8
        });
        let examples = [
            ("", document.clone()),
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
        ];

        for (pointer, expected) in examples {
            assert_eq!(
                Pointer::parse(pointer).unwrap().find(&document),
                Some(&expected),
                "{pointer}"
            );
        }
    }

    #[test]
    fn an_index_with_a_leading_zero_or_a_sign_points_nowhere() {
        for pointer in ["/00", "/01", "/+0", "/-", "/2", "/99999999999999999999999"] {
            assert_eq!(
                Pointer::parse(pointer).unwrap().find(&json!(["a", "b"])),
                None,
                "{pointer}"
            );
        }
    }

    #[test]
    fn an_array_without_an_index_is_all_of_its_items() {
        let document = json!({"a": [{"b": [1, 2]}, {"b": [3]}], "none": []});
        let all = |pointer: &str| {
            let found = Pointer::parse(pointer)
                .unwrap()
                .find_all(&document)?
                .into_iter()
                .cloned();
            Some(Value::Array(found.collect()))
        };

        assert_eq!(all("/a/b"), Some(json!([1, 2, 3])));
        assert_eq!(all("/a/1/b"), Some(json!([3])));
        assert_eq!(all("/none"), Some(json!([])));
        assert_eq!(all("/none/x"), Some(json!([])));
        assert_eq!(all("/a/c"), None);
        assert_eq!(all("/a/2"), None);
    }

    #[test]
    fn an_array_that_php_wrote_as_an_object_is_one_and_an_empty_object_is_none() {
        let document =
            json!({"a": {"0": {"b": 1}, "3": {"b": 2}}, "none": {}, "c": {"0": 1, "x": 2}});
        let all = |pointer: &str| {
            let found = Pointer::parse(pointer).unwrap().find_all(&document)?;
            Some(Value::Array(found.into_iter().cloned().collect()))
        };

        assert_eq!(all("/a/b"), Some(json!([1, 2])));
        assert_eq!(all("/a/3/b"), Some(json!([2])));
        assert_eq!(all("/a/1/b"), None);
        assert_eq!(all("/none"), Some(json!([{}])));
        assert_eq!(all("/c"), Some(json!([document["c"]])));
        assert_eq!(all("/c/0"), Some(json!([1])));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        assert!(Pointer::parse("slug").is_err());
        assert!(Pointer::parse("/a~2b").is_err());
        assert!(Pointer::parse("/a~").is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            "[a~/é\"]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a01]{0,2}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// A text is found where it is found in the parsed value, and only there.
        #[test]
        fn the_string_in_a_text_is_that_of_the_value(
            value in value(), pointer in "(/[a01]{0,2}){0,4}", cut in 0..200_usize
        ) {
            let pointer = Pointer::parse(&pointer).unwrap();
            let text = value.to_string();
            let found = pointer.find(&value).and_then(Value::as_str).map(str::to_owned);

            prop_assert_eq!(pointer.find_text(text.as_bytes()), found);
            let cut = &text.as_bytes()[..cut.min(text.len() - 1)];
            if serde_json::from_slice::<Value>(cut).is_err() {
                prop_assert_eq!(pointer.find_text(cut), None);
            }
        }

        #[test]
        fn any_text_is_answered_as_serde_json_answers_it(text in "(/[a~01é]{0,3}){0,4}") {
            let document = json!({"a": {"a": [1, {"~": 2, "/": 3}]}, "é": ["x"], "": {"": 4}});
            if let Ok(pointer) = Pointer::parse(&text) {
                prop_assert_eq!(pointer.find(&document), document.pointer(&text));
                prop_assert_eq!(pointer.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Pointer::parse(&text);
        }
    }
}
