//! Zstandard, through the C library.

use super::{Coding, Encode};

pub(super) const ENCODERS: &[(Coding, Encode)] = &[(Coding::Zstd, zstd)];

fn zstd(body: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(body, 9).ok()
}
