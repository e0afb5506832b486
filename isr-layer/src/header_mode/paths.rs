//! Counts the responses that are stored or being fetched at each path, so that a purge can ask for
//! one path without a walk through memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The paths at which a response is stored or being fetched.
///
/// A tree and no hash map: that one would be copied whole whenever it grows, under the lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths(Arc<Mutex<BTreeMap<Arc<str>, usize>>>);

/// Counts one response at its path while it lives: a fetch, and the entry that comes of it.
#[derive(Debug)]
pub(super) struct PathInUse {
    paths: Paths,
    path: Arc<str>,
}

impl Paths {
    /// Counts a response at that path until the result is dropped.
    pub(super) fn hold(&self, path: Arc<str>) -> Arc<PathInUse> {
        *self.lock().entry(path.clone()).or_default() += 1;
        let paths = self.clone();
        Arc::new(PathInUse { paths, path })
    }

    /// Returns whether a response is stored or being fetched at that path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.lock().contains_key(path)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PathInUse {
    fn drop(&mut self) {
        let mut paths = self.paths.lock();
        if let Some(count) = paths.get_mut(&self.path) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                paths.remove(&self.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_there_as_long_as_anything_holds_it_and_no_longer() {
        let paths = Paths::default();
        let first = paths.hold("/a".into());
        let second = paths.hold("/a".into());
        let entry = first.clone();

        drop(first);
        drop(second);
        assert!(paths.has("/a") && !paths.has("/b"));
        drop(entry);
        assert!(!paths.has("/a"));
        assert!(paths.lock().is_empty());
    }
}
