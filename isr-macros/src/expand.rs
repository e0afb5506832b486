//! Writes the page down: a struct beside the function, and three statements inside it. Nothing here can fail.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{ExprPath, Type};

use crate::model::{Fallback, Model, Place, Policy};
use crate::parse::{self, Function};

/// The function with its registration, and what stands beside it.
pub(crate) fn page(function: &Function, model: &Model) -> TokenStream {
    let body = with_registration(function, model);
    let beside = beside(function, model);
    quote!(#body #beside)
}

/// What stands beside a free function: its path and page under its own name, and the judgement of its arguments.
///
/// After a mistake this is written too, so that `post::PATH` elsewhere is no second mistake.
pub(crate) fn beside(function: &Function, model: &Model) -> TokenStream {
    if model.place == Place::Impl {
        return TokenStream::new();
    }
    let (vis, name, pattern) = (&function.vis, &model.name, &model.pattern);
    let (krate, page) = (model.krate(), declaration(model));
    let cfgs = parse::cfgs(&function.attrs);
    let assertions = model.arguments.iter().map(|argument| {
        let (assertion, own) = (assertion(&argument.ty, model), &argument.cfgs);
        let allow = quote!(#[allow(unused_imports, deprecated)]);
        quote!(#(#cfgs)* #(#own)* #allow const _: () = #assertion;)
    });
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[non_exhaustive]
        #[allow(non_camel_case_types, dead_code, missing_debug_implementations)]
        #vis struct #name {}
        #(#cfgs)*
        #[allow(dead_code)]
        impl #name {
            #[doc = "The path of the page."]
            #vis const PATH: &'static str = #pattern;
            #[doc = "The page as it is declared."]
            #vis const PAGE: #krate::Page = #page;
        }
        #(#assertions)*
    }
}

/// The user's function, with the page put behind the leading items of its body.
fn with_registration(function: &Function, model: &Model) -> TokenStream {
    let Function {
        attrs,
        vis,
        sig,
        brace,
        leading,
        rest,
    } = function;
    let (krate, page) = (model.krate(), declaration(model));
    let judged = if model.place == Place::Impl {
        model.arguments.as_slice()
    } else {
        &[]
    };
    let assertions = judged.iter().map(|argument| {
        let (assertion, cfgs) = (assertion(&argument.ty, model), &argument.cfgs);
        quote!(#(#cfgs)* const #assertion)
    });
    let mut tokens = quote!(#(#attrs)* #vis #sig);
    brace.surround(&mut tokens, |body| {
        body.extend(quote! {
            #leading
            {
                const __ISR_PAGE: #krate::Page = #page;
                #krate::__private::inventory::submit! { #krate::__private::Registered(__ISR_PAGE) }
                #(#assertions)*
                #krate::__private::mark_handler_ran(&__ISR_PAGE);
            }
            #rest
        });
    });
    tokens
}

/// The page as an expression. Its place is the attribute's own, however often the function is copied.
fn declaration(model: &Model) -> TokenStream {
    let (krate, pattern) = (model.krate(), &model.pattern);
    let policy = policy(&model.policy, &krate);
    let params = model.params.as_ref().map(|list| params(list, model));
    let name = model.name.unraw().to_string();
    let unary = model.unary.then(|| quote!(.with_unary(true)));
    quote! {
        #krate::Page::new(#pattern)
            .with_policy(#policy)
            #params
            #unary
            .__handler(#name, ::core::file!(), ::core::line!(), ::core::column!())
    }
}

/// The list as a plain function pointer; what is wrong with its type is reported under the user's path.
fn params(list: &ExprPath, model: &Model) -> TokenStream {
    let names = model.parameters();
    let end = ends(list).1;
    let krate = model.krate_at(end);
    let call = quote_spanned!(end=> #krate::__private::list_params(&[#(#names),*], #list));
    quote!(.with_params(|| #call))
}

fn policy(policy: &Policy, krate: &TokenStream) -> TokenStream {
    let setters = [
        policy
            .revalidate
            .map(|after| (quote!(revalidate), duration(after))),
        policy.expire.map(|after| (quote!(expire), duration(after))),
        policy
            .not_found_revalidate
            .map(|after| (quote!(not_found_revalidate), duration(after))),
        policy
            .timeout
            .map(|limit| (quote!(timeout), duration(limit))),
        policy.max_body.map(|bytes| {
            (
                quote!(max_body),
                proc_macro2::Literal::u64_unsuffixed(bytes).into_token_stream(),
            )
        }),
        policy
            .fallback
            .map(|which| (quote!(fallback), fallback(which, krate))),
        policy.jitter.map(|on| (quote!(jitter), quote!(#on))),
        policy.prerender.map(|on| (quote!(prerender), quote!(#on))),
        policy
            .allow_empty
            .map(|on| (quote!(allow_empty), quote!(#on))),
        policy
            .allow_temporary
            .map(|on| (quote!(allow_temporary), quote!(#on))),
        list(&policy.tags).map(|tags| (quote!(tags), tags)),
        list(&policy.query).map(|names| (quote!(query), names)),
        list(&policy.vary).map(|names| (quote!(vary), names)),
    ];
    let setters = setters
        .into_iter()
        .flatten()
        .map(|(setter, value)| quote!(.#setter(#value)));
    quote!(#krate::Policy::new()#(#setters)*)
}

fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

fn fallback(fallback: Fallback, krate: &TokenStream) -> TokenStream {
    match fallback {
        Fallback::Render => quote!(#krate::Fallback::Render),
        Fallback::NotFound => quote!(#krate::Fallback::NotFound),
    }
}

fn list(list: &[String]) -> Option<TokenStream> {
    (!list.is_empty()).then(|| quote!(&[#(#list),*]))
}

/// A block that does not compile when the argument's type shows who asks; the error stands under the type.
fn assertion(argument: &Type, model: &Model) -> TokenStream {
    let krate = model.krate();
    let (query, vary) = (model.declared.query, model.declared.vary);
    let (start, end) = ends(argument);
    let path = quote_spanned!(start=> ::core::panic!);
    let message = quote_spanned!(end=> ("{}", message));
    quote! {{
        use #krate::__private::NoClientInput as _;
        let input = #krate::__private::Probe::<#argument>::INPUT;
        if let ::core::option::Option::Some(message) = #krate::__private::refusal(input, #query, #vary) {
            #path #message
        }
    }}
}

/// The places of the first and the last token: from one to the other is the whole type.
fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut spans = tokens
        .into_token_stream()
        .into_iter()
        .map(|token: TokenTree| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_crate_key_no_path_names_the_default() {
        let attribute = quote!(
            "/posts/{slug}",
            crate = ::facade::isr,
            revalidate = 60,
            params = all_slugs,
            fallback = "not_found",
            vary = ["accept"],
        );
        let functions = [
            quote!(
                async fn post(slug: Path<String>) {}
            ),
            quote!(
                async fn post(&self, slug: Request<Slug>) {}
            ),
        ];

        for function in functions {
            let written = crate::expand(attribute.clone(), function).to_string();

            assert!(!written.contains("isr_layer"), "{written}");
            assert!(!written.contains("compile_error"), "{written}");
        }
    }
}
