//! Entries: admission, freshness, and the stored response itself.

mod admit;
mod birth;
mod freshness;
mod grpc;
mod judge;
mod stored;

pub(crate) use admit::{NotStored, is_not_found, lifetime};
pub(crate) use birth::Birth;
pub(crate) use freshness::{Freshness, Lifetime};
pub(crate) use judge::{head as admit_head, whole as admit_whole};
pub(crate) use stored::{Entry, NewEntry};
