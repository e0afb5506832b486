//! Parses the JSON that clients send: its depth is checked before anything is built from it.

use serde::de::DeserializeOwned;

/// The maximum depth of nested arrays and objects.
const MAX_DEPTH: usize = 32;

/// Parses a whole body. The error is a clause that names the mistake and its place.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if depth(body) > MAX_DEPTH {
        return Err(format!("the JSON is nested deeper than {MAX_DEPTH} levels"));
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => error.to_string(),
        _ => format!("the body is not JSON: {error}"),
    })
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
    use serde_json::Value;

    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        ["[".repeat(levels), "]".repeat(levels)]
            .concat()
            .into_bytes()
    }

    #[test]
    fn thirty_two_levels_are_read_and_thirty_three_are_refused() {
        assert!(parse::<Value>(&nested(32)).is_ok());
        assert!(
            parse::<Value>(&nested(33))
                .unwrap_err()
                .contains("32 levels")
        );
    }

    #[test]
    fn a_million_brackets_are_refused_without_recursion() {
        assert!(parse::<Value>(&vec![b'['; 1_000_000]).is_err());
    }

    #[test]
    fn brackets_inside_a_string_are_text() {
        let text = format!(r#""\"{}""#, "[".repeat(100));

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
