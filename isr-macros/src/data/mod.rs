//! The attribute `#[static_data]`: the same steps as those of a page, from its arguments and the
//! function below to a [`Model`](model::Model), and from there to the generated code.

mod argument;
mod asking;
mod checks;
mod expand;
mod model;
mod names;
mod signature;

pub(crate) use self::expand::attribute;
