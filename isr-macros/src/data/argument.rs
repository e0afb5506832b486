//! One argument of a value.

use syn::ext::IdentExt;
use syn::{Ident, Type};

/// An argument, as the generated code passes it on.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    /// Its type; of `&T`, this is `T`.
    pub(crate) ty: Type,
    pub(crate) is_borrowed: bool,
    /// True if `skip` names it, so that it is not in the key.
    pub(crate) is_skipped: bool,
    /// The parts of its type that the generated code checks for those that say who asks.
    pub(crate) asking: Vec<Type>,
}

impl Argument {
    /// Returns the name, as `tags` write it.
    pub(crate) fn text(&self) -> String {
        self.name.unraw().to_string()
    }
}
