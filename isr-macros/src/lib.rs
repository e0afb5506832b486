//! The attribute of `isr-layer`. Use it as `isr_layer::static_page`.

mod arguments;
mod calls;
mod diagnostics;
mod elements;
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

/// The attribute registers the function below it as a page and leaves the function as it is.
///
/// `#[static_page("/posts/{slug}", revalidate = 60, tags = ["posts", "post:{slug}"])]`
///
/// # The path
///
/// The first argument is the path as clients request it, a `nest` prefix included: a string that starts with `/`. A segment
/// is literal text in its canonical spelling (`/caf%C3%A9`), a parameter `{name}`, or, in the last place, the rest of
/// the path `{*name}`. Without a path the page is named after the function: `about` is `/about`, and `index` is `/`.
///
/// # The keys
///
/// | key | value | default |
/// |---|---|---|
/// | `revalidate` | how long the page is fresh, or `false`: until it is purged | `false` |
/// | `expire` | how long it may be served at all, not below `revalidate` | for ever |
/// | `tags` | list of strings; `{name}` stands for that parameter of the path; 256 bytes each | none |
/// | `query` | list of the query parameters that are part of the key; the handler sees no others | none |
/// | `vary` | list of the request headers that are part of the key; the handler sees no others | none |
/// | `params` | path of an async function that lists what the parameters can be | none |
/// | `fallback` | for parameters that are not listed: `"render"`, or `"not_found"` | `"render"` |
/// | `timeout` | how long one render may take | 30 s |
/// | `max_body` | the largest body that is kept: bytes, or a string with `B`, `KiB`, `MiB`, `GiB` | `"8MiB"` |
/// | `not_found_revalidate` | how long a 404 or 410 is kept | 10 s |
/// | `prerender` | whether `prerender` renders the page: `true` or `false` | `true` |
/// | `jitter` | whether each lifetime is shortened by up to 10 %, so that not all pages go stale at once | `false` |
/// | `allow_empty` | whether an empty 200 is kept | `false` |
/// | `allow_temporary` | whether 203, 302 and 307 are kept | `false` |
/// | `assoc` | a bare word: the function is an associated one, without `self`, in an `impl` block | |
/// | `crate` | path of `isr-layer`, see [below](#the-name-of-the-crate) | `::isr_layer` |
///
/// A duration is a whole number of seconds, or a string with units: `"500ms"`, `"10m"`, `"1h30m"`, `"7d"`.
///
/// A `params` function is an `async fn` without arguments that gives `Vec<T>` or `Result<Vec<T>, E>`. `T` is a text or a
/// whole number for a path with one parameter, a tuple of them for two to four, in the order of the path, and a `ParamSet`
/// for any. A function that needs state is given to the builder instead.
///
/// # What is written
///
/// 1. The function, unchanged but for three statements behind the leading items of its body: they register the page and
///    say, at run time, that this page's own function runs.
/// 2. Beside a free function, under its name, a hidden type: `post::PATH` is the path and `post::PAGE` the page, and
///    `get(post)` is the handler still. The name must be free among the types and modules of its scope.
///    `mod post;` beside `fn post` does not compile: rename one of the two, or move the function into the module.
///
/// A function with a receiver is a method, of a tonic service for instance: it is only registered, it must give its path,
/// and the attribute works under `#[async_trait]`. One whose only argument is tonic's `Request` is a unary gRPC method: its
/// page is keyed by the message, and `vary` names metadata. A method that streams is refused. A function without one inside an `impl` block says so with `assoc`, since an
/// attribute cannot see where it stands. A generic function is registered, but has to be routed by hand:
/// `.route(post::PATH, get(post::<Db>))`.
///
/// # The name of the crate
///
/// Generated code names this crate `::isr_layer`. Where the crate has another name, say which:
///
/// - `isr = { package = "isr-layer" }` in `Cargo.toml`: `crate = isr`.
/// - A facade that re-exports the crate, with `pub use isr_layer;`: `crate = facade::isr_layer`.
/// - A `macro_rules!` macro of that facade: `crate = $crate::isr_layer`.
///
/// Any path that resolves where the function stands will do. To say it once for all functions of a
/// crate, give the dependency its own name back in the root of the crate:
/// `extern crate isr as isr_layer;`, or `extern crate facade as isr_layer;` for a facade that has
/// `pub use isr_layer::*;`.
///
/// # Errors
///
/// Every mistake is a compile error under the tokens that make it, all of them at once: an unknown key or one given twice,
/// a value of the wrong kind, a path that is none, a `{name}` the path lacks, `expire` below `revalidate`.
///
/// So is an argument through which the handler would see who asks, since a page is the same for everybody: `Extension`,
/// `ConnectInfo`, cookie jars, the whole `Request` or its `Parts`; `Query`, `RawQuery` and `OriginalUri` without `query`;
/// `HeaderMap` and `TypedHeader` without `vary`. They are known by name and, in arguments that mention no generic parameter
/// and no lifetime, by type, so that an alias helps nobody. Your own extractors are not looked into. An argument with a `#[cfg(..)]`
/// is judged by type alone, and only where it is compiled. This is help; the
/// guarantee is that a render is given nothing that is not in the page's key.
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
    let message = "expected a function with a body below `#[static_page]`";
    syn::parse2(item).map_err(|error| syn::Error::new(error.span(), message))
}
