//! Parses the JSON that clients send, as content systems really write it: its depth is checked
//! before anything is built from it, and halves of characters are replaced.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

/// The maximum depth of nested arrays and objects. Rich text with six lists in each other has 40.
const MAX_DEPTH: usize = 128;

/// The byte order mark, which a parser may pass over (RFC 8259, 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A parsed body.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) value: T,
    /// True if U+FFFD stands in the value for a half of a character: see [`mend`].
    pub(super) is_mended: bool,
}

/// Parses a whole body. The error is a clause that names the mistake and its place.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<Parsed<T>, String> {
    if depth(body) > MAX_DEPTH {
        return Err(format!("the JSON is nested deeper than {MAX_DEPTH} levels"));
    }

    let mended = readable(body);
    let mut parser = serde_json::Deserializer::from_slice(&mended);
    // Its own limit is lower than ours, by one level.
    parser.disable_recursion_limit();
    let parsed = T::deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    let value = parsed.map_err(|error| match error.classify() {
        // Its type is wrong, and the one type that is not any JSON is an object.
        Category::Data => {
            r#"the body must be a JSON object, such as {"path": "/posts/a"}"#.to_owned()
        }
        _ => format!("the body is not JSON: {error}"),
    })?;
    Ok(Parsed {
        value,
        is_mended: matches!(mended, Cow::Owned(_)),
    })
}

/// Returns the items of an array. PHP writes one with holes as an object whose names are numbers,
/// `{"0": "/", "3": "/about"}`, and some writers an empty one as `{}`.
pub(super) fn items(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Object(items) if items.keys().all(|name| is_index(name)) => {
            Some(items.values().collect())
        }
        _ => None,
    }
}

fn is_index(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the text as the parser takes it: without the byte order mark, and [mended](mend).
pub(super) fn readable(body: &[u8]) -> Cow<'_, [u8]> {
    mend(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body))
}

/// Replaces every escaped half of a character (`\ud83d` without `\ude00` after it) by U+FFFD, which
/// takes as many bytes. Senders that cut a text by UTF-16 units write such halves, and `serde_json`
/// refuses them.
///
/// A backslash outside a string is refused by the parser, so strings need not be told apart.
fn mend(body: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(body);
    let mut at = 0;
    while let Some(found) = body
        .get(at..)
        .and_then(|rest| rest.iter().position(is_escape))
    {
        at += found;

        at += match (code_unit(body, at), code_unit(body, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.to_mut()[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            _ => 2,
        };
    }
    mended
}

fn is_escape(byte: &u8) -> bool {
    *byte == b'\\'
}

/// Returns the UTF-16 unit that is escaped at this place: `\ud83d`.
fn code_unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns the depth of the brackets in well-formed JSON. For any other text the number means
/// nothing, and the parser refuses that text anyway.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut deepest) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => now += 1,
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        ["[".repeat(levels), "]".repeat(levels)]
            .concat()
            .into_bytes()
    }

    #[test]
    fn levels_are_read_up_to_128_and_no_more() {
        assert!(parse::<Value>(&nested(128)).is_ok());
        assert!(
            parse::<Value>(&nested(129))
                .unwrap_err()
                .contains("128 levels")
        );
    }

    #[test]
    fn a_million_brackets_are_refused_without_recursion() {
        assert!(parse::<Value>(&vec![b'['; 1_000_000]).is_err());
    }

    #[test]
    fn brackets_inside_a_string_are_text() {
        let text = format!(r#""\"{}""#, "[".repeat(200));

        assert!(parse::<Value>(text.as_bytes()).is_ok());
    }

    fn deepness(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(deepness).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(deepness).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        /// The escapes of any UTF-16, cut anywhere, are read as the standard library reads them.
        #[test]
        fn any_utf_16_is_read_with_its_halves_replaced(
            units in proptest::collection::vec(prop_oneof![0x20..0x7f_u16, 0xd7f0..0xe010_u16], 0..20)
        ) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let parsed = parse::<String>(format!("\"{escaped}\"").as_bytes()).unwrap();

            prop_assert_eq!(parsed.value, String::from_utf16_lossy(&units));
            prop_assert_eq!(parsed.is_mended, String::from_utf16(&units).is_err());
        }

        #[test]
        fn mending_changes_nothing_but_halves(body in r#"["\\u d89ce0a\[\]]{0,40}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&body) {
                let parsed = parse::<Value>(body.as_bytes()).unwrap();
                prop_assert_eq!((parsed.value, parsed.is_mended), (value, false));
            }
        }

        #[test]
        fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Value>(&body);
        }

        #[test]
        fn the_depth_is_that_of_the_parsed_value(body in r#"[\[\]{}":,a\\0 ]{0,40}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&body) {
                prop_assert!(depth(body.as_bytes()) >= deepness(&value));
            }
        }
    }
}
