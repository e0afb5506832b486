//! Counts the memory that heads take. Clients decide how many heads there are, so all of it is
//! counted.

use http::header::HeaderMap;

/// Bytes of one slot of a header map, with its share of the index.
const SLOT: usize = 112;
/// Bytes that the allocator and the reference count add to a value.
const PER_VALUE: usize = 48;

/// Returns the bytes that the fields of `map` take.
pub(crate) fn fields(map: &HeaderMap) -> usize {
    values(map) + map.len() * SLOT
}

/// Returns the bytes that the heads of an entry with these headers take. Each encoding has two
/// heads: one that goes with the body, and one of another [`ResponseKind`](super::ResponseKind).
/// Both have an `Age` and a `Cache-Status` of their own. The latter begins with the members of
/// earlier caches, which the entry keeps once more.
pub(crate) fn heads(headers: &HeaderMap, encodings: usize, earlier_caches: Option<&str>) -> usize {
    const AGE_AND_STATUS: usize = 2 * (SLOT + PER_VALUE + 16);
    let earlier = earlier_caches.map_or(0, str::len);
    let head = headers.len() * SLOT + AGE_AND_STATUS + earlier;
    values(headers) + earlier + encodings * 2 * head
}

fn values(map: &HeaderMap) -> usize {
    map.iter()
        .map(|(name, value)| name.as_str().len() + value.len() + PER_VALUE)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_earlier_caches_are_counted_in_each_head() {
        let headers = HeaderMap::new();
        let earlier = "origin; hit";

        let more = heads(&headers, 3, Some(earlier)) - heads(&headers, 3, None);

        assert_eq!(more, earlier.len() * 7);
    }
}
