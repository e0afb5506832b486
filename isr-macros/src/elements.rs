//! What may stand in the lists: tags, names of query parameters, names of headers.

use syn::Expr;

use crate::diagnostics::{Mistakes, quoted};
use crate::{pattern, values};

/// Headers whose values say who asks.
const PERSONAL_HEADERS: [&str; 3] = ["cookie", "authorization", "proxy-authorization"];

/// How long a tag may be, in bytes.
const MAX_TAG: usize = 256;

/// The elements of a list that pass `check`.
pub(crate) fn each(
    value: &Expr,
    check: impl Fn(&str) -> Result<String, String>,
    mistakes: &mut Mistakes,
) -> Vec<String> {
    let mut accepted = Vec::new();
    for text in values::list(value, mistakes) {
        match check(&text.value()) {
            Ok(element) if accepted.contains(&element) => {
                mistakes.at(text, "this is in the list already")
            }
            Ok(element) => accepted.push(element),
            Err(message) => mistakes.at(text, message),
        }
    }
    accepted
}

/// A tag, whose `{name}` stand for parameters of the path, if that is known.
pub(crate) fn tag(tag: &str, path: Option<&str>) -> Result<String, String> {
    if tag.is_empty() {
        return Err("a tag is not empty".to_owned());
    }
    if tag.len() > MAX_TAG {
        return Err(format!(
            "a tag has at most {MAX_TAG} bytes, this one has {}",
            tag.len()
        ));
    }
    if tag.chars().any(char::is_control) {
        return Err("a tag has no control characters".to_owned());
    }
    let mut rest = tag;
    while let Some(brace) = rest.find(['{', '}']) {
        let inner = rest[brace..]
            .strip_prefix('{')
            .and_then(|open| open.split_once('}'));
        let (name, behind) =
            inner.ok_or("a brace in a tag belongs to a parameter, as in `post:{slug}`")?;
        if let Some(path) = path.filter(|path| pattern::names(path).all(|known| known != name)) {
            return Err(unknown_parameter(name, path));
        }
        rest = behind;
    }
    Ok(tag.to_owned())
}

fn unknown_parameter(name: &str, pattern: &str) -> String {
    let names: Vec<&str> = pattern::names(pattern).collect();
    if names.is_empty() {
        return format!("the path `{pattern}` has no parameter `{{{name}}}`: it has none");
    }
    format!(
        "the path `{pattern}` has no parameter `{{{name}}}`: it has {}",
        quoted(names)
    )
}

/// The name of a query parameter, as it stands in the query.
pub(crate) fn query_name(name: &str) -> Result<String, String> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '&' | '=' | '#');
    if name.is_empty() || name.contains(separates) {
        return Err(
            "a query parameter's name is not empty and has no blank, `&`, `=` or `#`".to_owned(),
        );
    }
    Ok(name.to_owned())
}

/// The name of a header in lower case. RFC 9110, 5.1 and 5.6.2: it is a token, whatever its case.
pub(crate) fn header_name(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    if lower == "*" {
        return Err(
            "a page that varies on everything is no page: name the headers it uses".to_owned(),
        );
    }
    if PERSONAL_HEADERS.contains(&lower.as_str()) {
        return Err(format!(
            "`{lower}` says who asks, and a page is the same for everybody"
        ));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if lower.is_empty() || !lower.bytes().all(is_token) {
        return Err("this is no header's name, as `accept-language` is".to_owned());
    }
    Ok(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_may_use_what_the_path_has() {
        assert!(tag("{a}:{b}{a}", Some("/{a}/{*b}")).is_ok());
        for wrong in ["{c}", "a}", "{a", "{*b}", "{}", "", "a\tb"] {
            assert!(tag(wrong, Some("/{a}/{*b}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn header_names_are_lower_cased() {
        assert_eq!(header_name("Accept-Language").unwrap(), "accept-language");
    }

    #[test]
    fn headers_that_say_who_asks_are_refused() {
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
