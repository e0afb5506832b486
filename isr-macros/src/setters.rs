//! Writes the setters of a policy.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

use crate::diagnostics::ends;
use crate::krate::Krate;
use crate::policy::{Fallback, Policy};
use crate::values::Value;

/// Writes a call for each value that the policy has.
pub(crate) fn setters(policy: &Policy, krate: &Krate) -> TokenStream {
    let mut setters = TokenStream::new();
    let mut set = |setter, value: Option<TokenStream>| {
        setters.extend(value.map(|value| call(setter, &value)));
    };

    let time = |value: &Option<Value<Duration>>| value.as_ref().map(|value| time(value, krate));
    set("revalidate", time(&policy.revalidate));
    set("expire", time(&policy.expire));
    set("not_found_revalidate", time(&policy.not_found_revalidate));
    set("timeout", time(&policy.timeout));
    set("max_body", policy.max_body.as_ref().map(size));
    set(
        "fallback",
        policy.fallback.map(|which| fallback(which, krate)),
    );
    set("jitter", policy.jitter.map(flag));
    set("prerender", policy.prerender.map(flag));
    set("allow_empty", policy.allow_empty.map(flag));
    set("allow_temporary", policy.allow_temporary.map(flag));
    set("tags", list(&policy.tags));
    set("query", list(&policy.query));
    set("vary", list(&policy.vary));

    setters
}

fn call(setter: &str, value: &TokenStream) -> TokenStream {
    let setter = Ident::new(setter, Span::call_site());
    quote!(.#setter(#value))
}

fn size(size: &Value<u64>) -> TokenStream {
    match size {
        Value::Known(bytes) => Literal::u64_unsuffixed(*bytes).into_token_stream(),
        Value::Constant(constant) => constant.into_token_stream(),
    }
}

fn flag(on: bool) -> TokenStream {
    quote!(#on)
}

/// Writes a time. Errors about the type or the value of a constant show the constant.
fn time(time: &Value<Duration>, krate: &Krate) -> TokenStream {
    match time {
        Value::Known(time) => {
            let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
            quote!(::core::time::Duration::new(#seconds, #nanos))
        }
        Value::Constant(constant) => {
            let (start, end) = ends(constant);
            let krate = krate.at(start);
            let new = quote_spanned!(start=> #krate::__private::SecondsOrDuration);
            quote_spanned!(end=> #new(#constant).above_zero())
        }
    }
}

fn fallback(fallback: Fallback, krate: &Krate) -> TokenStream {
    match fallback {
        Fallback::Render => quote!(#krate::Fallback::Render),
        Fallback::NotFound => quote!(#krate::Fallback::NotFound),
    }
}

fn list(list: &[String]) -> Option<TokenStream> {
    (!list.is_empty()).then(|| quote!(&[#(#list),*]))
}
