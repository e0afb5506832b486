//! Writes the checks that only the compiler can make. Each error shows the tokens of its type.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{GenericArgument, PathArguments, Type};

use super::argument::Argument;
use super::expand::hidden;
use super::model::Model;
use crate::diagnostics::{ends, located};

/// Writes the checks of the arguments and of the tags.
pub(super) fn checks(model: &Model) -> TokenStream {
    let of_arguments = model.arguments.iter().map(|one| of_argument(one, model));
    let of_tags = model.tags.iter().flat_map(|tag| {
        let displayed = tag.arguments.iter().map(|place| {
            let ty = located(&model.arguments[*place].ty, tag.span);
            let krate = model.krate.at(tag.span);
            quote_spanned! {tag.span=>
                const _: () = #krate::__private::data::displayed::<#ty>();
            }
        });
        displayed.collect::<Vec<_>>()
    });
    quote!(#(#of_arguments)* #(#of_tags)*)
}

fn of_argument(argument: &Argument, model: &Model) -> TokenStream {
    let mut names = Vec::new();
    if !argument.is_skipped {
        names.extend([quote!(serialized), quote!(compared)]);
    }
    names.push(match argument.is_borrowed {
        true => quote!(owned),
        false => quote!(cloned),
    });
    names.push(match argument.is_skipped && !argument.is_borrowed {
        true => quote!(sent),
        false => quote!(shared),
    });

    let of_type = names.iter().map(|name| assert(name, &argument.ty, model));
    let asking = argument.asking.iter().map(|part| asking(part, model));
    quote!(#(#of_type)* #(#asking)*)
}

/// Returns the spans of a type's first and last token, for tokens that count as generated: the
/// compiler proposes no changes of them, and its lints leave them out.
fn generated_ends(ty: &Type) -> (Span, Span) {
    let (start, end) = ends(ty);
    let here = Span::call_site();
    (here.located_at(start), here.located_at(end))
}

fn assert(name: &TokenStream, ty: &Type, model: &Model) -> TokenStream {
    let (start, end) = generated_ends(ty);
    let krate = model.krate.at(start);
    let function = quote_spanned!(start=> #krate::__private::data::#name::<#ty>);
    let call = quote_spanned!(end=> #function());
    quote!(const _: () = #call;)
}

/// Writes a block that fails to compile if the type says who asks.
fn asking(ty: &Type, model: &Model) -> TokenStream {
    let (krate, hidden) = (&model.krate, hidden(model));
    let (start, end) = ends(ty);
    let path = quote_spanned!(start=> ::core::panic!);
    // A name that is spanned at the user's tokens would be theirs.
    let (name, text) = (quote!(message), quote!("{}"));
    let message = quote_spanned!(end=> (#text, #name));

    quote! {
        #[allow(unused_imports, deprecated)]
        const _: () = {
            use #krate::__private::NoClientInput as _;
            let input = #krate::__private::Probe::<#ty>::INPUT;
            if let ::core::option::Option::Some(#name) = #hidden::refusal(input) {
                #path #message
            }
        };
    }
}

/// Writes the checks of the value and of its error.
pub(super) fn checks_of_output(model: &Model) -> TokenStream {
    let (returned, hidden) = (&model.returned, hidden(model));
    let (value, error) = parts(returned);
    let check = |name: TokenStream, of: TokenStream, ty: &Type| {
        let (start, end) = generated_ends(ty);
        let krate = model.krate.at(start);
        let hidden = quote_spanned!(start=> #krate::__private::data);
        let types = quote_spanned!(end=> #hidden::Returned::<#returned>::new().probe_types());
        let argument = quote_spanned!(end=> (#types.#of()));
        quote!(#hidden::#name #argument;)
    };
    let kept = check(quote!(kept), quote!(value), value);
    let sent = check(quote!(sent_error), quote!(error), error);

    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #hidden::NotResult as _;
            #[allow(dead_code)]
            fn output() {
                #kept
                #sent
            }
        };
    }
}

/// Returns the tokens of the value and of its error, as far as they stand in the type.
fn parts(returned: &Type) -> (&Type, &Type) {
    let whole = (returned, returned);
    let Type::Path(path) = returned else {
        return whole;
    };
    let last = path.path.segments.last();
    let Some(segment) = last.filter(|segment| segment.ident == "Result") else {
        return whole;
    };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return whole;
    };

    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    let value = types.next().unwrap_or(returned);
    (value, types.next().unwrap_or(returned))
}
