//! Brotli and gzip, in pure Rust.

use std::io::{self, Write};

use super::{Coding, Encode};

pub(super) const ENCODERS: &[(Coding, Encode)] = &[(Coding::Brotli, brotli), (Coding::Gzip, gzip)];

/// Size in bytes above which Brotli encodes faster and a little less well: a page is encoded anew
/// at each render.
const LARGE_BODY_BYTES: usize = 1024 * 1024;

fn brotli(body: &[u8]) -> Option<Vec<u8>> {
    let quality = if body.len() > LARGE_BODY_BYTES { 5 } else { 9 };
    // The smallest window that holds the whole body: the encoder allocates several times its size.
    let window = (usize::BITS - body.len().leading_zeros() + 1).clamp(10, 22);
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, quality, window);
    encoder.write_all(body).ok()?;
    Some(encoder.into_inner())
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let encode = || -> io::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body)?;
        encoder.finish()
    };
    encode().ok()
}
