//! The attribute of `isr-layer`. Use it as `isr_layer::static_page`: what it writes names that crate.

mod arguments;
mod diagnostics;
mod expand;
mod model;
mod parse;
mod pattern;
mod values;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;

use crate::diagnostics::Mistakes;
use crate::model::Model;
use crate::parse::Function;

/// TODO
#[proc_macro_attribute]
pub fn static_page(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(args.into(), item.into()).into()
}

/// From parsing to writing down: the function comes first, whatever is wrong with its attribute.
fn expand(args: Tokens, item: Tokens) -> Tokens {
    let mut mistakes = Mistakes::default();
    let args = parse::args(args, &mut mistakes);
    let Some(function) = mistakes.keep(function(item.clone())) else {
        let errors = mistakes.into_tokens();
        return quote!(#item #errors);
    };
    let model = Model::new(&args, &function.sig, &mut mistakes);
    if mistakes.is_empty() {
        return expand::page(&function, &model);
    }
    let (beside, errors) = (expand::beside(&function, &model), mistakes.into_tokens());
    quote!(#item #beside #errors)
}

fn function(item: Tokens) -> syn::Result<Function> {
    let message = "`#[static_page]` goes on a function with a body";
    syn::parse2(item).map_err(|error| syn::Error::new(error.span(), message))
}
