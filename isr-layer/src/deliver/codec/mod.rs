//! The encoders that the features enable, in our order of preference.

#[cfg_attr(feature = "compression", path = "compression.rs")]
#[cfg_attr(not(feature = "compression"), path = "no_compression.rs")]
mod compression;
#[cfg_attr(feature = "zstd", path = "zstd.rs")]
#[cfg_attr(not(feature = "zstd"), path = "no_zstd.rs")]
mod zstandard;

use bytes::Bytes;

use super::encoding::Coding;

/// Encodes a whole body; returns `None` if that fails.
type Encode = fn(&[u8]) -> Option<Vec<u8>>;

/// Encodes the body with every encoder, the preferred [`Coding`] first. Encodings are left out
/// unless all of them together are smaller than the body: the memory has counted the body twice,
/// and no more. Gzip stays before the others, since every client reads it.
pub(crate) fn encoded(body: &Bytes) -> Vec<(Coding, Bytes)> {
    let all = encoders().filter_map(|(coding, encode)| Some((coding, encode(body)?)));
    let mut all = all.collect::<Vec<_>>();
    all.sort_by_key(|(coding, _)| *coding != Coding::Gzip);

    let mut room = body.len();
    all.retain(|(_, encoded)| {
        let fits = encoded.len() < room;
        room -= if fits { encoded.len() } else { 0 };
        fits
    });

    let preference = |wanted| encoders().position(|(coding, _)| coding == wanted);
    all.sort_by_key(|(coding, _)| preference(*coding));
    // A vector keeps the capacity it grew into, up to its length again, which no limit counts.
    let shrunk = |encoded: Vec<u8>| Bytes::from(encoded.into_boxed_slice());
    let all = all
        .into_iter()
        .map(|(coding, encoded)| (coding, shrunk(encoded)));
    all.collect()
}

/// Returns the number of encoders.
pub(crate) fn count() -> usize {
    encoders().count()
}

fn encoders() -> impl Iterator<Item = (Coding, Encode)> {
    compression::ENCODERS
        .iter()
        .chain(zstandard::ENCODERS)
        .copied()
}
