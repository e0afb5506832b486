//! Reads [`Directives`] from a field that targets this cache (RFC 9213): a strict dictionary.

use http::header::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::directives::Directives;
use crate::entry::MAX_SECONDS;

/// Reads directives from the field `name`; `None` if the field is missing, empty or not a
/// dictionary, since a cache must then ignore it as a whole (RFC 9213, 2.1).
pub(super) fn directives(headers: &HeaderMap, name: &HeaderName) -> Option<Directives> {
    // Several lines make one dictionary (RFC 8941, 4.2).
    let lines = headers
        .get_all(name)
        .iter()
        .map(|line| line.as_bytes())
        .collect::<Vec<_>>();
    let members = Parser::new(&lines.join(&b", "[..]))
        .parse::<Dictionary>()
        .ok()?;
    if members.is_empty() {
        return None;
    }

    let mut directives = Directives {
        is_targeted: true,
        ..Directives::default()
    };
    for (name, value) in &members {
        let value = bare(value);
        // `?0` means false: the directive does not apply.
        if value.and_then(BareItem::as_boolean) != Some(false) {
            directives.note(name.as_str().as_bytes(), value.and_then(seconds));
        }
    }
    Some(directives)
}

/// Returns a member's value without its parameters, which have no meaning here (RFC 9213, 2.1);
/// `None` for a list.
fn bare(value: &ListEntry) -> Option<&BareItem> {
    match value {
        ListEntry::Item(item) => Some(&item.bare_item),
        ListEntry::InnerList(_) => None,
    }
}

/// Reads a number of seconds, which must be an integer (RFC 9213, 2.1).
fn seconds(value: &BareItem) -> Option<u64> {
    let number = u64::try_from(i64::from(value.as_integer()?)).ok()?;
    Some(number.min(MAX_SECONDS))
}

#[cfg(test)]
mod tests {
    use http::header::{CACHE_CONTROL, HeaderValue};

    use super::*;

    const TARGET: HeaderName = HeaderName::from_static("cdn-cache-control");

    fn of(lines: &[&str]) -> Option<Directives> {
        let mut headers = HeaderMap::new();
        headers.append(CACHE_CONTROL, HeaderValue::from_static("max-age=1"));
        for line in lines {
            headers.append(TARGET, HeaderValue::from_str(line).unwrap());
        }
        directives(&headers, &TARGET)
    }

    fn max_age(seconds: u64) -> Option<Directives> {
        Some(Directives {
            max_age: Some(seconds),
            is_targeted: true,
            ..Directives::default()
        })
    }

    #[test]
    fn a_dictionary_is_read_over_all_its_lines() {
        for (lines, expected) in [
            (&["max-age=60"][..], 60),
            (&["max-age=60;x=y"], 60),
            (&["x", "y=(1 2), max-age=60"], 60),
            (&["max-age=1, max-age=60"], 60),
            (&["max-age=99999999999"], MAX_SECONDS),
            (&["max-age=60, public=?0, no-store=?0"], 60),
        ] {
            assert_eq!(of(lines), max_age(expected), "{lines:?}");
        }
        assert!(of(&["private=\"x\", max-age=1"]).unwrap().private);
        assert!(of(&["max-age=60, no-store"]).unwrap().no_store);
    }

    #[test]
    fn a_number_of_another_type_is_stale() {
        for line in [
            "max-age",
            "max-age=\"60\"",
            "max-age=60.5",
            "max-age=-1",
            "max-age=(60)",
            "max-age=x",
        ] {
            assert_eq!(of(&[line]), max_age(0), "{line}");
        }
    }

    #[test]
    fn what_is_empty_or_no_dictionary_is_as_if_it_were_not_there() {
        for lines in [
            &[][..],
            &[""],
            &["", ""],
            &["max-age=60, &&&&&"],
            &["max-age=60,"],
            &["MaX-aGe=60"],
            &["max-age =60"],
            &["max-age= 60"],
            &["max-age=9999999999999999"],
            &["max-age=60", "no store"],
        ] {
            assert_eq!(of(lines), None, "{lines:?}");
        }
    }
}
