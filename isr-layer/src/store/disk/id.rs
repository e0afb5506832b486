//! The place of a page in the file.

use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

/// Four octets of the build's number, sixteen of the key's SHA-256.
pub(super) type Id = [u8; 20];

/// The place of the page under a key, of one build.
pub(super) fn id_of(build: u32, key: &[u8]) -> Id {
    id_from(build, &Sha256::digest(key)[..16])
}

/// The places of all pages of one build.
pub(super) fn ids_of(build: u32) -> RangeInclusive<Id> {
    id_from(build, &[0; 16])..=id_from(build, &[0xff; 16])
}

/// A place of one build by chance. Hashes are spread evenly, so the next page there is one by
/// chance.
pub(super) fn random_id(build: u32) -> Id {
    id_from(build, &fastrand::u128(..).to_be_bytes())
}

/// `hash` has 16 octets.
fn id_from(build: u32, hash: &[u8]) -> Id {
    let mut id = [0; 20];
    id[..4].copy_from_slice(&build.to_be_bytes());
    id[4..].copy_from_slice(hash);
    id
}
