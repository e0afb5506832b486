//! The parameters of one instance of a page, by name.

/// The parameters of one instance of a page: a decoded value for each name.
///
/// ```
/// use isr_layer::ParamSet;
///
/// let day = ParamSet::new().with("year", 2026).with("day", 11);
///
/// assert_eq!(day, ParamSet::from([("year", "2026"), ("day", "11")]));
/// assert_eq!(day.get("day"), Some("11"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamSet {
    /// Every pair that was given. Equal names are kept, so that they can be refused.
    pairs: Vec<(String, String)>,
}

impl ParamSet {
    /// Returns a set without parameters.
    pub const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    /// Adds a parameter. The value is decoded text: `a/b`, not `a%2Fb`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.pairs.push((name.into(), value.to_string()));
        self
    }

    /// Returns the value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find_map(|(given, value)| (given == name).then_some(value))
    }

    /// Returns the names and values, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the number of parameters.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True if there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Finds the first difference between the names of this set and those of a path.
    pub(super) fn mismatch(&self, names: &[&str]) -> Option<String> {
        let count = |expected: &str| self.iter().filter(|(name, _)| *name == expected).count();
        // An unknown name first: it is most often a known one misspelled, which then is missing,
        // too.
        if let Some((name, _)) = self.iter().find(|(name, _)| !names.contains(name)) {
            return Some(format!("`{name}` is not a parameter of the path"));
        }
        names.iter().find_map(|name| match count(name) {
            0 => Some(format!("the parameter `{name}` is missing")),
            1 => None,
            _ => Some(format!("the parameter `{name}` is given twice")),
        })
    }
}

impl<K: Into<String>, V: ToString> FromIterator<(K, V)> for ParamSet {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        pairs
            .into_iter()
            .fold(Self::new(), |set, (name, value)| set.with(name, value))
    }
}

impl<K: Into<String>, V: ToString, const N: usize> From<[(K, V); N]> for ParamSet {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_is_named() {
        for (set, mismatch) in [
            (ParamSet::from([("a", 1), ("b", 2)]), None),
            (ParamSet::from([("b", 2), ("a", 1)]), None),
            (
                ParamSet::from([("a", 1)]),
                Some("the parameter `b` is missing"),
            ),
            (
                ParamSet::from([("a", 1), ("b", 2), ("c", 3)]),
                Some("`c` is not a parameter of the path"),
            ),
            (
                ParamSet::from([("a", 1), ("b", 2), ("b", 2)]),
                Some("the parameter `b` is given twice"),
            ),
        ] {
            assert_eq!(set.mismatch(&["a", "b"]).as_deref(), mismatch, "{set:?}");
        }
    }
}
