//! The encoders there are, by feature, in our order of preference.

#[cfg_attr(feature = "compression", path = "compression.rs")]
#[cfg_attr(not(feature = "compression"), path = "no_compression.rs")]
mod compression;
#[cfg_attr(feature = "zstd", path = "zstd.rs")]
#[cfg_attr(not(feature = "zstd"), path = "no_zstd.rs")]
mod zstandard;

use bytes::Bytes;

use super::encoding::Coding;

/// Encodes a whole body; nothing should that fail.
type Encode = fn(&[u8]) -> Option<Vec<u8>>;

/// The body in every encoding there is an encoder for, the best first. Those that are larger than the body are left out,
/// and so is what would make all of them together larger than it: the memory has counted the body twice, and no more.
pub(crate) fn encoded(body: &Bytes) -> Vec<(Coding, Bytes)> {
    let mut room = body.len();
    let mut all = Vec::new();
    for (coding, encode) in encoders() {
        let encoded = encode(body).filter(|encoded| encoded.len() < room);
        if let Some(encoded) = encoded {
            room -= encoded.len();
            // A vector keeps the room it grew into, up to as much again, which nobody counts.
            all.push((coding, Bytes::from(encoded.into_boxed_slice())));
        }
    }
    all
}

/// How many encoders there are.
pub(crate) fn count() -> usize {
    encoders().count()
}

fn encoders() -> impl Iterator<Item = (Coding, Encode)> {
    compression::ENCODERS
        .iter()
        .chain(zstandard::ENCODERS)
        .copied()
}
