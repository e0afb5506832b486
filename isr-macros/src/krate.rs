//! The path of `isr-layer` in generated code.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

use crate::diagnostics::located;

/// The path of `isr-layer`, which stands in front of every generated path: `::isr_layer`, unless
/// the key `crate` gives another.
#[derive(Default)]
pub(crate) struct Krate(Option<Path>);

impl Krate {
    /// The path that the key gives, if it is one.
    pub(crate) fn new(path: Option<Path>) -> Self {
        Self(path)
    }

    /// Returns the path, spanned so that errors about the named item show `place`.
    pub(crate) fn at(&self, place: Span) -> TokenStream {
        match &self.0 {
            Some(path) => located(path, place),
            None => quote_spanned!(place=> ::isr_layer),
        }
    }
}

impl ToTokens for Krate {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match &self.0 {
            Some(path) => path.to_tokens(tokens),
            None => tokens.extend(quote_spanned!(Span::call_site()=> ::isr_layer)),
        }
    }
}
