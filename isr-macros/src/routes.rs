//! Checks the functions that `routes!` names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;

use crate::diagnostics::Mistakes;

const ASSOCIATED: &str = "`routes!` takes free functions: route an associated function by hand, \
    such as `.route(\"/posts\", get(Pages::posts))`; `use` a function of a module with such a name, \
    and write its name alone";

/// Returns the tokens of the second group, unless a path in the first one leads into a type.
pub(crate) fn free_functions(tokens: TokenStream) -> TokenStream {
    let mut groups = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    let (paths, rest) = (groups.next(), groups.next());

    let mut mistakes = Mistakes::default();
    for path in paths.into_iter().flatten().filter_map(path) {
        if leads_into_type(&path) {
            mistakes.at(path, ASSOCIATED);
        }
    }
    match mistakes.is_empty() {
        true => rest.unwrap_or_default(),
        false => {
            let errors = mistakes.into_tokens();
            quote!({ #errors })
        }
    }
}

/// Returns the tokens of a path, which `macro_rules!` passes on in an invisible group.
fn path(token: TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => Some(group.stream()),
        _ => None,
    }
}

/// Returns whether the name before the last one starts as the names of types do.
fn leads_into_type(path: &TokenStream) -> bool {
    let is_generic =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '<');
    let names = path
        .clone()
        .into_iter()
        .take_while(|token| !is_generic(token));
    let names = names.filter_map(|token| match token {
        TokenTree::Ident(name) => Some(name.unraw().to_string()),
        _ => None,
    });
    let names = names.collect::<Vec<_>>();
    let holder = names.len().checked_sub(2).map(|place| &names[place]);
    holder.is_some_and(|name| name.starts_with(char::is_uppercase))
}
