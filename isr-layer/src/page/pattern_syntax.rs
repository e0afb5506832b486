//! The spellings of a page's pattern: axum's, Next.js's and Express's mean the same.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What stands in no segment of a path literally (RFC 3986, 3.3), apart from `%`, which may begin an escape.
const NOT_PCHAR: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'|');

/// Writes a page as it is registered: `[slug]` and `:slug` mean `{slug}`, `[...rest]` and `*rest` mean `{*rest}`, and
/// what cannot stand in a path literally is percent-encoded.
pub(crate) fn normalize_page(page: &str) -> String {
    let segments = page.split('/').map(|segment| match parameter(segment) {
        Some(Parameter::One(name)) => Cow::Owned(format!("{{{name}}}")),
        Some(Parameter::Rest(name)) => Cow::Owned(format!("{{*{name}}}")),
        None if segment.contains(['{', '}', '[', ']']) => Cow::Borrowed(segment),
        None => Cow::from(utf8_percent_encode(segment, NOT_PCHAR)),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The parameter a segment of a pattern stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parameter<'a> {
    One(&'a str),
    Rest(&'a str),
}

/// The parameter that a segment is, in the notation of axum, Next.js or Express.
pub(crate) fn parameter(segment: &str) -> Option<Parameter<'_>> {
    let braced = || segment.strip_prefix('{')?.strip_suffix('}');
    let bracketed = || segment.strip_prefix('[')?.strip_suffix(']');
    let inner = braced()
        .or_else(bracketed)
        .or_else(|| segment.strip_prefix(':'));
    let (name, rest) = match inner {
        None => (segment.strip_prefix('*')?, true),
        Some(inner) => match inner
            .strip_prefix("...")
            .or_else(|| inner.strip_prefix('*'))
        {
            Some(name) => (name, true),
            None => (inner, false),
        },
    };
    if !is_name(name) {
        return None;
    }
    Some(if rest {
        Parameter::Rest(name)
    } else {
        Parameter::One(name)
    })
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first == '_' || first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|one| one == '_' || one.is_ascii_alphanumeric())
}
