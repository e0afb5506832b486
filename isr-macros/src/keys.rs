//! Checks the keys of an attribute: each is known, is given once, and has a value.

use crate::diagnostics::{Mistakes, closest, quoted};
use crate::parse::Pair;

/// The keys that an attribute accepts.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    /// All keys, in the order of the documentation.
    pub(crate) accepted: &'static [&'static str],
    /// The key that has no value.
    pub(crate) bare: Option<&'static str>,
}

impl Keys {
    /// Returns the pairs whose key is known and given for the first time, and reports all others.
    pub(crate) fn known<'a>(
        self,
        pairs: impl IntoIterator<Item = &'a Pair>,
        mistakes: &mut Mistakes,
    ) -> Vec<&'a Pair> {
        let mut known: Vec<&Pair> = Vec::new();

        for pair in pairs {
            let key = pair.key.to_string();
            if !self.accepted.contains(&key.as_str()) {
                mistakes.at(&pair.key, self.unknown(&key));
            } else if let Some(before) = known.iter().find(|before| before.key == pair.key) {
                mistakes.at(&pair.key, format!("`{key}` is given twice"));
                mistakes.at(&before.key, format!("`{key}` was first given here"));
            } else {
                self.check_value(pair, mistakes);
                known.push(pair);
            }
        }

        known
    }

    /// Returns whether a word is a key, or is spelled almost as one.
    pub(crate) fn is_like(self, word: &str) -> bool {
        self.accepted.contains(&word) || closest(word, self.accepted).is_some()
    }

    fn unknown(self, key: &str) -> String {
        let hint = closest(key, self.accepted)
            .map(|near| format!(": did you mean `{near}`?"))
            .unwrap_or_default();
        let accepted = quoted(self.accepted.iter().copied());
        format!("unknown key `{key}`{hint} (accepted: {accepted})")
    }

    fn check_value(self, pair: &Pair, mistakes: &mut Mistakes) {
        let is_bare = self.bare.is_some_and(|bare| pair.key == bare);
        let key = &pair.key;
        match &pair.value {
            Some(value) if is_bare => {
                mistakes.at(
                    value,
                    format!("`{key}` takes no value: write the word alone"),
                );
            }
            None if !is_bare => {
                mistakes.at(key, format!("`{key}` needs a value: write `{key} = ..`"));
            }
            _ => {}
        }
    }
}
