//! Builds the [`Model`] of a value, and checks all rules that hang on the meaning of the arguments.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Ident, LitStr, Signature, Type};

use super::argument::Argument;
use super::names::{self, Tag};
use super::signature;
use crate::diagnostics::Mistakes;
use crate::keys::Keys;
use crate::krate::Krate;
use crate::parse::{Args, Pair};
use crate::policy::Policy;
use crate::values;

const KEYS: Keys = Keys {
    accepted: &[
        "revalidate",
        "expire",
        "tags",
        "skip",
        "name",
        "timeout",
        "not_found_revalidate",
        "jitter",
        "crate",
    ],
    bare: None,
};

const PERSIST: &str = "`persist` does not exist yet: values are kept in memory alone";

/// One value, ready to expand. After a mistake it holds the valid values.
pub(crate) struct Model {
    /// The function's name.
    pub(crate) function: Ident,
    /// The value's name.
    pub(crate) name: LitStr,
    pub(crate) krate: Krate,
    pub(crate) policy: Policy,
    pub(crate) arguments: Vec<Argument>,
    /// The type that the function returns.
    pub(crate) returned: Type,
    pub(crate) tags: Vec<Tag>,
    /// True if items can stand beside the function.
    pub(crate) is_free: bool,
}

impl Model {
    /// Builds the model of a value, and reports the mistakes in its attribute and signature.
    pub(crate) fn new(args: &Args, sig: &Signature, mistakes: &mut Mistakes) -> Self {
        let pairs = KEYS.known(left(args, mistakes), mistakes);
        let returned = signature::check(sig, mistakes);
        let mut model = Self {
            function: sig.ident.clone(),
            name: LitStr::new(&sig.ident.unraw().to_string(), Span::call_site()),
            krate: Krate::default(),
            policy: Policy::default(),
            arguments: signature::arguments(sig, mistakes),
            returned,
            tags: Vec::new(),
            is_free: sig.receiver().is_none(),
        };

        // A tag is judged by the arguments that are skipped, wherever `skip` stands.
        let is_skip = |pair: &&&Pair| pair.key == "skip";
        let skipped = pairs.iter().filter(is_skip);
        let others = pairs.iter().filter(|pair| !is_skip(pair));
        for pair in skipped.chain(others) {
            model.set(pair, mistakes);
        }

        model.policy.check_lifetimes("value", &pairs, mistakes);
        model
    }

    fn set(&mut self, pair: &Pair, mistakes: &mut Mistakes) {
        let key = pair.key.to_string();
        let Some(value) = &pair.value else { return };

        match key.as_str() {
            "crate" => self.krate = Krate::new(mistakes.keep(values::krate(value))),
            "skip" => names::skip(value, &mut self.arguments, mistakes),
            "tags" => self.tags = names::tags(value, &self.arguments, mistakes),
            "name" => {
                if let Some(name) = mistakes.keep(names::name(value)) {
                    self.name = name;
                }
            }
            key => self.policy.set(key, value, mistakes),
        }
    }
}

/// Returns the pairs but for keys that do not exist yet, which are reported.
fn left<'a>(args: &'a Args, mistakes: &mut Mistakes) -> Vec<&'a Pair> {
    let (planned, left): (Vec<_>, Vec<_>) =
        args.pairs.iter().partition(|pair| pair.key == "persist");
    for pair in planned {
        mistakes.at(&pair.key, PERSIST);
    }
    left
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;
    use syn::parse_quote;

    use super::*;
    use crate::parse::{self, Macro};

    fn judge(attribute: TokenStream, sig: &Signature) -> (Model, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let args = parse::args(attribute, Macro::Data, &mut mistakes);
        let model = Model::new(&args, sig, &mut mistakes);
        (model, mistakes.messages())
    }

    fn post() -> Signature {
        parse_quote!(async fn post(db: &Db, slug: &str, r#type: u8) -> u8)
    }

    #[test]
    fn a_value_is_named_after_its_function() {
        let (raw, _) = judge(quote!(), &parse_quote!(async fn r#type() -> u8));
        let (named, _) = judge(quote!(name = "blog.post"), &post());

        assert_eq!(raw.name.value(), "type");
        assert_eq!(named.name.value(), "blog.post");
    }

    #[test]
    fn a_tag_names_arguments_of_the_key_wherever_skip_stands() {
        for attribute in [
            quote!(tags = ["a{slug}b{type}", "{{"], skip = [db]),
            quote!(skip = [db], tags = ["a{slug}b{type}", "{db}"]),
            quote!(tags = ["a{slug}b{type}", "{db}"], skip = [db]),
            quote!(tags = ["a{slug}b{type}", "{r#type}"], skip = [db]),
        ] {
            let (model, mistakes) = judge(attribute.clone(), &post());

            assert_eq!(mistakes.len(), 1, "{attribute}: {mistakes:?}");
            assert_eq!(model.tags.len(), 1);
            assert_eq!(model.tags[0].format, "a{}b{}");
            assert_eq!(model.tags[0].arguments, [1, 2]);
        }
    }

    #[test]
    fn skip_lists_arguments_once() {
        let (model, mistakes) = judge(quote!(skip = [db, r#type, db, id, "slug", 7]), &post());

        let skipped = model.arguments.iter().map(|argument| argument.is_skipped);
        assert_eq!(skipped.collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
    }

    #[test]
    fn keys_of_pages_are_unknown() {
        for key in ["query", "vary", "params", "max_body", "assoc", "prerender"] {
            let key = Ident::new(key, Span::call_site());
            let (_, mistakes) = judge(quote!(#key = 1), &post());

            assert_eq!(mistakes.len(), 1);
            assert!(mistakes[0].starts_with("unknown key"), "{mistakes:?}");
        }
    }

    #[test]
    fn a_path_and_persist_are_refused() {
        let (_, mistakes) = judge(quote!("/posts", persist, revalidate = 60), &post());

        assert_eq!(mistakes.len(), 2);
        assert!(mistakes[0].contains("no path"), "{mistakes:?}");
        assert_eq!(mistakes[1], PERSIST);
    }
}
