//! Writes the generated code: a struct beside the function, and a block inside it. Cannot fail.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, ExprPath, ReturnType, Type};

use crate::arguments::can_be_named;
use crate::diagnostics::ends;
use crate::krate::Krate;
use crate::model::{Model, Place};
use crate::parse::{self, Function};
use crate::setters::setters;

/// Writes the function with the registration of its pages, and the items beside it.
pub(crate) fn pages(function: &Function, models: &[Model]) -> TokenStream {
    let body = with_registration(function, models);
    let beside = beside(function, models);
    quote!(#body #beside)
}

/// Writes the items beside a free function: its paths and pages under its own name, and the checks
/// of its arguments.
///
/// These are written after a mistake as well, so that `post::PATH` elsewhere does not fail, too.
pub(crate) fn beside(function: &Function, models: &[Model]) -> TokenStream {
    let Some(first) = models.first().filter(|first| first.place == Place::Free) else {
        return TokenStream::new();
    };

    let (vis, name, pattern) = (&function.vis, &first.name, &first.pattern);
    let (krate, pages) = (&first.krate, models.iter().map(declaration));
    let count = models.len();
    let cfgs = parse::cfgs(&function.attrs);
    let checks = models.iter().map(|model| checks_beside(&cfgs, model));
    let is_async = is_async(function, &cfgs, krate);

    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[non_exhaustive]
        #[allow(non_camel_case_types, dead_code, missing_debug_implementations)]
        #vis struct #name {}
        #(#cfgs)*
        #[allow(dead_code)]
        impl #name {
            #[doc = "The path of the page; of several pages, that of the first."]
            #vis const PATH: &'static str = #pattern;
            #[doc = "The page as it is declared; of several pages, the first."]
            #vis const PAGE: #krate::Page = Self::PAGES[0];
            #[doc = "All pages of the function."]
            #vis const PAGES: [#krate::Page; #count] = [#(#pages),*];
        }
        #(#checks)*
        #is_async
    }
}

/// Writes a check that a function without `async` returns a future, if its type can be named.
fn is_async(function: &Function, cfgs: &[Attribute], krate: &Krate) -> TokenStream {
    let sig = &function.sig;
    let ReturnType::Type(_, returned) = &sig.output else {
        return TokenStream::new();
    };
    if sig.asyncness.is_some() || !can_be_named(returned, sig) {
        return TokenStream::new();
    }

    let (start, end) = ends(returned);
    let check = quote_spanned!(start=> is_future::<#returned>);
    let check = quote_spanned!(end=> #check());
    quote! {
        #(#cfgs)*
        const _: () = {
            const fn is_future<F: #krate::__private::PageFuture>() {}
            #check
        };
    }
}

fn checks_beside(cfgs: &[Attribute], model: &Model) -> TokenStream {
    let checks = model.arguments.iter().map(|argument| {
        let (check, own) = (check(&argument.ty, model), &argument.cfgs);
        let allow = quote!(#[allow(unused_imports, deprecated)]);
        quote!(#(#cfgs)* #(#own)* #allow const _: () = #check;)
    });
    checks.collect()
}

/// Writes the user's function, with the registration behind the leading items of its body.
fn with_registration(function: &Function, models: &[Model]) -> TokenStream {
    let (attrs, vis, sig) = (&function.attrs, &function.vis, &function.sig);
    let (leading, rest) = (&function.leading, &function.rest);
    let registration = registration(models);

    let mut tokens = quote!(#(#attrs)* #vis #sig);
    function.brace.surround(&mut tokens, |body| {
        body.extend(quote!(#leading #registration #rest));
    });
    tokens
}

/// Registers the pages, and marks at run time that their function runs.
///
/// The block keeps the constant out of the body, which may have one of that name. With the
/// semicolon, the block is never the value of the function, so that a missing value is reported
/// as such.
fn registration(models: &[Model]) -> TokenStream {
    let Some(first) = models.first() else {
        return TokenStream::new();
    };
    let (krate, count) = (&first.krate, models.len());
    let pages = models.iter().map(declaration);
    let checks = models.iter().map(checks_inside);
    let each = 0..count;

    quote! {
        {
            const __ISR_PAGES: [#krate::Page; #count] = [#(#pages),*];
            #(
                #krate::__private::inventory::submit! {
                    #krate::__private::Registered(__ISR_PAGES[#each])
                }
            )*
            #(#checks)*
            #krate::__private::mark_handler_ran(&__ISR_PAGES);
        };
    }
}

/// Writes the checks of a function in an `impl` block. Only its body can name the types, since they
/// may mention the block's generic parameters.
fn checks_inside(model: &Model) -> TokenStream {
    if model.place == Place::Free {
        return TokenStream::new();
    }

    let checks = model.arguments.iter().map(|argument| {
        let (check, cfgs) = (check(&argument.ty, model), &argument.cfgs);
        quote!(#(#cfgs)* const #check)
    });
    checks.collect()
}

/// Writes the page as an expression. Its place is that of the attribute, so that copies of the
/// function, which `#[debug_handler]` makes, register one and the same page.
fn declaration(model: &Model) -> TokenStream {
    let (krate, pattern) = (&model.krate, &model.pattern);
    let policy = policy(model);
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

/// Writes the list as a function pointer. Errors about its type show the user's path.
fn params(list: &ExprPath, model: &Model) -> TokenStream {
    let names = model.parameters();
    let end = ends(list).1;
    let krate = model.krate.at(end);
    let call = quote_spanned!(end=> #krate::__private::list_params(&[#(#names),*], #list));
    quote!(.with_params(|| #call))
}

fn policy(model: &Model) -> TokenStream {
    let (krate, setters) = (&model.krate, setters(&model.policy, &model.krate));
    quote!(#krate::Policy::new() #setters)
}

/// Writes a block that fails to compile if the argument's type is refused. The error shows that
/// type.
fn check(argument: &Type, model: &Model) -> TokenStream {
    let krate = &model.krate;
    let (query, vary) = (model.declared.query, model.declared.vary);

    let (start, end) = ends(argument);
    let path = quote_spanned!(start=> ::core::panic!);
    // A name that is spanned at the user's tokens would be theirs.
    let (name, text) = (quote!(message), quote!("{}"));
    let message = quote_spanned!(end=> (#text, #name));

    quote! {{
        use #krate::__private::NoClientInput as _;
        let input = #krate::__private::Probe::<#argument>::INPUT;
        let refusal = #krate::__private::refusal(input, #query, #vary);
        if let ::core::option::Option::Some(#name) = refusal {
            #path #message
        }
    }}
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
