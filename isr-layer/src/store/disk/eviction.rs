//! Eviction: pages of other builds first, then those that were not used for longest.

use redb::ReadableTable;

use super::batch::{Batch, Use};
use super::file::Failure;
use super::id::{Id, ids_of, random_id};

/// The pages by chance of which the one goes that was not used for longest.
const SAMPLES: usize = 16;

impl Batch<'_> {
    /// Removes pages until all of them take at most `bound` octets.
    pub(super) fn evict(&mut self, bound: u64, own: u32) -> Result<(), Failure> {
        if self.bytes <= bound {
            return Ok(());
        }

        let mut others = self.other_builds(own)?;
        while self.bytes > bound {
            let oldest = match self.oldest_of(&mut others)? {
                None => self.oldest_of(&mut vec![own])?,
                found => found,
            };
            let Some(oldest) = oldest else { break };
            self.remove(oldest)?;
        }
        Ok(())
    }

    /// The builds that have pages, without one.
    fn other_builds(&self, own: u32) -> Result<Vec<u32>, Failure> {
        let mut builds = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            let from = *ids_of(from).start();
            let Some(row) = self.uses.range(from..)?.next() else {
                break;
            };
            let build = build_of(row?.0.value());
            builds.push(build);
            next = build.checked_add(1);
        }

        builds.retain(|build| *build != own);
        Ok(builds)
    }

    /// Of some pages by chance, the one that was not used for longest. Builds without a page are
    /// taken off the list.
    fn oldest_of(&self, builds: &mut Vec<u32>) -> Result<Option<Id>, Failure> {
        let mut oldest: Option<(Id, u64)> = None;
        for _ in 0..SAMPLES {
            let Some(at) = (!builds.is_empty()).then(|| fastrand::usize(..builds.len())) else {
                break;
            };
            let Some((id, (_, used, ..))) = self.by_chance(builds[at])? else {
                builds.swap_remove(at);
                continue;
            };
            if oldest.is_none_or(|(_, least)| used < least) {
                oldest = Some((id, used));
            }
        }
        Ok(oldest.map(|(id, _)| id))
    }

    /// A page of a build by chance.
    fn by_chance(&self, build: u32) -> Result<Option<(Id, Use)>, Failure> {
        let all = ids_of(build);
        let mut found = self.uses.range(random_id(build)..=*all.end())?.next();
        if found.is_none() {
            found = self.uses.range(all)?.next();
        }
        let found = found.transpose()?;
        Ok(found.map(|(id, row)| (id.value(), row.value())))
    }
}

fn build_of(id: Id) -> u32 {
    let [a, b, c, d, ..] = id;
    u32::from_be_bytes([a, b, c, d])
}
