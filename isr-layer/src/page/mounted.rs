//! The annotated pages whose routes check in before extraction: those mounted by
//! [`Page::route`](super::Page::route).

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use super::declared::Handler;

/// The functions that [`Page::route`](super::Page::route) has mounted, anywhere in the program.
static MOUNTED: RwLock<Option<HashSet<Handler>>> = RwLock::new(None);

/// Notes that a route of this function checks in before extraction.
pub(super) fn note(handler: Handler) {
    let mut mounted = MOUNTED.write().unwrap_or_else(PoisonError::into_inner);
    mounted.get_or_insert_with(HashSet::new).insert(handler);
}

/// True if a route of this function checks in before extraction.
pub(super) fn contains(handler: &Handler) -> bool {
    let mounted = MOUNTED.read().unwrap_or_else(PoisonError::into_inner);
    mounted
        .as_ref()
        .is_some_and(|mounted| mounted.contains(handler))
}
