//! The grammar of a page's path: axum's, without its escapes, in canonical spelling.
//!
//! `isr-layer` and `isr-layer-macros` each hold a copy of this file, since a proc-macro crate
//! cannot export functions. A test keeps the copies equal, so that the attribute and `Page::new`
//! accept equal paths.

/// The most segments that a path may have. A longer request path never matches a page.
pub(crate) const MAX_SEGMENTS: usize = 32;

/// Returns the error message for an invalid `pattern`.
///
/// A pattern starts with `/`. Each segment is literal text or `{name}`, and the last may be
/// `{*name}`.
pub(crate) const fn mistake(pattern: &str) -> Option<&'static str> {
    let bytes = pattern.as_bytes();
    if bytes.is_empty() || bytes[0] != b'/' {
        return Some("a path must start with `/`");
    }

    let mut start = 1;
    let mut segments = 0;
    while start <= bytes.len() {
        let end = segment_end(bytes, start);
        segments += 1;
        if let Some(mistake) = segment_mistake(bytes, start, end) {
            return Some(mistake);
        }
        start = end + 1;
    }

    if segments > MAX_SEGMENTS {
        return Some("at most 32 segments are accepted in a path");
    }
    if has_duplicate_name(bytes) {
        return Some("two parameters have the same name");
    }
    None
}

/// Returns the parameter names of a valid pattern, in order. `{name}` and `{*name}` give `name`.
pub(crate) fn names(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').filter_map(|segment| {
        let inner = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(inner.strip_prefix('*').unwrap_or(inner))
    })
}

const fn segment_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'/' {
        at += 1;
    }
    at
}

const fn segment_mistake(bytes: &[u8], start: usize, end: usize) -> Option<&'static str> {
    let last = end == bytes.len();
    if start == end {
        return if last {
            None
        } else {
            Some("empty segment: write `/` in place of `//`")
        };
    }
    if bytes[start] == b'{' {
        return parameter_mistake(bytes, start + 1, end, last);
    }

    if let Some(mistake) = other_grammar(bytes[start]) {
        return Some(mistake);
    }
    let dots = bytes[start] == b'.'
        && (end - start == 1 || (end - start == 2 && bytes[start + 1] == b'.'));
    if dots {
        return Some("`.` and `..` are not accepted as segments");
    }
    literal_mistake(bytes, start, end)
}

/// Returns the message for a segment that starts as a parameter does in another router.
const fn other_grammar(first: u8) -> Option<&'static str> {
    match first {
        b'[' => Some("a parameter is `{name}`, not `[name]`; the rest of a path is `{*name}`"),
        b':' => Some("a parameter is `{name}`, not `:name`"),
        b'*' => Some("the rest of a path is `{*name}`, not `*name`"),
        b'<' => Some("a parameter is `{name}`, not `<name>`"),
        _ => None,
    }
}

const fn parameter_mistake(
    bytes: &[u8],
    start: usize,
    end: usize,
    last: bool,
) -> Option<&'static str> {
    if bytes[end - 1] != b'}' {
        return Some("a parameter must be a whole segment, such as `/{name}/`");
    }

    let wildcard = start < end && bytes[start] == b'*';
    if wildcard && !last {
        return Some("a wildcard `{*name}` must be the last segment");
    }

    let first = if wildcard { start + 1 } else { start };
    name_mistake(bytes, first, end - 1)
}

const fn name_mistake(bytes: &[u8], start: usize, end: usize) -> Option<&'static str> {
    if start == end {
        return Some("a parameter needs a name: write `{name}` or `{*name}`");
    }

    let mut at = start;
    while at < end {
        let letter = bytes[at] == b'_' || bytes[at].is_ascii_alphabetic();
        if !letter && (at == start || !bytes[at].is_ascii_digit()) {
            return Some("invalid parameter name: expected letters, `_`, and digits behind them");
        }
        at += 1;
    }

    None
}

const fn literal_mistake(bytes: &[u8], start: usize, end: usize) -> Option<&'static str> {
    let mut at = start;

    while at < end {
        match bytes[at] {
            b'{' | b'}' => return Some("a parameter must be a whole segment, such as `/{name}/`"),
            b'%' => {
                if !is_canonical_escape(bytes, at, end) {
                    return Some(
                        "invalid escape: expected `%` and two upper-case hexadecimal digits, for a \
                         character that is not accepted literally",
                    );
                }
                at += 2;
            }
            byte if !is_pchar(byte) => {
                return Some(
                    "invalid character in a path: percent-encode it, such as `%C3%A9` for é",
                );
            }
            _ => {}
        }
        at += 1;
    }

    None
}

const fn is_canonical_escape(bytes: &[u8], at: usize, end: usize) -> bool {
    if at + 2 >= end {
        return false;
    }
    let (high, low) = (upper_hex(bytes[at + 1]), upper_hex(bytes[at + 2]));
    match (high, low) {
        (Some(high), Some(low)) => {
            let byte = high * 16 + low;
            byte != 0 && !is_pchar(byte)
        }
        _ => false,
    }
}

const fn upper_hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Returns whether a segment may hold this byte literally (RFC 3986, 3.3).
pub(crate) const fn is_pchar(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9'
        | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
        | b';' | b'=' | b':' | b'@')
}

const fn has_duplicate_name(bytes: &[u8]) -> bool {
    let mut left = 1;

    while left <= bytes.len() {
        let left_end = segment_end(bytes, left);
        let mut right = left_end + 1;
        while right <= bytes.len() {
            let right_end = segment_end(bytes, right);
            if left < left_end
                && bytes[left] == b'{'
                && same_name(bytes, left, left_end, right, right_end)
            {
                return true;
            }
            right = right_end + 1;
        }
        left = left_end + 1;
    }

    false
}

const fn same_name(
    bytes: &[u8],
    left: usize,
    left_end: usize,
    right: usize,
    right_end: usize,
) -> bool {
    if right >= right_end || bytes[right] != b'{' {
        return false;
    }

    let right = right + (bytes[right + 1] == b'*') as usize;
    if left_end - left != right_end - right {
        return false;
    }

    let mut offset = 1;
    while left + offset < left_end {
        if bytes[left + offset] != bytes[right + offset] {
            return false;
        }
        offset += 1;
    }
    true
}
