//! What a response says in `Cache-Control` (RFC 9111, 5.2.2; RFC 5861), over all its lines, or in a field that is targeted
//! at this cache (RFC 9213).

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName};

use super::targeted;

/// The largest number of seconds there is (RFC 9111, 1.2.2).
pub(super) const MOST_SECONDS: u64 = 1 << 31;

/// The directives a shared cache obeys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) must_understand: bool,
    /// Seconds; what is no number counts as zero, since it is stale (RFC 9111, 4.2.1).
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
    /// Read off a targeted field, so that `Expires` does not count either (RFC 9213, 2.2).
    pub(super) is_targeted: bool,
}

impl Directives {
    /// Reads them off the headers of a response: off the first of the `targets` that says something in its grammar, else
    /// off `Cache-Control`.
    pub(super) fn of(headers: &HeaderMap, targets: &[HeaderName]) -> Self {
        targets
            .iter()
            .find_map(|target| targeted::directives(headers, target))
            .unwrap_or_else(|| Self::of_cache_control(headers))
    }

    fn of_cache_control(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            directives.read(line.as_bytes());
        }
        directives
    }

    fn read(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            let Some(length) = member_length(rest) else {
                // A string without an end hides what follows it, and that may forbid storing.
                self.no_store = true;
                return;
            };
            self.obey(rest[..length].trim_ascii());
            rest = rest.get(length + 1..).unwrap_or_default();
        }
    }

    fn obey(&mut self, member: &[u8]) {
        let (name, argument) = match member.iter().position(|byte| *byte == b'=') {
            Some(at) => (&member[..at], Some(&member[at + 1..])),
            None => (member, None),
        };
        // No white space may stand before the `=`: a directive that forbids is obeyed nevertheless, a number is not.
        let argument = argument.filter(|_| name.trim_ascii_end().len() == name.len());
        let name = name.trim_ascii_end().to_ascii_lowercase();
        self.note(&name, argument.and_then(argument_seconds));
    }

    /// Notes a directive by its name in lower case, and its argument where that is a number.
    pub(super) fn note(&mut self, name: &[u8], seconds: Option<u64>) {
        match name {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"max-age" => first(&mut self.max_age, seconds),
            b"s-maxage" => first(&mut self.s_maxage, seconds),
            b"stale-while-revalidate" => first(&mut self.stale_while_revalidate, seconds),
            b"stale-if-error" => first(&mut self.stale_if_error, seconds),
            _ => {}
        }
    }
}

/// How long the member is that a list begins with, up to its comma; a comma in a quoted string is text. `None` when such a
/// string does not end.
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

/// Of several values the first counts (RFC 9111, 4.2.1).
fn first(known: &mut Option<u64>, seconds: Option<u64>) {
    known.get_or_insert(seconds.unwrap_or(0));
}

/// A number of seconds, as a token or as a quoted string.
fn argument_seconds(argument: &[u8]) -> Option<u64> {
    let unquoted = argument
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    seconds(unquoted.unwrap_or(argument))
}

/// A number of seconds: digits and nothing else, the largest there is when it is larger (RFC 9111, 1.2.2).
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(number.min(MOST_SECONDS))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        Directives::of(&headers, &[])
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
            ("max-age=99999999999999999999999", MOST_SECONDS),
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

    /// A second implementation, as simple as can be: every line to its members, every name looked for.
    fn simply(lines: &[String]) -> Directives {
        let mut members = Vec::<(String, Option<String>)>::new();
        let mut is_broken = false;
        for line in lines {
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
                is_broken = true;
                text.pop();
            }
            members.extend(
                text.iter()
                    .map(|member| match member.trim().split_once('=') {
                        Some((name, value)) => (name.to_lowercase(), Some(value.to_owned())),
                        None => (member.trim().to_lowercase(), None),
                    }),
            );
        }
        let has = |name: &str| members.iter().any(|(known, _)| known.trim() == name);
        let number = |name: &str| {
            let (spelled, value) = members.iter().find(|(known, _)| known.trim() == name)?;
            let value = value
                .clone()
                .filter(|_| spelled == name)
                .unwrap_or_default();
            let value = if value.len() > 1 && value.starts_with('"') && value.ends_with('"') {
                value[1..value.len() - 1].to_owned()
            } else {
                value
            };
            let is_number = !value.is_empty() && value.chars().all(|char| char.is_ascii_digit());
            Some(if is_number {
                value.parse::<u128>().unwrap_or(u128::MAX).min(1 << 31) as u64
            } else {
                0
            })
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

            prop_assert_eq!(of(&texts), simply(&lines), "{:?}", lines);
        }
    }
}
