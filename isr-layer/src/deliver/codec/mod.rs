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
/// and no more.
pub(crate) fn encoded(body: &Bytes) -> Vec<(Coding, Bytes)> {
    let mut room = body.len();
    let mut all = Vec::new();
    for (coding, encode) in encoders() {
        let encoded = encode(body).filter(|encoded| encoded.len() < room);
        if let Some(encoded) = encoded {
            room -= encoded.len();
            // A vector keeps the capacity it grew into, up to its length again, which no limit
            // counts.
            all.push((coding, Bytes::from(encoded.into_boxed_slice())));
        }
    }
    all
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
