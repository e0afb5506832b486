//! A cached function: its name, its policy, and the key of one of its values.

mod data;
mod key;
mod shape;
mod writer;

pub use data::Data;
pub(crate) use key::{KeyRef, ValueKey, data_tag, is_of_data, value_of_tag, value_tag};
pub use writer::ArgumentsWriter;
pub(crate) use writer::{arguments_text, canonical, canonical_list};
