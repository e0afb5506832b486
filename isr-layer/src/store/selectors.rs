//! Selectors as octets that a store compares: a kind and a text.

use bytes::Bytes;

use crate::entry::Entry;

/// The most segments of a path whose page is kept: each of them is a selector or two.
const MAX_SEGMENTS: usize = 64;

/// Reaches every page.
pub(crate) fn all() -> Bytes {
    Bytes::from_static(b"*")
}

/// Reaches every instance of the page with that pattern.
pub(crate) fn page(pattern: &str) -> Bytes {
    of(b'g', pattern)
}

/// Reaches a path.
pub(crate) fn path(path: &str) -> Bytes {
    of(b'p', path)
}

/// Reaches a path and everything below it.
pub(crate) fn prefix(prefix: &str) -> Bytes {
    of(b'x', prefix)
}

/// Reaches everything that carries a tag.
pub(crate) fn tag(tag: &str) -> Bytes {
    of(b't', tag)
}

/// Returns everything that reaches the entry of the page with that pattern; `None` if it is too
/// much to be kept.
pub(crate) fn of_entry(pattern: &str, entry: &Entry) -> Option<Vec<Bytes>> {
    let at = entry.key.path();
    let slashes = at.match_indices('/').map(|(at, _)| at);
    if slashes.clone().count() > MAX_SEGMENTS {
        return None;
    }

    let mut selectors = vec![all(), page(pattern), path(at), prefix(at)];
    // `/a/b` lies below `/a/b`, `/a/`, `/a` and `/`, as for the marks in memory.
    for slash in slashes {
        selectors.extend([prefix(&at[..slash]), prefix(&at[..=slash])]);
    }
    let names = entry.tags().as_slice().iter().filter_map(|tag| tag.name());
    selectors.extend(names.map(tag));
    Some(selectors)
}

fn of(kind: u8, text: &str) -> Bytes {
    [&[kind], text.as_bytes()].concat().into()
}
