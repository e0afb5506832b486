//! The keys of pages in a store: the same for the same page of the same build, in every process.

use bytes::Bytes;
use http::HeaderName;
use sha2::{Digest, Sha256};

use crate::page::RegisteredPage;
use crate::render::Key;

/// Everything of one page that its records depend on.
pub(crate) struct StoredPage {
    pattern: &'static str,
    fingerprint: [u8; 32],
}

/// The settings of a layer that its records depend on.
pub(crate) struct Settings<'a> {
    pub(crate) keep_headers: &'a [HeaderName],
    /// The lifetimes that caches in front are told, which are part of a stored head.
    pub(crate) downstream: String,
    pub(crate) has_drafts: bool,
}

impl StoredPage {
    pub(crate) fn new(page: &RegisteredPage, settings: &Settings<'_>) -> Self {
        let pattern = page.page.path();
        // A page that means something else under the same key must not find these records.
        let meaning = format!(
            "{:?}",
            (
                pattern,
                page.is_unary(),
                page.policy().query,
                &page.vary,
                settings.keep_headers,
                &settings.downstream,
                settings.has_drafts,
            )
        );

        Self {
            pattern,
            fingerprint: Sha256::digest(meaning).into(),
        }
    }

    pub(crate) fn pattern(&self) -> &'static str {
        self.pattern
    }

    /// Returns the key in a store. A record has the whole key, which is compared.
    pub(crate) fn key(&self, key: &Key) -> Bytes {
        let (target, headers) = key.parts();
        let mut hash = Sha256::new_with_prefix(self.fingerprint);
        hash.update((target.len() as u64).to_le_bytes());
        hash.update(target);
        hash.update(headers);
        Bytes::copy_from_slice(&hash.finalize())
    }
}
