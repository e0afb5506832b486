//! Writes the generated code: the handle beside the function, and a body that reads the value.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{FnArg, Index, Pat, Signature};

use super::argument::Argument;
use super::checks::{checks, checks_of_output};
use super::model::Model;
use super::names::Tag;
use crate::diagnostics::Mistakes;
use crate::parse::{self, Function, Macro};
use crate::setters::setters;

const AGAIN: &str = "a function loads one value: remove this attribute";

/// Parses, checks and expands. The function is written in any case, so that a mistake in the
/// attribute does not make errors elsewhere.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();

    let args = parse::args(args, Macro::Data, &mut mistakes);
    let Some(mut function) = mistakes.keep(parse::function(item.clone(), Macro::Data)) else {
        let errors = mistakes.into_tokens();
        return quote!(#item #errors);
    };
    for again in parse::take_attributes(&mut function, Macro::Data) {
        mistakes.at(again, AGAIN);
    }

    let model = Model::new(&args, &function.sig, &mut mistakes);
    let beside = beside(&function, &model);
    if mistakes.is_empty() {
        let (function, registration) = (
            with_read(&function, &model),
            registration(&function, &model),
        );
        return quote!(#function #beside #registration);
    }
    let errors = mistakes.into_tokens();
    quote!(#function #beside #errors)
}

/// Writes the handle, `post::DATA`. It is written after a mistake as well, so that its use
/// elsewhere does not fail, too.
fn beside(function: &Function, model: &Model) -> TokenStream {
    if !model.is_free {
        return TokenStream::new();
    }

    let (vis, name, text, krate) = (&function.vis, &model.function, &model.name, &model.krate);
    let setters = setters(&model.policy, krate);
    let cfgs = parse::cfgs(&function.attrs);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[non_exhaustive]
        #[allow(non_camel_case_types, dead_code, missing_debug_implementations)]
        #vis struct #name {}
        #(#cfgs)*
        #[allow(dead_code)]
        impl #name {
            #[doc = "The value as it is declared."]
            #vis const DATA: #krate::data::Data = #krate::data::Data::new(#text) #setters;
        }
    }
}

/// Registers the value, so that layers know its name.
fn registration(function: &Function, model: &Model) -> TokenStream {
    let (name, krate) = (&model.function, &model.krate);
    let cfgs = parse::cfgs(&function.attrs);
    quote! {
        #(#cfgs)*
        const _: () = {
            #krate::__private::inventory::submit! {
                #krate::__private::RegisteredData(#name::DATA)
            }
        };
    }
}

/// Writes the function with a body that reads the value. The user's own body moves into a function
/// of its own, so that it sees the arguments and nothing else.
fn with_read(function: &Function, model: &Model) -> TokenStream {
    let (attrs, vis) = (&function.attrs, &function.vis);
    let (sig, load) = (of_reader(&function.sig), load(function));
    let (checks, checks_of_output, read) = (checks(model), checks_of_output(model), read(model));

    let mut tokens = quote!(#(#attrs)* #vis #sig);
    // With the user's own braces, the function counts as written by the user: if it is never used,
    // the compiler says so.
    function.brace.surround(&mut tokens, |body| {
        body.extend(quote!(#load #checks #checks_of_output #read));
    });
    tokens
}

fn load_name() -> Ident {
    Ident::new("__isr_load", Span::call_site())
}

fn load(function: &Function) -> TokenStream {
    let mut sig = function.sig.clone();
    sig.ident = load_name();

    // Clippy says it of the function already.
    let allow = quote! {
        #[allow(
            clippy::fn_params_excessive_bools,
            clippy::ptr_arg,
            clippy::too_many_arguments,
            clippy::trivially_copy_pass_by_ref,
            clippy::type_complexity
        )]
    };
    let mut tokens = quote!(#allow #sig);
    let (leading, rest) = (&function.leading, &function.rest);
    function.brace.surround(&mut tokens, |body| {
        body.extend(quote!(#leading #rest));
    });
    tokens
}

/// Returns the head of the function without `mut`, which is the load's business.
fn of_reader(sig: &Signature) -> Signature {
    let mut sig = sig.clone();
    for input in &mut sig.inputs {
        if let FnArg::Typed(typed) = input
            && let Pat::Ident(pattern) = &mut *typed.pat
        {
            pattern.mutability = None;
        }
    }
    sig
}

/// Writes the expression that reads the value. Its imports do not reach the user's body.
fn read(model: &Model) -> TokenStream {
    let (name, returned, hidden) = (&model.function, &model.returned, hidden(model));
    let returned = quote!(#hidden::Returned::<#returned>::new());
    let arguments = model.arguments.iter().map(|one| &one.name);
    let all = Ident::new("arguments", Span::mixed_site());
    let (own, keyed, load) = (own(model), keyed(model), load_again(&returned, model));

    quote! {{
        #[allow(unused_imports)]
        use #hidden::{
            ByContent as _, ByDefault as _, ByNumber as _, NotChecked as _, NotResult as _,
            RefusedArgument as _, Unshared as _, Shared as _, WithoutNone as _,
        };
        // An argument of the key alone may be named `_locale`.
        #[allow(clippy::used_underscore_binding)]
        let #all = (#(#arguments,)*);
        #returned.probe_back(
            #returned
                .probe_types()
                .own(#all, #own)
                .read(
                    &#name::DATA,
                    #keyed,
                    #hidden::Output {
                        is_none: #returned.probe_types().value().probe_is_none(),
                        weight: (&&&#returned.probe_types().value()).probe_weight(),
                        share: (&&#returned.probe_types().error()).probe_share(),
                    },
                    #load,
                )
                .await,
        )
    }}
}

/// Writes the closure that takes over the arguments: those of the key, and the rest.
fn own(model: &Model) -> TokenStream {
    let locals = locals(&model.arguments);
    let one = |(argument, local): (&Argument, &Ident)| {
        let probe = probe(argument, model);
        let own = match argument.is_borrowed {
            true => quote!(#probe.own(#local)),
            false => local.to_token_stream(),
        };
        (argument.is_skipped, own)
    };
    let all = model.arguments.iter().zip(&locals).map(one);
    let (rest, key): (Vec<_>, Vec<_>) = all.partition(|(is_skipped, _)| *is_skipped);
    let (rest, key) = (second(rest), second(key));
    quote!(|(#(#locals,)*)| ((#(#key,)*), (#(#rest,)*)))
}

fn second(pairs: Vec<(bool, TokenStream)>) -> Vec<TokenStream> {
    pairs.into_iter().map(|(_, tokens)| tokens).collect()
}

/// Writes the functions of the arguments that are in the key.
fn keyed(model: &Model) -> TokenStream {
    let hidden = hidden(model);
    let pattern = model.arguments.iter().zip(locals(&model.arguments));
    let pattern: Vec<TokenStream> = pattern
        .map(|(argument, local)| match argument.is_skipped {
            true => quote!(_),
            false => local.to_token_stream(),
        })
        .collect();

    let keyed = model.arguments.iter().zip(locals(&model.arguments));
    let keyed = keyed.filter(|(argument, _)| !argument.is_skipped);
    let (mut writes, mut compares) = (Vec::new(), Vec::new());
    for (place, (argument, local)) in keyed.enumerate() {
        let (probe, kept) = (probe(argument, model), kept(place, argument, model));
        writes.push(quote!(#probe.write(#local, writer);));
        compares.push(quote!(#probe.is(#local, #kept)));
    }

    let (writer, kept) = match writes.is_empty() {
        true => (quote!(_), quote!(_)),
        false => (quote!(writer), quote!(kept)),
    };
    let is = match compares.is_empty() {
        true => quote!(true),
        false => quote!(#(#compares)&&*),
    };
    let tags = tags(model);
    quote! {
        #hidden::Keyed {
            write: |(#(#pattern,)*), #writer| { #(#writes)* },
            is: |(#(#pattern,)*), #kept| #is,
            tags: #tags,
        }
    }
}

fn tags(model: &Model) -> TokenStream {
    let has_arguments = model.tags.iter().any(|tag| !tag.arguments.is_empty());
    let kept = match has_arguments {
        true => quote!(kept),
        false => quote!(_),
    };
    let tags = model.tags.iter().map(|tag| filled(tag, model));
    quote!(|#kept| ::std::vec![#(#tags),*])
}

fn filled(tag: &Tag, model: &Model) -> TokenStream {
    let format = &tag.format;
    if tag.arguments.is_empty() {
        return quote!(::std::string::ToString::to_string(#format));
    }

    let texts = tag.arguments.iter().map(|place| {
        let argument = &model.arguments[*place];
        let before = &model.arguments[..*place];
        let place_in_key = before.iter().filter(|one| !one.is_skipped).count();
        let (probe, kept) = (probe(argument, model), kept(place_in_key, argument, model));
        quote!(#probe.display(#kept))
    });
    quote!(::std::format!(#format, #(#texts),*))
}

/// Writes a reference to a kept argument, as the user's own type.
fn kept(place: usize, argument: &Argument, model: &Model) -> TokenStream {
    let place = Index::from(place);
    match argument.is_borrowed {
        true => {
            let probe = probe(argument, model);
            quote!(#probe.lend(&kept.#place))
        }
        false => quote!(&kept.#place),
    }
}

/// Writes the closure that loads from kept arguments, now or at a refresh.
fn load_again(returned: &TokenStream, model: &Model) -> TokenStream {
    let locals = locals(&model.arguments);
    let local = |is_skipped| {
        let all = model.arguments.iter().zip(&locals);
        let all = all.filter(move |(argument, _)| argument.is_skipped == is_skipped);
        all.map(|(_, local)| local).collect::<Vec<_>>()
    };
    let (rest, key) = (local(true), local(false));

    let passed = model
        .arguments
        .iter()
        .zip(&locals)
        .map(|(argument, local)| {
            let probe = probe(argument, model);
            match argument.is_borrowed {
                true => quote!(#probe.lend(&#local)),
                false => local.to_token_stream(),
            }
        });
    let load = load_name();
    quote! {
        |(#(#rest,)*), (#(#key,)*)| async move {
            #returned.probe_result(#load(#(#passed),*).await)
        }
    }
}

/// Writes the items that know the argument's type.
fn probe(argument: &Argument, model: &Model) -> TokenStream {
    let (hidden, ty) = (hidden(model), &argument.ty);
    quote!(#hidden::Argument::<#ty>::new())
}

pub(super) fn hidden(model: &Model) -> TokenStream {
    let krate = &model.krate;
    quote!(#krate::__private::data)
}

/// Returns a name for each argument that no name of the user's meets.
fn locals(arguments: &[Argument]) -> Vec<Ident> {
    let local = |place| format_ident!("argument_{place}", span = Span::mixed_site());
    (0..arguments.len()).map(local).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> TokenStream {
        quote! {
            pub(crate) async fn post(db: &Db, mut slug: String) -> Result<u8, Error> {
                body()
            }
        }
    }

    #[test]
    fn with_a_crate_key_no_path_names_the_default() {
        let attribute = quote!(
            crate = ::facade::isr,
            revalidate = HOUR,
            tags = ["posts", "post:{slug}"],
            skip = [db]
        );

        let written = attribute_of(attribute);

        assert!(!written.contains("isr_layer"), "{written}");
        assert!(!written.contains("compile_error"), "{written}");
    }

    #[test]
    fn the_reader_keeps_the_signature_and_the_load_the_body() {
        let written = attribute_of(quote!(skip = [db]));

        let head = "pub (crate) async fn post (db : & Db , slug : String) -> Result < u8 , Error >";
        let load = "async fn __isr_load (db : & Db , mut slug : String) -> Result < u8 , Error > \
                    { body () }";
        assert!(written.starts_with(head), "{written}");
        assert!(written.contains(load), "{written}");
    }

    #[test]
    fn after_a_mistake_the_function_and_its_handle_are_left() {
        let written = attribute_of(quote!(revalidat = 60));

        let function = post().to_string();
        assert!(written.starts_with(&function), "{written}");
        assert!(written.contains("const DATA"), "{written}");
        assert!(!written.contains("__isr_load"), "{written}");
    }

    fn attribute_of(arguments: TokenStream) -> String {
        attribute(arguments, post()).to_string()
    }
}
