//! The notations of a page's pattern: those of axum, Next.js and Express have one meaning.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The characters that may not stand literally in a segment (RFC 3986, 3.3), apart from `%`, which
/// may begin an escape.
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

/// Writes the pattern of a page as it is registered: `[slug]` and `:slug` become `{slug}`,
/// `[...rest]` and `*rest` become `{*rest}`, and characters that cannot stand in a path literally
/// are percent-encoded.
pub(crate) fn normalize_page(page: &str) -> String {
    let segments = page.split('/').map(|segment| match parameter(segment) {
        Some(Parameter::One(name)) => Cow::Owned(format!("{{{name}}}")),
        Some(Parameter::Rest(name)) => Cow::Owned(format!("{{*{name}}}")),
        // Broken notation stays as it is: no registered pattern has it, so nothing is found.
        None if segment.contains(['{', '}', '[', ']']) => Cow::Borrowed(segment),
        None => Cow::from(utf8_percent_encode(segment, NOT_PCHAR)),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// A parameter, as a whole segment of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parameter<'a> {
    One(&'a str),
    Rest(&'a str),
}

/// Parses a segment that is a [`Parameter`], in the notation of axum, Next.js or Express.
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
