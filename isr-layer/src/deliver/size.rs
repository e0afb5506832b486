//! How much memory heads take. All of it is counted, since it is strangers who decide how many there are.

use http::header::HeaderMap;

/// A slot of a header map, with its share of the index.
const SLOT: usize = 112;
/// What the allocator adds to a value, and the count of those that share it.
const PER_VALUE: usize = 48;

/// Bytes that the fields of a map take.
pub(crate) fn fields(map: &HeaderMap) -> usize {
    values(map) + map.len() * SLOT
}

/// Bytes that the heads of an answer with these headers take, each of its encodings with the heads it is sent with: one
/// that goes with the body and one of another form, both with an `Age` and a `Cache-Status` of their own.
pub(crate) fn heads(headers: &HeaderMap, encodings: usize) -> usize {
    const STAMPED: usize = 2 * (SLOT + PER_VALUE + 16);
    values(headers) + encodings * 2 * (headers.len() * SLOT + STAMPED)
}

fn values(map: &HeaderMap) -> usize {
    map.iter()
        .map(|(name, value)| name.as_str().len() + value.len() + PER_VALUE)
        .sum()
}
