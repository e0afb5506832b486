//! What a render gets: the key, the recipe made of it, the scope in which a handler runs, and what it may not extract.

pub mod context;
pub(crate) mod extractors;
pub(crate) mod key;
mod recipe;

pub(crate) use key::{Key, KeyRef, MAX_KEY, PathKey};
pub(crate) use recipe::{Recipe, Routed, headers_to_keep};
