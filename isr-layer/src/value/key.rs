//! The key of a value, and the names of the marks that purges of values raise.

use std::any::TypeId;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;
use sha2::{Digest, Sha256};

/// The key of one value: the name, the types of arguments, loader and value, and the arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueKey {
    name: &'static str,
    types: TypeId,
    arguments: Arc<str>,
}

/// The key of a value, as a call looks it up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRef<'a> {
    pub(crate) name: &'static str,
    pub(crate) types: TypeId,
    pub(crate) arguments: &'a str,
}

impl ValueKey {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the arguments, as a JSON array.
    pub(crate) fn arguments(&self) -> &str {
        &self.arguments
    }

    /// Returns the bytes that the key takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.arguments.len()
    }

    fn by_ref(&self) -> KeyRef<'_> {
        KeyRef {
            name: self.name,
            types: self.types,
            arguments: &self.arguments,
        }
    }
}

impl KeyRef<'_> {
    pub(crate) fn to_key(self) -> ValueKey {
        ValueKey {
            name: self.name,
            types: self.types,
            arguments: self.arguments.into(),
        }
    }
}

impl Hash for ValueKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.by_ref().hash(state);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The types tell two names apart in all but made-up programs; equality looks at all.
        self.types.hash(state);
        self.arguments.hash(state);
    }
}

impl Equivalent<ValueKey> for KeyRef<'_> {
    fn equivalent(&self, key: &ValueKey) -> bool {
        self.types == key.types && self.name == key.name && *self.arguments == *key.arguments
    }
}

/// Precedes the name of values in the name of their mark. No tag has a control character.
const DATA: &str = "\0data\0";
/// Precedes the name and the arguments of one value in the name of its mark.
const VALUE: &str = "\0value\0";

/// Returns the name of the mark on all values of a name.
pub(crate) fn data_tag(name: &str) -> String {
    format!("{DATA}{name}")
}

/// The longest text of arguments that the name of a mark has as it is.
const MAX_ARGUMENTS: usize = 1024;

/// Returns the name of the mark on one value. `arguments` are in their one spelling. Of long ones
/// it has the hash: a page may carry a thousand marks, and a store keeps them all.
pub(crate) fn value_tag(name: &str, arguments: &str) -> String {
    if arguments.len() <= MAX_ARGUMENTS {
        return format!("{VALUE}{name}\0{arguments}");
    }
    let hash = Sha256::digest(arguments);
    let hash = hash.iter().map(|octet| format!("{octet:02x}"));
    format!("{VALUE}{name}\0sha256:{}", hash.collect::<String>())
}

/// True if a mark is that of values, and no tag.
pub(crate) fn is_of_data(tag: &str) -> bool {
    tag.starts_with(DATA) || tag.starts_with(VALUE)
}

/// Returns the name and the arguments of the value that a mark is on.
pub(crate) fn value_of_tag(tag: &str) -> Option<(&str, &str)> {
    tag.strip_prefix(VALUE)?.split_once('\0')
}
