//! Encodes the declared parts of a request into a key, length-prefixed so that two different inputs
//! never have one encoding.

use std::borrow::Cow;

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use crate::page::{NoResult, RegisteredPage};

/// The first octet of a field whose header is absent.
const ABSENT: u8 = 0;
/// The first octet of a field whose header is present.
const PRESENT: u8 = 1;
/// The octets of a length.
pub(super) const LENGTH: usize = 4;

/// Returns the path with the declared query parameters: raw pairs, stably sorted by declared name,
/// duplicates in the order sent.
pub(super) fn with_declared_query<'a>(
    path: Cow<'a, str>,
    query: Option<&str>,
    declared: &[&str],
) -> Cow<'a, str> {
    let Some(query) = query.filter(|_| !declared.is_empty()) else {
        return path;
    };

    // Pairs stay raw: the handler gets them as they were sent.
    let mut pairs = query
        .split('&')
        .filter_map(|pair| Some((declared_name(pair, declared)?, pair)))
        .collect::<Vec<_>>();
    if pairs.is_empty() {
        return path;
    }

    pairs.sort_by_key(|(name, _)| *name);
    let mut target = path.into_owned();
    for (at, (_, pair)) in pairs.into_iter().enumerate() {
        target.push(if at == 0 { '?' } else { '&' });
        target.push_str(pair);
    }
    Cow::Owned(target)
}

/// Returns the declared name that a pair has, as it was sent or decoded. Handlers decode names, so
/// a name must be found in every spelling.
fn declared_name<'a>(pair: &str, declared: &[&'a str]) -> Option<&'a str> {
    let sent = pair.split_once('=').map_or(pair, |(name, _)| name);
    let find = |name: &[u8]| {
        let mut declared = declared.iter();
        declared.find(|one| one.as_bytes() == name).copied()
    };

    find(sent.as_bytes()).or_else(|| {
        if !sent.contains(['%', '+']) {
            return None;
        }
        let spaced = sent.replace('+', " ");
        find(&percent_decode_str(&spaced).collect::<Vec<_>>())
    })
}

/// Encodes the declared headers, one field each: present or absent, then the length, then the
/// normalised value, or the result of the header's function. The host is the field that
/// [`Hosts`](crate::hosts::Hosts) found, and not the text of the request.
pub(super) fn declared_headers<'a>(
    page: &RegisteredPage,
    host: Option<Cow<'a, [u8]>>,
    headers: &HeaderMap,
) -> Result<Cow<'a, [u8]>, NoResult> {
    let host = host.unwrap_or_default();
    let mut names = page.vary.iter().filter(|name| **name != HOST).peekable();
    if names.peek().is_none() {
        return Ok(host);
    }

    let mut fields = host.into_owned();
    for name in names {
        let value = joined(name, headers);
        if page.vary_by.has(name) {
            let result = page.vary_by.result(name, &value.unwrap_or_default())?;
            put_field(&mut fields, result.as_bytes());
        } else if let Some(value) = value {
            put_field(&mut fields, &value);
        } else {
            fields.push(ABSENT);
        }
    }

    Ok(Cow::Owned(fields))
}

/// Puts the results of functions in place of the headers that a client sent, where the handler gets
/// the client's own request. A header without a result goes.
pub(crate) fn apply_functions(page: &RegisteredPage, headers: &mut HeaderMap) {
    for name in page.vary.iter().filter(|name| page.vary_by.has(name)) {
        let value = joined(name, headers).unwrap_or_default();
        let result = page.vary_by.result(name, &value);
        match result.ok().and_then(|one| HeaderValue::from_str(one).ok()) {
            Some(result) => headers.insert(name.clone(), result),
            None => headers.remove(name),
        };
    }
}

/// Returns the normalised value of a header; `None` if the client sent none.
fn joined(name: &HeaderName, headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut lines = headers
        .get_all(name)
        .iter()
        .map(|value| normalised(name, value.as_bytes()))
        .peekable();
    lines.peek()?;
    // RFC 9110, 5.3: several lines of one field are equivalent to one line with commas.
    Some(lines.collect::<Vec<_>>().join(&b", "[..]))
}

/// Encodes the field of a header that is present.
pub(crate) fn field(value: &[u8]) -> Box<[u8]> {
    let mut field = Vec::new();
    put_field(&mut field, value);
    field.into()
}

fn put_field(fields: &mut Vec<u8>, value: &[u8]) {
    fields.push(PRESENT);
    put_bytes(fields, value);
}

/// Returns the value without surrounding white space, in lower case if the field's grammar ignores
/// case.
fn normalised(name: &HeaderName, value: &[u8]) -> Vec<u8> {
    const CASELESS: [&str; 6] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "sec-ch-ua-mobile",
        "save-data",
    ];

    let value = value.trim_ascii();
    if CASELESS.contains(&name.as_str()) {
        value.to_ascii_lowercase()
    } else {
        value.to_vec()
    }
}

pub(super) fn take_field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (present, after) = rest.split_first()?;
    *rest = after;
    if *present == ABSENT {
        return None;
    }
    take_bytes(rest)
}

/// Writes bytes behind their length.
pub(super) fn put_bytes(fields: &mut Vec<u8>, bytes: &[u8]) {
    fields.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    fields.extend_from_slice(bytes);
}

pub(super) fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<LENGTH>()?;
    let (bytes, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
