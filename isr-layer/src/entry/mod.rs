//! Entries: admission, freshness, and the stored response itself.

mod admission_rules;
mod admit;
mod birth;
mod encode;
mod freshness;
mod grpc;
mod inherit;
mod record;
mod seconds;
mod stored;
mod weight;

pub(crate) use admission_rules::{head as admit_head, is_not_found, whole as admit_whole};
pub(crate) use admit::{NotStored, lifetime, undeclared_vary};
pub(crate) use birth::Birth;
pub(crate) use freshness::{Freshness, Lifetime};
pub(crate) use record::{Field, Loaded, Record};
pub(crate) use seconds::{MAX_SECONDS, seconds, stated_age, told_seconds};
pub(crate) use stored::{Entry, NewEntry};
