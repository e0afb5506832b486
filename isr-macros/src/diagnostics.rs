//! Collects the mistakes of one attribute, each with its tokens.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The mistakes found so far. All are reported together, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    errors: Option<syn::Error>,
}

impl Mistakes {
    /// Reports `message` under `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl AsRef<str>) {
        self.push(syn::Error::new_spanned(tokens, message.as_ref()));
    }

    /// Reports an error that has its tokens already.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            None => self.errors = Some(error),
        }
    }

    /// Returns the value, or reports the error.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Returns whether there is no mistake.
    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_none()
    }

    /// Returns one `compile_error!` for each mistake.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.errors
            .map(syn::Error::into_compile_error)
            .unwrap_or_default()
    }

    /// Returns the messages, for tests.
    #[cfg(test)]
    pub(crate) fn messages(self) -> Vec<String> {
        let errors = self.errors.into_iter().flatten();
        errors.map(|error| error.to_string()).collect()
    }
}

/// Returns the spans of the first and the last token. An error that starts at one and ends at the
/// other shows all tokens between.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut spans = tokens
        .into_token_stream()
        .into_iter()
        .map(|token: TokenTree| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// Returns the tokens, spanned so that errors about them show `place`.
///
/// The resolution of each token stays: `$crate` depends on its own.
pub(crate) fn located(tokens: impl ToTokens, place: Span) -> TokenStream {
    let tokens = tokens.into_token_stream().into_iter().map(|mut token| {
        let span = token.span().located_at(place);
        if let TokenTree::Group(group) = &token {
            let inner = located(group.stream(), place);
            token = TokenTree::Group(Group::new(group.delimiter(), inner));
        }
        token.set_span(span);
        token
    });
    tokens.collect()
}

/// Joins names for a message: `` `a`, `b` ``.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Returns the accepted word nearest to `given`, if one is near enough to be meant.
pub(crate) fn closest<'a>(given: &str, accepted: &[&'a str]) -> Option<&'a str> {
    let allowed = given.chars().count().div_ceil(3).min(3);
    let ranked = accepted.iter().map(|word| (distance(given, word), *word));
    ranked
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, word)| word)
}

/// Counts the letters to insert, delete or replace to turn `from` into `to` (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, left) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (at, right) in to.iter().enumerate() {
            let exchanged = diagonal + usize::from(left != *right);
            diagonal = row[at + 1];
            row[at + 1] = exchanged.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word() {
        let accepted = ["revalidate", "expire", "tags"];

        assert_eq!(closest("revalidat", &accepted), Some("revalidate"));
        assert_eq!(closest("tag", &accepted), Some("tags"));
        assert_eq!(closest("expires", &accepted), Some("expire"));
    }

    #[test]
    fn a_word_far_from_all_finds_none() {
        assert_eq!(closest("ttl", &["revalidate", "expire", "tags"]), None);
    }
}
