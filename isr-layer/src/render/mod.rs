//! The input of a render: the key, the [`Recipe`] made of it, the [`context`] in which the handler
//! runs, and the [`extractors`] that it may not use.

pub mod context;
mod extension_rules;
pub(crate) mod extractors;
pub(crate) mod here;
pub(crate) mod key;
mod once;
pub(crate) mod reads;
mod recipe;

pub(crate) use extension_rules::ExtensionRules;
pub(crate) use key::{Key, KeyRef, MAX_KEY, PathKey, apply_functions};
pub(crate) use recipe::{Recipe, Routed, headers_to_keep};
