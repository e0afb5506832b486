//! Reads the [`Directives`] of a response: from `Cache-Control`, over all its lines (RFC 9111,
//! 5.2.2), or from a field that is targeted at this cache (RFC 9213). Reads those of a request too.

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName};

use super::directives::Directives;
use super::targeted;
use crate::entry::seconds;

/// Directives of a request that are obeyed (RFC 9111, 5.2.1). Any other would let a client decide
/// how often the origin is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestDirectives {
    pub(super) no_store: bool,
    pub(super) only_if_cached: bool,
}

/// Reads the directives of a request.
pub(super) fn request_directives(headers: &HeaderMap) -> RequestDirectives {
    let mut directives = RequestDirectives::default();
    let lines = headers.get_all(CACHE_CONTROL).into_iter();
    for member in lines.flat_map(|line| members(line.as_bytes())) {
        // The members that an unterminated string hides may forbid storing.
        let name = member.map_or(&b"no-store"[..], |member| split(member).0);
        directives.no_store |= name.eq_ignore_ascii_case(b"no-store");
        directives.only_if_cached |= name.eq_ignore_ascii_case(b"only-if-cached");
    }
    directives
}

/// Reads directives from the first of the `targets` that parses, else from `Cache-Control`.
pub(super) fn directives(headers: &HeaderMap, targets: &[HeaderName]) -> Directives {
    targets
        .iter()
        .find_map(|target| targeted::directives(headers, target))
        .unwrap_or_else(|| of_cache_control(headers))
}

fn of_cache_control(headers: &HeaderMap) -> Directives {
    let mut directives = Directives::default();
    for line in headers.get_all(CACHE_CONTROL) {
        read(&mut directives, line.as_bytes());
    }
    directives
}

fn read(directives: &mut Directives, line: &[u8]) {
    for member in members(line) {
        match member {
            Some(member) => apply_member(directives, member),
            // The unterminated string hides the members after it, and one may forbid storing.
            None => directives.no_store = true,
        }
    }
}

fn apply_member(directives: &mut Directives, member: &[u8]) {
    let (name, argument) = split(member);
    let name = name.to_ascii_lowercase();
    directives.note(&name, argument.and_then(argument_seconds));
}

/// Splits a member into its name and its argument.
fn split(member: &[u8]) -> (&[u8], Option<&[u8]>) {
    let (name, argument) = match member.iter().position(|byte| *byte == b'=') {
        Some(at) => (&member[..at], Some(&member[at + 1..])),
        None => (member, None),
    };
    // White space before the `=` is an error. We still obey a directive that forbids, but do not
    // read a number: the response is then stale.
    let argument = argument.filter(|_| name.trim_ascii_end().len() == name.len());
    (name.trim_ascii_end(), argument)
}

/// Returns the members of a line, and `None` in place of the last if its string does not end.
fn members(line: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(length) = member_length(rest) else {
            rest = &[];
            return Some(None);
        };
        let member = rest[..length].trim_ascii();
        rest = rest.get(length + 1..).unwrap_or_default();
        Some(Some(member))
    })
}

/// Returns the length of the first member of `list`, up to its comma. A comma inside a quoted
/// string is text. `None` if such a string does not end.
fn member_length(list: &[u8]) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    (!is_quoted).then_some(list.len())
}

/// Parses a number of seconds, as a token or as a quoted string.
fn argument_seconds(argument: &[u8]) -> Option<u64> {
    let unquoted = argument
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    seconds(unquoted.unwrap_or(argument))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::entry::MAX_SECONDS;

    fn of(lines: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        directives(&headers, &[])
    }

    fn max_age(seconds: u64) -> Directives {
        Directives {
            max_age: Some(seconds),
            ..Directives::default()
        }
    }

    #[test]
    fn numbers_are_read_as_token_and_as_quoted_string() {
        for (line, expected) in [
            ("max-age=60", 60),
            ("MAX-AGE=60", 60),
            ("max-age=\"60\"", 60),
            ("max-age=0060", 60),
            ("max-age=60, max-age=100", 60),
            (", ,max-age=60,", 60),
            ("extension=\"max-age=100\", max-age=60", 60),
            ("extension=\"a\\\",max-age=100\", max-age=60", 60),
            ("max-age=99999999999999999999999", MAX_SECONDS),
        ] {
            assert_eq!(of(&[line]), max_age(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_number_is_stale() {
        for line in [
            "max-age",
            "max-age=",
            "max-age=-1",
            "max-age=1.5",
            "max-age=6 0",
            "max-age='60'",
            "max-age =60",
            "max-age= 60",
        ] {
            assert_eq!(of(&[line]), max_age(0), "{line}");
        }
    }

    #[test]
    fn what_forbids_is_obeyed_in_every_spelling() {
        for line in [
            "no-store",
            "No-Store",
            "max-age=5,no-store",
            "no-store=\"x\"",
            "no-store =1",
            "a=\"b, public",
        ] {
            assert!(of(&[line]).no_store, "{line}");
        }
        assert!(of(&["private=\"set-cookie, x\""]).private);
        assert!(of(&["max-age=60", "", "no-cache"]).no_cache);
        assert!(!of(&["x-private, not-no-store, a=\"no-store\""]).no_store);
    }

    /// Splits a line at the commas outside of quotes. The text of an open quote is dropped.
    fn members(line: &str) -> (Vec<String>, bool) {
        let mut text = vec![String::new()];
        let mut chars = line.chars();
        let mut quoted = false;
        while let Some(char) = chars.next() {
            if char == ',' && !quoted {
                text.push(String::new());
                continue;
            }
            quoted ^= char == '"';
            text.last_mut().unwrap().push(char);
            if char == '\\' && quoted {
                text.last_mut().unwrap().extend(chars.next());
            }
        }
        if quoted {
            text.pop();
        }
        (text, quoted)
    }

    /// Returns the number of seconds that a value states; one that states none is zero.
    fn stated(value: &str) -> u64 {
        let is_quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
        let value = if is_quoted {
            &value[1..value.len() - 1]
        } else {
            value
        };
        if value.is_empty() || !value.chars().all(|char| char.is_ascii_digit()) {
            return 0;
        }
        value.parse::<u128>().unwrap_or(u128::MAX).min(1 << 31) as u64
    }

    /// A second implementation, as simple as can be: every line to its members, every name looked
    /// for.
    fn reference(lines: &[String]) -> Directives {
        let split = lines.iter().map(|line| members(line)).collect::<Vec<_>>();
        let is_broken = split.iter().any(|(_, is_open)| *is_open);
        let all = split.iter().flat_map(|(members, _)| members);
        let members = all.map(|member| match member.trim().split_once('=') {
            Some((name, value)) => (name.to_lowercase(), value.to_owned()),
            None => (member.trim().to_lowercase(), String::new()),
        });
        let members = members.collect::<Vec<_>>();

        let has = |name: &str| members.iter().any(|(member, _)| member.trim() == name);
        let number = |name: &str| {
            let (spelled, value) = members.iter().find(|(member, _)| member.trim() == name)?;
            Some(if spelled == name { stated(value) } else { 0 })
        };
        Directives {
            no_store: has("no-store") || is_broken,
            no_cache: has("no-cache"),
            private: has("private"),
            public: has("public"),
            must_revalidate: has("must-revalidate"),
            proxy_revalidate: has("proxy-revalidate"),
            must_understand: has("must-understand"),
            max_age: number("max-age"),
            s_maxage: number("s-maxage"),
            stale_while_revalidate: number("stale-while-revalidate"),
            stale_if_error: number("stale-if-error"),
            is_targeted: false,
        }
    }

    fn line() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "no-store",
            "no-cache",
            "private",
            "public",
            "must-revalidate",
            "proxy-revalidate",
            "must-understand",
            "max-age",
            "s-maxage",
            "stale-while-revalidate",
            "stale-if-error",
            "Max-Age",
            "x",
            "=",
            "=",
            "=",
            ",",
            ",",
            ",",
            " ",
            "\"",
            "\\",
            "0",
            "60",
            "-1",
            "99999999999999999999",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_second_implementation_agrees(lines in prop::collection::vec(line(), 0..3)) {
            let texts = lines.iter().map(String::as_str).collect::<Vec<_>>();

            prop_assert_eq!(of(&texts), reference(&lines), "{:?}", lines);
        }
    }
}
