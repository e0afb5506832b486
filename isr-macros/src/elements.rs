//! Checks the elements of lists: tags, query parameters, header names.

use syn::Expr;

use crate::diagnostics::{Mistakes, quoted};
use crate::{pattern, values};

/// Headers whose values identify the client.
const PERSONAL_HEADERS: [&str; 3] = ["cookie", "authorization", "proxy-authorization"];

/// The longest tag, in bytes.
const MAX_TAG: usize = 1024;

const UNMATCHED: &str = "unmatched brace: in a tag, braces hold a name, such as in `post:{slug}`";
const QUERY_NAME: &str = "invalid name of a query parameter; expected a name such as `page`, \
    without whitespace, `&`, `=` and `#`";
const VARY_ALL: &str = "`vary = [\"*\"]` is not supported: list the headers that the handler reads";

/// Returns the elements of a list that pass `check`, and reports all others.
pub(crate) fn each(
    value: &Expr,
    check: impl Fn(&str) -> Result<String, String>,
    mistakes: &mut Mistakes,
) -> Vec<String> {
    let mut accepted = Vec::new();

    for text in values::list(value, mistakes) {
        match check(&text.value()) {
            Ok(element) if accepted.contains(&element) => {
                mistakes.at(text, format!("`{element}` is listed twice"));
            }
            Ok(element) => accepted.push(element),
            Err(message) => mistakes.at(text, message),
        }
    }

    accepted
}

/// Checks a tag, and each `{name}` in it by `check`.
pub(crate) fn tag(
    tag: &str,
    check: &impl Fn(&str) -> Result<(), String>,
) -> Result<String, String> {
    if tag.is_empty() {
        return Err(format!("empty tag: expected 1 to {MAX_TAG} bytes"));
    }
    if tag.len() > MAX_TAG {
        return Err(format!(
            "this tag has {} bytes: at most {MAX_TAG} are accepted",
            tag.len()
        ));
    }
    if tag.chars().any(char::is_control) {
        return Err("control characters are not accepted in a tag".to_owned());
    }

    for part in parts(tag)? {
        if let Part::Name(name) = part {
            check(name)?;
        }
    }
    Ok(tag.to_owned())
}

/// A part of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Text(&'a str),
    /// The name in braces.
    Name(&'a str),
}

/// Splits a tag into its texts and names.
pub(crate) fn parts(tag: &str) -> Result<Vec<Part<'_>>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = tag;

    while let Some(brace) = rest.find(['{', '}']) {
        let inner = rest[brace..]
            .strip_prefix('{')
            .and_then(|open| open.split_once('}'));
        let (name, behind) = inner.ok_or(UNMATCHED)?;
        parts.extend([Part::Text(&rest[..brace]), Part::Name(name)]);
        rest = behind;
    }
    parts.push(Part::Text(rest));

    Ok(parts)
}

/// Checks that a name in a tag is a parameter of the path, if the path is known.
pub(crate) fn parameter(name: &str, path: Option<&str>) -> Result<(), String> {
    match path {
        Some(path) if pattern::names(path).all(|known| known != name) => {
            Err(unknown_parameter(name, path))
        }
        _ => Ok(()),
    }
}

fn unknown_parameter(name: &str, pattern: &str) -> String {
    let names: Vec<&str> = pattern::names(pattern).collect();
    if names.is_empty() {
        return format!("unknown parameter `{{{name}}}`: the path `{pattern}` has no parameters");
    }
    format!(
        "unknown parameter `{{{name}}}`: the path `{pattern}` has {}",
        quoted(names)
    )
}

/// Checks the name of a query parameter, in the spelling that the query has.
pub(crate) fn query_name(name: &str) -> Result<String, String> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '&' | '=' | '#');
    if name.is_empty() || name.contains(separates) {
        return Err(QUERY_NAME.to_owned());
    }
    Ok(name.to_owned())
}

/// Checks the name of a header and returns it in lower case. A name is a token, and its case does
/// not matter (RFC 9110, 5.1 and 5.6.2).
pub(crate) fn header_name(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();

    if lower == "*" {
        return Err(VARY_ALL.to_owned());
    }
    if PERSONAL_HEADERS.contains(&lower.as_str()) {
        return Err(format!(
            "`{lower}` identifies the client, but all clients get the same page: remove it"
        ));
    }

    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if lower.is_empty() || !lower.bytes().all(is_token) {
        return Err("invalid header name; expected a name such as `accept-language`".to_owned());
    }

    Ok(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_may_use_what_the_path_has() {
        let check = |name: &str| parameter(name, Some("/{a}/{*b}"));

        assert!(tag("{a}:{b}{a}", &check).is_ok());
        for wrong in ["{c}", "a}", "{a", "{*b}", "{}", "", "a\tb"] {
            assert!(tag(wrong, &check).is_err(), "{wrong}");
        }
    }

    #[test]
    fn header_names_are_lower_cased() {
        assert_eq!(header_name("Accept-Language").unwrap(), "accept-language");
    }

    #[test]
    fn headers_that_identify_the_client_are_refused() {
        for wrong in [
            "Cookie",
            "AUTHORIZATION",
            "proxy-authorization",
            "*",
            "",
            "a b",
            ":path",
        ] {
            assert!(header_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn query_names_may_have_brackets() {
        assert!(query_name("filter[tag]").is_ok());
        assert!(query_name("a&b").is_err());
    }
}
