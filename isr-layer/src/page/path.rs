//! The one canonicaliser of paths, for routing, keys and purges alike.
//!
//! Every octet that may stand literally in a segment is decoded, and every other escape is
//! upper-cased. A path that cannot be a page is refused: `//`, `.` and `..`, NUL, invalid UTF-8, a
//! broken escape, more than 32 segments, more than 1,024 decoded octets.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::name::check_path_length;
use super::pattern::{MAX_SEGMENTS, is_pchar};

/// The bytes that stand literally in a segment: the fast scan passes over each with one look-up.
const LITERAL: [bool; 256] = {
    let mut literal = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        literal[byte] = is_pchar(byte as u8);
        byte += 1;
    }
    literal
};

/// Returns the canonical spelling of `path`, or `None` if no page can have this path.
///
/// Most paths are canonical already: one scan finds that out and allocates nothing.
pub(crate) fn canonical(path: &str) -> Option<Cow<'_, str>> {
    // A purge must be able to name everything that is cached.
    check_path_length(path).ok()?;
    match scan(path) {
        Scan::Canonical => Some(Cow::Borrowed(path)),
        Scan::NeverAPage => None,
        Scan::Respell => canonicalise(path).map(Cow::Owned),
    }
}

/// Decodes an escaped path or segment.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

enum Scan {
    Canonical,
    Respell,
    NeverAPage,
}

fn scan(path: &str) -> Scan {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Scan::NeverAPage;
    }

    let mut slashes = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if LITERAL[usize::from(byte)] {
            continue;
        }
        if byte != b'/' {
            return Scan::Respell;
        }
        slashes += 1;
        // A segment can be refused only if `/` or `.` is its first octet.
        if matches!(bytes.get(at + 1), Some(b'/' | b'.')) && is_refused_segment(&bytes[at + 1..]) {
            return Scan::NeverAPage;
        }
    }

    if slashes > MAX_SEGMENTS {
        Scan::NeverAPage
    } else {
        Scan::Canonical
    }
}

/// Returns whether the first segment of `rest` is empty, or is `.` or `..`, which mean another
/// place. `rest` is never empty, because an empty last segment is allowed.
fn is_refused_segment(rest: &[u8]) -> bool {
    let end = rest
        .iter()
        .position(|&byte| byte == b'/')
        .unwrap_or(rest.len());
    matches!(&rest[..end], b"" | b"." | b"..")
}

fn canonicalise(path: &str) -> Option<String> {
    let mut bytes = path.bytes();
    let mut spelled = String::with_capacity(path.len() + 16);
    while let Some(byte) = bytes.next() {
        match byte {
            b'/' => spelled.push('/'),
            b'%' => {
                let octet = hex(bytes.next()?)? * 16 + hex(bytes.next()?)?;
                push(&mut spelled, octet);
            }
            raw => push(&mut spelled, raw),
        }
    }

    let is_text = percent_decode_str(&spelled)
        .decode_utf8()
        .is_ok_and(|text| !text.contains('\0'));
    // No literal is escaped any more, so `%2e%2e` is now seen as the `..` it is. `~` replaces the
    // `%` of the escapes that remain, at which the scan would stop.
    let is_page = !matches!(scan(&spelled.replace('%', "~")), Scan::NeverAPage);
    (is_text && is_page).then_some(spelled)
}

fn push(spelled: &mut String, octet: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if is_pchar(octet) {
        spelled.push(char::from(octet));
    } else {
        spelled.push('%');
        spelled.push(char::from(HEX[usize::from(octet >> 4)]));
        spelled.push(char::from(HEX[usize::from(octet & 15)]));
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_canonical_path_is_borrowed() {
        assert!(matches!(
            canonical("/posts/a-b_c~d"),
            Some(Cow::Borrowed("/posts/a-b_c~d"))
        ));
        assert!(matches!(canonical("/"), Some(Cow::Borrowed("/"))));
    }

    #[test]
    fn spellings_of_one_path_become_one() {
        for (raw, spelled) in [
            ("/p%6Fsts", "/posts"),
            ("/a%3Ab", "/a:b"),
            ("/a%2fb", "/a%2Fb"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/café", "/caf%C3%A9"),
            ("/a b", "/a%20b"),
            ("/a%20b", "/a%20b"),
            ("/100%25", "/100%25"),
            ("/a{b}", "/a%7Bb%7D"),
        ] {
            assert_eq!(canonical(raw).as_deref(), Some(spelled), "{raw}");
            assert_eq!(
                canonical(spelled).as_deref(),
                Some(spelled),
                "{spelled} is canonical"
            );
        }
    }

    #[test]
    fn what_can_never_be_a_page_is_refused() {
        let deep = "/a".repeat(33);
        let long = format!("/{}", "a".repeat(1_024));
        for raw in [
            "",
            "a",
            "*",
            "//",
            "/a//b",
            "/a/../b",
            "/..",
            "/.",
            "/a/./b",
            "/%2e%2E/a",
            "/a%00",
            "/%ff",
            "/%c3",
            "/%",
            "/%2",
            "/%zz",
            "/a/%2e",
            &deep,
            &long,
        ] {
            assert_eq!(canonical(raw), None, "{raw}");
        }
    }

    #[test]
    fn dots_inside_a_segment_are_text() {
        assert!(matches!(canonical("/feed.xml"), Some(Cow::Borrowed(_))));
        assert!(matches!(
            canonical("/.well-known/x"),
            Some(Cow::Borrowed(_))
        ));
        assert!(matches!(canonical("/...").as_deref(), Some("/...")));
    }

    /// A second implementation, segment by segment and in two steps: it decodes everything, then
    /// escapes every octet that may not stand literally.
    fn reference(path: &str) -> Option<String> {
        let mut segments = path
            .strip_prefix('/')?
            .split('/')
            .map(decoded)
            .collect::<Option<Vec<_>>>()?;
        let is_refused = |segment: &Vec<u8>| {
            matches!(&**segment, b"." | b"..")
                || segment.contains(&0)
                || std::str::from_utf8(segment).is_err()
        };
        let octets = segments.iter().map(|segment| 1 + segment.len());
        if octets.sum::<usize>() > 1_024 {
            return None;
        }
        if segments.len() > MAX_SEGMENTS || segments.iter().any(is_refused) {
            return None;
        }
        let last = segments.pop()?;
        if segments.iter().any(Vec::is_empty) {
            return None;
        }
        segments.push(last);
        Some(
            segments
                .iter()
                .map(|segment| format!("/{}", encoded(segment)))
                .collect(),
        )
    }

    fn decoded(segment: &str) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        let mut rest = segment.as_bytes();
        while let Some((&octet, after)) = rest.split_first() {
            rest = after;
            if octet != b'%' {
                octets.push(octet);
                continue;
            }
            let (digits, after) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits)
                .ok()
                .filter(|digits| !digits.starts_with('+'))?;
            octets.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        }
        Some(octets)
    }

    fn encoded(octets: &[u8]) -> String {
        let literal =
            |octet: u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&octet);
        let spell = |octet: &u8| match literal(*octet) {
            true => char::from(*octet).to_string(),
            false => format!("%{octet:02X}"),
        };
        octets.iter().map(spell).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4096,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_second_implementation_agrees(
            path in "/?(/|a|\\.|\\.\\.|%2[eEfF5]|%6[1fF]|%00|%C3%A9|%c3%a9|%[89a-f][0-9a-f]|é|%|%+1|[ -~]){0,12}"
        ) {
            prop_assert_eq!(canonical(&path).map(Cow::into_owned), reference(&path));
        }

        #[test]
        fn depth_is_counted_alike(depth in 28..36_usize, segment in "(a|%61|/)", tail in "/?") {
            let path = format!("/{segment}").repeat(depth) + &tail;

            prop_assert_eq!(canonical(&path).map(Cow::into_owned), reference(&path));
        }

        #[test]
        fn length_is_counted_alike(length in 1_010..1_030_usize, letter in "(a|%61|%2F)") {
            let path = format!("/{}", letter.repeat(length));

            prop_assert_eq!(canonical(&path).map(Cow::into_owned), reference(&path));
        }

        #[test]
        fn a_canonical_path_stays_as_it_is(path in "/[ -~é]{0,20}") {
            if let Some(spelled) = canonical(&path) {
                let again = canonical(&spelled);
                prop_assert_eq!(again.as_deref(), Some(&*spelled));
            }
        }
    }
}
