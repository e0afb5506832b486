//! The weight of an entry: the bytes it takes in memory.

use super::stored::{Entry, Parts};
use crate::deliver::{Representation, codec, size};
use crate::invalidation::{EntryTags, TagMark};
use crate::render::Key;

/// Estimates the bytes that an entry's tag takes in memory. The text of one that other entries
/// carry counts too: this entry may be the last of them that stays.
fn size_of_tag(tag: &TagMark) -> usize {
    let size = match tag.entry_count() {
        ..=1 => tag.size(),
        _ => tag.text_size(),
    };
    // Some tags stay until the next sweep after their entry, and leave gaps in the heap.
    size + size / 8
}

/// Estimates the bytes that an entry takes in memory.
pub(super) fn bytes(key: &Key, parts: &Parts, tags: &EntryTags) -> usize {
    /// Bytes that the allocator and the tables add to all parts; measured.
    const BOOKKEEPING: usize = 448;
    let of_tags = tags.as_slice().iter().map(|tag| size_of_tag(tag));
    let tags = size_of_val(tags.as_slice()) + of_tags.sum::<usize>();

    let fixed = size_of::<Entry>() + 2 * size_of::<Key>() + key.size() + tags + BOOKKEEPING;
    // Encodings together are no larger than the body.
    let (encodings, encoded) = if parts.is_encodable {
        (codec::count(), parts.body.len())
    } else {
        (0, 0)
    };

    let representations = parts.body.len() + encoded + encodings * size_of::<Representation>();
    let earlier_caches = parts.earlier_caches.as_deref();
    let heads = size::heads(&parts.headers, 1 + encodings, earlier_caches);
    let trailers = parts.trailers.as_deref();
    fixed + representations + heads + trailers.map_or(0, size::fields)
}
