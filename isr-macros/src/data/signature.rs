//! Refuses functions that cannot be loads, and lists the arguments of all others.

use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    FnArg, GenericParam, Pat, PatType, ReturnType, Safety, Signature, Type, TypeReference,
    parse_quote,
};

use super::argument::Argument;
use super::asking;
use crate::diagnostics::Mistakes;

/// The most arguments of a value: the most elements of a tuple that the standard library compares.
const MAX_ARGUMENTS: usize = 12;

const NOT_ASYNC: &str = "a value is loaded by an `async fn`: add `async` in front";
const CONST: &str = "a `const fn` cannot load a value: remove `const`";
const UNSAFE: &str =
    "an `unsafe fn` cannot load a value: remove `unsafe`, and call what is unsafe in the body";
const EXTERN: &str = "an `extern fn` cannot load a value: remove `extern`";
const VARIADIC: &str = "a variadic function cannot load a value: take a slice";
const RECEIVER: &str = "a method cannot load a value: write a function outside of the `impl` \
    block, and take what it needs of `self` as an argument";
const GENERIC: &str = "a generic function cannot load a value: each type would be a value of its \
    own; write a function for each type";
const IMPL_ARGUMENT: &str = "an argument of type `impl Trait` makes the function generic: name the \
    type, such as `&str` or `String`";
const IMPL_RETURNED: &str = "the type of a value has a name: write it in place of `impl Trait`";
const NOTHING: &str = "a value is what the function returns: add its type, such as \
    `-> Result<Option<Post>, Error>`";
const BORROWS: &str = "this value borrows, but it is kept longer than its arguments live: return \
    an owned type, such as `String` or `Arc<str>`";
const MUTABLE: &str = "an argument of type `&mut T` cannot be kept for a refresh: take `&T`";
const NESTED: &str = "this argument borrows inside of its type, so it cannot be kept for a \
    refresh: a reference stands in front of the whole type, such as in `&str`, and all else is \
    owned, such as `Option<String>`";
const PATTERN: &str = "a pattern cannot be named by `tags` and `skip`: give this argument a name, \
    and take it apart in the body";
const UNNAMED: &str = "an argument of a value has a name: write one in place of `_`";
const CFG: &str = "an argument with a `#[cfg(..)]` is not supported: put it in front of two \
    functions";

/// Reports all parts of a function's head that a load cannot have, and returns the type of the
/// function.
pub(super) fn check(sig: &Signature, mistakes: &mut Mistakes) -> Type {
    if let Some(token) = &sig.constness {
        mistakes.at(token, CONST);
    } else if sig.asyncness.is_none() {
        mistakes.at(sig.fn_token, NOT_ASYNC);
    }
    if let Safety::Unsafe(token) = &sig.safety {
        mistakes.at(token, UNSAFE);
    }
    if let Some(abi) = &sig.abi {
        mistakes.at(abi, EXTERN);
    }
    if let Some(dots) = &sig.variadic {
        mistakes.at(dots, VARIADIC);
    }

    let generic = |parameter: &&GenericParam| !matches!(parameter, GenericParam::Lifetime(_));
    for parameter in sig.generics.params.iter().filter(generic) {
        mistakes.at(parameter, GENERIC);
    }
    returned(sig, mistakes)
}

fn returned(sig: &Signature, mistakes: &mut Mistakes) -> Type {
    let ReturnType::Type(_, returned) = &sig.output else {
        // Without `async`, one message is enough.
        if sig.asyncness.is_some() {
            mistakes.at(&sig.ident, NOTHING);
        }
        return parse_quote!(());
    };

    let tokens = returned.to_token_stream();
    if sig.asyncness.is_none() {
        // A future may be an `impl Trait`, and may borrow.
    } else if mentions(tokens.clone(), "impl") {
        mistakes.at(returned, IMPL_RETURNED);
    } else if borrows(tokens) {
        mistakes.at(returned, BORROWS);
    }
    Type::clone(returned)
}

/// Lists the arguments, and reports those that cannot be kept.
pub(super) fn arguments(sig: &Signature, mistakes: &mut Mistakes) -> Vec<Argument> {
    let mut arguments = Vec::new();

    for input in &sig.inputs {
        match input {
            FnArg::Receiver(receiver) => mistakes.at(receiver, RECEIVER),
            FnArg::Typed(typed) => arguments.extend(argument(typed, sig, mistakes)),
        }
    }
    if let Some(input) = sig.inputs.iter().nth(MAX_ARGUMENTS) {
        let message = format!("at most {MAX_ARGUMENTS} arguments are accepted: take a struct");
        mistakes.at(input, message);
    }

    arguments
}

fn argument(typed: &PatType, sig: &Signature, mistakes: &mut Mistakes) -> Option<Argument> {
    let cfg = |word: &str| word == "cfg" || word == "cfg_attr";
    for attribute in &typed.attrs {
        let path = attribute.path().get_ident().map(ToString::to_string);
        if path.is_some_and(|path| cfg(&path)) {
            mistakes.at(attribute, CFG);
        }
    }

    let ty = ungrouped(&typed.ty);
    let borrowed = match ty {
        Type::Reference(reference) if !is_static(reference) => Some(ungrouped(&reference.elem)),
        _ => None,
    };
    let kept = borrowed.unwrap_or(ty);
    let asking = asking::check(kept, sig, mistakes);
    if mentions(kept.to_token_stream(), "impl") {
        mistakes.at(ty, IMPL_ARGUMENT);
    } else if matches!(ty, Type::Reference(reference) if reference.mutability.is_some()) {
        mistakes.at(ty, MUTABLE);
    } else if borrows(kept.to_token_stream()) {
        mistakes.at(ty, NESTED);
    }

    match &*typed.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            Some(Argument {
                name: pattern.ident.clone(),
                ty: kept.clone(),
                is_borrowed: borrowed.is_some(),
                is_skipped: false,
                asking,
            })
        }
        Pat::Wild(wild) => {
            mistakes.at(wild, UNNAMED);
            None
        }
        pattern => {
            mistakes.at(pattern, PATTERN);
            None
        }
    }
}

/// Returns whether this is `&'static T`, which lives long enough as it is.
fn is_static(reference: &TypeReference) -> bool {
    let lifetime = reference.lifetime.as_ref();
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

/// Unwraps the invisible groups in which variables of `macro_rules!` arrive, and parentheses.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

/// Returns whether the tokens hold this word.
fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Ident(ident) => ident == word,
        _ => false,
    })
}

/// Returns whether a type holds a reference or a lifetime other than `'static`. Those in the
/// signature of a function that the type holds do not count.
fn borrows(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();

    while let Some(token) = tokens.next() {
        let is_borrow = match token {
            TokenTree::Group(group) => borrows(group.stream()),
            // `&'static`: the lifetime that follows decides.
            TokenTree::Punct(punct) if punct.as_char() == '&' => !is_punct(tokens.peek(), '\''),
            TokenTree::Punct(punct) if punct.as_char() == '\'' => !matches!(
                tokens.peek(),
                Some(TokenTree::Ident(name)) if name == "static"
            ),
            TokenTree::Ident(word) if is_callable(&word) => {
                skip_signature(&mut tokens);
                false
            }
            TokenTree::Ident(word) if word == "for" => {
                while tokens
                    .next_if(|token| !is_punct(Some(token), '>'))
                    .is_some()
                {}
                false
            }
            _ => false,
        };
        if is_borrow {
            return true;
        }
    }

    false
}

fn is_callable(word: &Ident) -> bool {
    ["fn", "Fn", "FnMut", "FnOnce"]
        .iter()
        .any(|name| word == name)
}

fn is_punct(token: Option<&TokenTree>, expected: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}

/// Skips `(&str) -> &'a`, where it follows.
fn skip_signature(tokens: &mut Peekable<IntoIter>) {
    if tokens
        .next_if(|token| matches!(token, TokenTree::Group(_)))
        .is_none()
    {
        return;
    }

    let arrow = ['-', '>', '&'];
    let found = arrow.map(|part| {
        tokens
            .next_if(|token| is_punct(Some(token), part))
            .is_some()
    });

    if found == [true; 3]
        && tokens
            .next_if(|token| is_punct(Some(token), '\''))
            .is_some()
    {
        tokens.next();
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn judge(sig: Signature) -> (Vec<Argument>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let _ = check(&sig, &mut mistakes);
        let arguments = arguments(&sig, &mut mistakes);
        (arguments, mistakes.messages())
    }

    #[test]
    fn what_cannot_be_a_load_is_refused() {
        let heads: [(Signature, &str); 9] = [
            (parse_quote!(fn post() -> u8), NOT_ASYNC),
            (parse_quote!(const fn post() -> u8), CONST),
            (parse_quote!(async unsafe fn post() -> u8), UNSAFE),
            (parse_quote!(async extern "C" fn post() -> u8), EXTERN),
            (parse_quote!(async fn post<T>() -> u8), GENERIC),
            (parse_quote!(async fn post<const N: usize>() -> u8), GENERIC),
            (parse_quote!(async fn post(&self) -> u8), RECEIVER),
            (parse_quote!(async fn post(self: Arc<Self>) -> u8), RECEIVER),
            (parse_quote!(async fn post()), NOTHING),
        ];

        for (sig, message) in heads {
            let written = quote::quote!(#sig).to_string();
            assert_eq!(judge(sig).1, [message], "{written}");
        }
        let variadic = parse_quote!(unsafe extern "C" fn post(n: u8, ...) -> u8);
        assert_eq!(judge(variadic).1, [NOT_ASYNC, UNSAFE, EXTERN, VARIADIC]);
    }

    #[test]
    fn a_reference_stands_in_front_of_a_type_or_is_static() {
        let (arguments, mistakes) = judge(parse_quote!(
            async fn post<'a>(
                a: &'a str,
                b: &[&'static str],
                c: &'static str,
                d: Option<&'static [Cow<'static, str>]>,
                e: (&(u8)),
                f: Arc<dyn for<'b> Fn(&'b str) -> &'b str + Send + Sync>,
                g: &fn(&str, (u8, &u8)) -> &u8,
            ) -> Result<Arc<str>, &'static str>
        ));

        assert!(mistakes.is_empty(), "{mistakes:?}");
        let borrowed = arguments.iter().map(|argument| argument.is_borrowed);
        assert_eq!(
            borrowed.collect::<Vec<_>>(),
            [true, true, false, false, true, false, true]
        );
    }

    #[test]
    fn a_type_that_borrows_inside_is_refused() {
        let (_, mistakes) = judge(parse_quote!(
            async fn post<'a>(
                a: Option<&str>,
                b: &[&str],
                c: Cow<'a, str>,
                d: &Row<'_>,
                e: (fn(&str) -> u8, &str),
                f: &mut u8,
            ) -> u8
        ));

        assert_eq!(mistakes, [NESTED, NESTED, NESTED, NESTED, NESTED, MUTABLE]);
    }

    #[test]
    fn a_value_that_borrows_or_has_no_name_is_refused() {
        for (sig, message) in [
            (parse_quote!(async fn post(a: &str) -> &str), BORROWS),
            (parse_quote!(async fn post(a: &str) -> Row<'_>), BORROWS),
            (parse_quote!(async fn post(a: &str) -> (u8, &str)), BORROWS),
            (parse_quote!(async fn post() -> impl Clone), IMPL_RETURNED),
            (
                parse_quote!(async fn post() -> Vec<impl Clone>),
                IMPL_RETURNED,
            ),
        ] {
            assert_eq!(judge(sig).1, [message]);
        }
    }

    #[test]
    fn every_argument_has_a_name() {
        let (arguments, mistakes) = judge(parse_quote!(
            async fn post(mut a: u8, _b: u8, r#type: u8, _: u8, (c, d): (u8, u8)) -> u8
        ));

        let names: Vec<String> = arguments.iter().map(Argument::text).collect();
        assert_eq!(names, ["a", "_b", "type"]);
        assert_eq!(mistakes, [UNNAMED, PATTERN]);
    }

    #[test]
    fn types_of_databases_are_no_extractors() {
        let (arguments, mistakes) = judge(parse_quote!(
            async fn post(a: Json<u8>, b: &Form<u8>, c: &SearchRequest) -> u8
        ));

        assert!(mistakes.is_empty(), "{mistakes:?}");
        let checked = arguments.iter().map(|argument| argument.asking.len());
        assert_eq!(checked.collect::<Vec<_>>(), [1, 1, 1]);
    }
}
