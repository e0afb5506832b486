//! The attributes of `isr-layer`. Use them as `isr_layer::static_page` and `isr_layer::static_data`.

mod arguments;
mod calls;
mod data;
mod diagnostics;
mod elements;
mod expand;
mod keys;
mod krate;
mod model;
mod parse;
mod pattern;
mod policy;
mod routes;
mod setters;
mod values;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, quote};

use crate::diagnostics::Mistakes;
use crate::model::{Model, Place};
use crate::parse::{Args, Function, Macro};

/// Registers the function below as a page. The function stays as it is, but for one block in its
/// body.
///
/// `#[static_page("/posts/{slug}", revalidate = 60, tags = ["posts", "post:{slug}"])]`
///
/// # The path
///
/// The first argument is the path as clients request it, with the prefix of a `nest`. It is a
/// string literal that starts with `/`. Each segment is literal text in canonical spelling
/// (`/caf%C3%A9`) or a parameter `{name}`, and the last may be the rest of the path, `{*name}`.
/// Without a path, the page is named after the function: `about` is `/about`, and `index` is `/`.
///
/// A function with several attributes has several paths, each with its own keys. `docs::PATH` and
/// `docs::PAGE` are those of the first attribute, `docs::PAGES` has all of them.
///
/// ```text
/// #[static_page("/docs")]
/// #[static_page("/docs/{*rest}", revalidate = 60)]
/// async fn docs(rest: Option<Path<String>>) -> Html<String> { … }
/// ```
///
/// # The keys
///
/// | key | value | default |
/// |---|---|---|
/// | `revalidate` | time after which the page is stale, or `false`: not before a purge | `false` |
/// | `expire` | time after which the page is not served, at least `revalidate` | never |
/// | `tags` | list of strings of up to 1,024 bytes; `{name}` is that parameter of the path | none |
/// | `query` | list of query parameters in the key; the handler sees only these | none |
/// | `vary` | list of request headers in the key; the handler sees only these | none |
/// | `params` | path of an async function that lists the values of the parameters | none |
/// | `fallback` | for parameters that are not listed: `"render"` or `"not_found"` | `"render"` |
/// | `timeout` | time limit of one render | 30 s |
/// | `max_body` | size limit of a stored body: bytes, or with `B`, `KiB`, `MiB`, `GiB` | `"8MiB"` |
/// | `not_found_revalidate` | time for which a 404 or 410 is kept | 10 s |
/// | `prerender` | `true` or `false`: `prerender` renders the page | `true` |
/// | `jitter` | `true` or `false`: shortens each lifetime by up to 10 %, at random | `false` |
/// | `allow_empty` | `true` or `false`: stores an empty 200 | `false` |
/// | `allow_temporary` | `true` or `false`: stores 203, 302 and 307 | `false` |
/// | `assoc` | without a value: an associated function without `self`, in an `impl` block | |
/// | `crate` | path of `isr-layer`, see [below](#the-name-of-the-crate) | `::isr_layer` |
///
/// A duration is a whole number of seconds, or a string with units: `"500ms"`, `"10m"`, `"1h30m"`,
/// `"7d"`. A constant or an expression of constants is a `u64` of seconds or a `Duration`: `HOUR`,
/// `60 * 60`. A constant size is a `usize`.
///
/// A `params` function is an `async fn` without arguments that returns a list: `Vec<T>`, `[T; N]`,
/// `HashSet<T>`, `BTreeSet<T>`, or a `Result` of one of these. For a path with one parameter, `T`
/// is any value with `Display`; for two to four parameters, a tuple of such values in the order of
/// the path; for any number, a `ParamSet`. If the list needs state, give a closure to
/// `IsrLayerBuilder::params` instead.
///
/// # Generated code
///
/// 1. The function, with one block behind the leading items of its body. The block registers the
///    page, and records at run time that the page's own function runs.
/// 2. Beside a free function, a hidden type of its name. `post::PATH` is the path, `post::PAGE` the
///    page, `post::PAGES` all pages of the function, and `get(post)` still the handler. The name
///    must be free among the types and modules of its scope: `mod post;` beside `fn post` does not
///    compile. Rename one of the two, or move the function into the module.
///
/// A function with a receiver is a method, for instance of a tonic service. It is only registered,
/// it needs a path, and the attribute works under `#[async_trait]`. A method whose only argument is
/// tonic's `Request` is a unary gRPC method: the message is part of the page's key, and `vary`
/// lists metadata. Streaming methods are refused. A function without a receiver in an `impl` block
/// needs `assoc`, since an attribute cannot see the block. Without it, the compiler says "struct is
/// not supported in `trait`s or `impl`s". A generic function is registered, but
/// has to be routed by hand: `.route(post::PATH, post::PAGE.route(post::<Db>))`.
///
/// # The name of the crate
///
/// Generated code names `isr-layer` as `::isr_layer`. If the crate has another name, give its path:
///
/// - `isr = { package = "isr-layer" }` in `Cargo.toml`: `crate = isr`.
/// - A facade crate with `pub use isr_layer;`: `crate = facade::isr_layer`.
/// - A `macro_rules!` macro of that facade: `crate = $crate::isr_layer`.
///
/// Any path that resolves in the place of the function is accepted. To set the name once for all
/// functions, restore it in the root of your crate: `extern crate isr as isr_layer;`. For a facade
/// with `pub use isr_layer::*;`, write `extern crate facade as isr_layer;`.
///
/// # Errors
///
/// Every mistake is a compile error that shows its tokens, and all mistakes are reported at once:
/// an unknown key or one given twice, a value of the wrong kind, an invalid path, a `{name}` that
/// the path lacks, an `expire` below `revalidate`.
///
/// All clients get the same page, so arguments that identify the client are refused: `Extension`,
/// `ConnectInfo`, cookie jars, the whole `Request` and its `Parts`. So are `Query`, `RawQuery` and
/// `OriginalUri` without `query`, and `HeaderMap` and `TypedHeader` without `vary`. Arguments are
/// recognised by the name of their type. If the type mentions no generic parameter and no lifetime,
/// the type itself is checked as well, so that an alias is recognised. An argument with a
/// `#[cfg(..)]` is checked by its type only, and only where it is compiled. The fields of your own
/// extractors are not checked. These checks are a help; the guarantee is that a render gets a
/// request that is made from the page's key alone.
#[proc_macro_attribute]
pub fn static_page(args: TokenStream, item: TokenStream) -> TokenStream {
    expand(args.into(), item.into()).into()
}

/// Keeps the values that the function below loads. Its signature stays as it is.
///
/// `#[static_data(revalidate = "60s", tags = ["posts", "post:{slug}"], skip = [db])]`
///
/// # The key
///
/// Every argument is in the key, so each combination of arguments is a value of its own, unless
/// `skip` names it. Skip only arguments that make no difference to the value, such as a database or
/// a client.
///
/// | an argument is | and needs |
/// |---|---|
/// | in the key | `Serialize`, `PartialEq`, `Clone`, `Send`, `Sync` |
/// | in `skip` | `Clone`, `Send`; by reference also `Sync` |
/// | in a tag, as `{slug}` | to be in the key; `Display` |
///
/// `&T` is kept as the owned type of `T`, by `ToOwned`: `&str` as `String`, `&[i64]` as `Vec<i64>`. All else
/// is owned: `Option<String>`, not `Option<&str>`. A key that does not become JSON, such as a map
/// whose keys are tuples, or that is not equal to itself, such as `NaN`, is loaded each time.
///
/// # The value
///
/// The function returns a value, or a `Result` of one, under any alias. A value is `Clone`, `Send`
/// and `Sync`, and each reader gets a clone: in an `Arc`, it costs nothing. An error is `Send`, is
/// handed to the reader and is never kept. If it is `Clone` and `Sync` as well, all readers that
/// waited for a load share it; otherwise they load themselves, a few at once. `None` is kept for
/// `not_found_revalidate` at most.
///
/// Values are bounded by their bytes. `String`, `Vec`, `Option`, `Arc`, `Box`, maps, tuples and
/// numbers tell theirs; a type of yours counts 4 KiB, or 4 KiB for each in a list, unless it
/// implements [`Weight`](https://docs.rs/isr-layer/latest/isr_layer/data/trait.Weight.html).
///
/// # The keys of the attribute
///
/// | key | value | default |
/// |---|---|---|
/// | `revalidate` | time after which a value is stale, or `false`: not before a purge | `false` |
/// | `expire` | time after which a value is not handed out, at least `revalidate` | never |
/// | `tags` | list of strings of up to 1,024 bytes; `{name}` is that argument | none |
/// | `skip` | list of arguments that are not in the key | none |
/// | `name` | the name by which a purge names the values | the function's |
/// | `timeout` | time limit of one load | 30 s |
/// | `not_found_revalidate` | time for which `None` is kept | 10 s |
/// | `jitter` | `true` or `false`: shortens each lifetime by up to 10 %, at random | `false` |
/// | `crate` | path of `isr-layer`, as for `#[static_page]` | `::isr_layer` |
///
/// A duration is written as for `#[static_page]`: seconds, a string with units, or a constant.
///
/// # Generated code
///
/// 1. The function, with a body that reads the value. Your body moves into a function inside of it,
///    which gets the arguments and nothing else.
/// 2. Beside it, a hidden type of its name. `post::DATA` names the values, for instance in
///    `Purge::data(post::DATA)`. The name must be free among the types and modules of its scope.
///
/// Another attribute below this one changes each call; one above has changed the body before, so it
/// changes each load. `#[tracing::instrument]` above makes a span for each load.
///
/// A function that calls itself goes through a function that returns
/// `Pin<Box<dyn Future<Output = T> + Send>>`.
///
/// # Panics
///
/// The function panics if its load panicked or took longer than `timeout`, and there is no earlier
/// value.
///
/// # Errors
///
/// Every mistake is a compile error that shows its tokens, and all mistakes are reported at once:
/// an argument that is not `Serialize`, a name in `skip` or in a tag that is no argument, a value
/// that cannot be cloned. Methods, generic functions, arguments of type `impl Trait` and patterns
/// as arguments are refused, and so is a function without `async`.
///
/// All readers share a value, so arguments that say who asks are refused, in the key and in `skip`:
/// `HeaderMap`, `Request`, `Parts`, `Extensions`, cookie jars and sessions. They are recognised as
/// those of `#[static_page]` are; the fields of your own types are not checked.
///
/// Two functions of one name are an error of `build()`.
#[proc_macro_attribute]
pub fn static_data(args: TokenStream, item: TokenStream) -> TokenStream {
    data::attribute(args.into(), item.into()).into()
}

/// Writes the second group of tokens, unless the first one names an associated function: those have
/// no items beside them.
#[doc(hidden)]
#[proc_macro]
pub fn __free_functions(tokens: TokenStream) -> TokenStream {
    routes::free_functions(tokens.into()).into()
}

/// Parses, checks and expands. The function is written in any case, so that a mistake in the
/// attribute does not make errors elsewhere.
fn expand(args: Tokens, item: Tokens) -> Tokens {
    let mut mistakes = Mistakes::default();

    let args = parse::args(args, Macro::Page, &mut mistakes);
    let Some(mut function) = mistakes.keep(parse::function(item.clone(), Macro::Page)) else {
        let errors = mistakes.into_tokens();
        return quote!(#item #errors);
    };

    let models = models(args, &mut function, &mut mistakes);
    if mistakes.is_empty() {
        return expand::pages(&function, &models);
    }

    // Without the other attributes: each would write the items beside the function once more.
    let item = function.to_token_stream();
    let (beside, errors) = (expand::beside(&function, &models), mistakes.into_tokens());
    quote!(#item #beside #errors)
}

/// Makes the model of this attribute's page, and of the page of each `#[static_page]` below it.
fn models(args: Args, function: &mut Function, mistakes: &mut Mistakes) -> Vec<Model> {
    let more = parse::take_pages(function, mistakes);
    let mut models = std::iter::once(args)
        .chain(more)
        .map(|args| Model::new(&args, &function.sig, mistakes))
        .collect::<Vec<_>>();

    // `assoc` says something about the function, so one is enough.
    if models.iter().any(|model| model.place == Place::Impl) {
        for model in &mut models {
            model.place = Place::Impl;
        }
    }
    models
}
