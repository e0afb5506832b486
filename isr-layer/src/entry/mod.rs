//! What is stored: admission, freshness, and the entry itself.

mod admit;
mod freshness;
mod stored;

pub(crate) use admit::{Verdict, body as admit_body, head as admit_head, is_gone, is_too_much, lifetime};
pub(crate) use freshness::{Freshness, Lifetime};
pub(crate) use stored::{Entry, Rendered};
