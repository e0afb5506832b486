//! Builds the [`Model`] of a page, and checks all rules that hang on the meaning of the arguments.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Expr, ExprPath, Ident, LitStr, ReturnType, Signature, Type};

use crate::arguments::{self, Argument, Declared};
use crate::diagnostics::Mistakes;
use crate::keys::Keys;
use crate::krate::Krate;
use crate::parse::{Args, Pair};
use crate::policy::Policy;
use crate::{calls, elements, pattern, values};

/// All keys, in the order of the documentation.
const KEYS: Keys = Keys {
    accepted: &[
        "revalidate",
        "expire",
        "tags",
        "query",
        "vary",
        "params",
        "fallback",
        "timeout",
        "max_body",
        "not_found_revalidate",
        "prerender",
        "jitter",
        "allow_empty",
        "allow_temporary",
        "assoc",
        "crate",
    ],
    bare: Some("assoc"),
};

const METHOD: &str =
    "a method needs a path, such as `\"/catalog.v1.Catalog/GetProduct\"`: add it in front";
const PATH: &str = "the path is a string literal, such as `\"/posts/{slug}\"`";

/// One page, ready to expand. After a mistake it holds the valid values and a valid path.
pub(crate) struct Model {
    /// The function's name.
    pub(crate) name: Ident,
    pub(crate) place: Place,
    pub(crate) krate: Krate,
    /// True if this is a unary gRPC method.
    pub(crate) unary: bool,
    pub(crate) pattern: LitStr,
    /// True if `pattern` is the user's. If not, values that depend on the path are not checked.
    path_is_known: bool,
    pub(crate) policy: Policy,
    pub(crate) params: Option<ExprPath>,
    /// The arguments that the generated code checks by type.
    pub(crate) arguments: Vec<Argument>,
    pub(crate) declared: Declared,
}

/// The place of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a module: items can stand beside it.
    Free,
    /// In an `impl` block: a method, or marked with `assoc`.
    Impl,
}

impl Place {
    fn of(sig: &Signature, pairs: &[&Pair]) -> Self {
        let is_marked = pairs.iter().any(|pair| pair.key == "assoc");
        if is_marked || sig.receiver().is_some() {
            return Self::Impl;
        }
        Self::Free
    }
}

impl Model {
    /// Builds the model of a page, and reports the mistakes in its attribute and signature.
    pub(crate) fn new(args: &Args, sig: &Signature, mistakes: &mut Mistakes) -> Self {
        let misplaced = misplaced_path(args);
        let is_key =
            |pair: &&Pair| misplaced.is_none_or(|misplaced: &Pair| misplaced.key != pair.key);
        let pairs = KEYS.known(args.pairs.iter().filter(is_key), mistakes);
        let pattern = mistakes.keep(pattern_of(args.path.as_ref(), misplaced, sig));
        let mut model = Self {
            name: sig.ident.clone(),
            place: Place::of(sig, &pairs),
            krate: Krate::default(),
            unary: calls::is_unary(sig),
            path_is_known: pattern.is_some(),
            pattern: pattern.unwrap_or_else(|| LitStr::new("/", Span::call_site())),
            policy: Policy::default(),
            params: None,
            arguments: Vec::new(),
            declared: Declared::default(),
        };

        for pair in &pairs {
            model.set(pair, mistakes);
        }

        model.policy.check_lifetimes("page", &pairs, mistakes);
        check_signature(sig, mistakes);
        calls::check(sig, mistakes);
        model.arguments = arguments::check(sig, model.declared, mistakes);
        model
    }

    fn set(&mut self, pair: &Pair, mistakes: &mut Mistakes) {
        let key = pair.key.to_string();
        let Some(value) = &pair.value else { return };

        match key.as_str() {
            "crate" => self.krate = Krate::new(mistakes.keep(values::krate(value))),
            "params" => self.params = self.params_of(value, mistakes),
            "tags" => self.policy.tags = self.tags(value, mistakes),
            "query" => {
                self.declared.query = true;
                self.policy.query = elements::each(value, elements::query_name, mistakes);
            }
            "vary" => {
                self.declared.vary = true;
                self.policy.vary = elements::each(value, elements::header_name, mistakes);
            }
            key => self.policy.set(key, value, mistakes),
        }
    }

    fn params_of(&self, value: &Expr, mistakes: &mut Mistakes) -> Option<ExprPath> {
        if self.path_is_known && self.parameters().is_empty() {
            mistakes.at(
                value,
                format!(
                    "`params` without parameters: the path `{}` has none to list",
                    self.pattern.value()
                ),
            );
        }
        mistakes.keep(values::function(value))
    }

    fn tags(&self, value: &Expr, mistakes: &mut Mistakes) -> Vec<String> {
        let path = self.path_is_known.then(|| self.pattern.value());
        let check = |name: &str| elements::parameter(name, path.as_deref());
        elements::each(value, |tag| elements::tag(tag, &check), mistakes)
    }

    /// Returns the names of the path's parameters, in order.
    pub(crate) fn parameters(&self) -> Vec<String> {
        pattern::names(&self.pattern.value())
            .map(str::to_owned)
            .collect()
    }
}

/// Finds the pair that is meant as the path, if there is no path: `path = ..`, or a bare word that
/// is not a misspelled key, such as the name of a constant.
fn misplaced_path(args: &Args) -> Option<&Pair> {
    let mut pairs = args.pairs.iter().filter(|_| args.path.is_none());
    pairs.find(|pair| {
        pair.key == "path" || (pair.value.is_none() && !KEYS.is_like(&pair.key.to_string()))
    })
}

/// Returns the path: the literal, or the function's name.
fn pattern_of(
    path: Option<&Expr>,
    misplaced: Option<&Pair>,
    sig: &Signature,
) -> syn::Result<LitStr> {
    match (path, misplaced) {
        (Some(path), _) => pattern_in(path),
        (None, Some(pair)) if pair.value.is_some() => {
            let message = "the path stands first, without a key: \
                `#[static_page(\"/posts/{slug}\", ..)]`";
            Err(syn::Error::new_spanned(&pair.key, message))
        }
        (None, Some(pair)) => Err(syn::Error::new_spanned(&pair.key, PATH)),
        (None, None) if sig.receiver().is_some() => {
            Err(syn::Error::new_spanned(&sig.ident, METHOD))
        }
        (None, None) => named_after(&sig.ident),
    }
}

fn pattern_in(path: &Expr) -> syn::Result<LitStr> {
    let text = values::text(path).ok_or_else(|| syn::Error::new_spanned(path, PATH))?;
    match pattern::mistake(&text.value()) {
        None => Ok(text.clone()),
        Some(mistake) => Err(syn::Error::new_spanned(text, mistake)),
    }
}

fn named_after(name: &Ident) -> syn::Result<LitStr> {
    let text = name.unraw().to_string();
    let path = if text == "index" {
        "/".to_owned()
    } else {
        format!("/{text}")
    };
    if pattern::mistake(&path).is_some() {
        let message = "this name cannot be a path: add the path, such as `\"/caf%C3%A9\"`";
        return Err(syn::Error::new_spanned(name, message));
    }
    Ok(LitStr::new(&path, Span::call_site()))
}

fn check_signature(sig: &Signature, mistakes: &mut Mistakes) {
    if let Some(token) = &sig.constness {
        mistakes.at(token, "a `const fn` cannot be a page: remove `const`");
    } else if sig.asyncness.is_none() && sig.receiver().is_none() && is_no_future(&sig.output) {
        mistakes.at(
            sig.fn_token,
            "a page is an `async fn`: add `async` in front",
        );
    }
}

/// Returns whether a type is no future by its grammar alone. The generated code checks named types.
fn is_no_future(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, returned) => matches!(
            **returned,
            Type::Array(_) | Type::Reference(_) | Type::Tuple(_)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proc_macro2::TokenStream;
    use quote::quote;
    use syn::parse_quote;

    use super::*;
    use crate::parse::{self, Macro};
    use crate::values::Value;

    fn judge(attribute: TokenStream, sig: &Signature) -> (Model, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let args = parse::args(attribute, Macro::Page, &mut mistakes);
        let model = Model::new(&args, sig, &mut mistakes);
        (model, mistakes.messages())
    }

    fn mistakes(attribute: TokenStream) -> Vec<String> {
        judge(attribute, &parse_quote!(async fn post())).1
    }

    #[test]
    fn a_page_without_a_path_is_named_after_its_function() {
        let (index, _) = judge(quote!(), &parse_quote!(async fn index()));
        let (raw, _) = judge(quote!(revalidate = false), &parse_quote!(async fn r#type()));

        assert_eq!(index.pattern.value(), "/");
        assert_eq!(raw.pattern.value(), "/type");
    }

    #[test]
    fn a_receiver_or_the_word_assoc_means_an_impl_block() {
        let (free, _) = judge(quote!("/a"), &parse_quote!(async fn post()));
        let (method, _) = judge(quote!("/a"), &parse_quote!(async fn post(&self)));
        let (assoc, _) = judge(quote!("/a", assoc), &parse_quote!(async fn post()));

        assert_eq!(
            [free.place, method.place, assoc.place],
            [Place::Free, Place::Impl, Place::Impl]
        );
    }

    #[test]
    fn header_names_are_lower_cased() {
        let (model, mistakes) = judge(
            quote!("/a", vary = ["Accept-Language"]),
            &parse_quote!(async fn post()),
        );

        assert!(mistakes.is_empty());
        assert_eq!(model.policy.vary, ["accept-language"]);
        assert!(model.declared.vary);
    }

    #[test]
    fn equal_lifetimes_are_accepted() {
        assert!(mistakes(quote!("/a", revalidate = 60, expire = "1m")).is_empty());
    }

    #[test]
    fn an_expiry_without_revalidation_is_accepted() {
        assert!(mistakes(quote!("/a", revalidate = false, expire = 60)).is_empty());
    }

    #[test]
    fn a_second_value_is_reported_with_the_first_and_not_used() {
        let (model, mistakes) = judge(
            quote!("/a", expire = 5, expire = 6),
            &parse_quote!(async fn post()),
        );

        assert_eq!(mistakes.len(), 2);
        let five = Duration::from_secs(5);
        assert!(matches!(model.policy.expire, Some(Value::Known(time)) if time == five));
    }

    #[test]
    fn a_wrong_path_is_the_only_mistake() {
        let attribute = quote!(
            "/posts/{slug}.html",
            tags = ["post:{slug}"],
            params = all_slugs
        );

        assert_eq!(mistakes(attribute).len(), 1);
    }

    #[test]
    fn a_misplaced_path_is_the_only_mistake() {
        for attribute in [
            quote!(path = "/posts/{slug}", tags = ["post:{slug}"]),
            quote!(PATH, tags = ["post:{slug}"]),
            quote!(paths::POST, tags = ["post:{slug}"]),
            quote!(concat!("/posts", "/{slug}"), tags = ["post:{slug}"]),
        ] {
            assert_eq!(mistakes(attribute.clone()).len(), 1, "{attribute}");
        }
    }

    #[test]
    fn a_bare_word_like_a_key_is_no_path() {
        assert!(mistakes(quote!(asoc))[0].contains("did you mean `assoc`?"));
        assert!(mistakes(quote!("/posts", PATH))[0].contains("unknown key `PATH`"));
    }

    #[test]
    fn after_a_mistake_the_path_still_is_one() {
        let (model, mistakes) = judge(quote!("posts"), &parse_quote!(async fn post()));

        assert_eq!(mistakes.len(), 1);
        assert_eq!(model.pattern.value(), "/");
    }
}
