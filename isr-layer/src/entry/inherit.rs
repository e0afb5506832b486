//! The inheritance of a response: it ends no later than the values that it was made of.

use std::time::Duration;

use super::birth::Birth;
use super::freshness::Lifetime;
use crate::clock::Instant;
use crate::invalidation::Validity;
use crate::render::reads::Reads;

impl Lifetime {
    /// Returns the lifetime of a response born at `born` that was made of these values.
    pub(crate) fn limited_by(self, reads: &Reads, born: Birth) -> Self {
        let after = |end: Instant| born.age(end);
        self.lowest(Self {
            revalidate: match reads.born_as {
                Validity::Valid => reads.ends.stale_at.map(after),
                // Stale from the beginning: caches in front are told no other time.
                Validity::Soft | Validity::Hard => Some(Duration::ZERO),
            },
            expire: reads.ends.gone_at.map(after),
        })
    }
}
