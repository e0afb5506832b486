//! Arguments through which a handler would see who asks: known by their names here, by their types in the generated code.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, PathArguments, PathSegment, Signature, Type,
};

use crate::diagnostics::Mistakes;
use crate::parse;

/// What the attribute puts into the page's key, and so lets the handler see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) query: bool,
    pub(crate) vary: bool,
}

/// An argument whose type is left for the compiler to judge.
pub(crate) struct Argument {
    pub(crate) ty: Type,
    /// The argument's `#[cfg(..)]`: where it is compiled out, so is the judgement.
    pub(crate) cfgs: Vec<Attribute>,
}

const QUERY: &str = "this argument would always be empty, since the page declares no query \
    parameters: list those that the handler reads, such as `query = [\"page\"]`";
const HEADERS: &str = "this argument would always be empty, since the page declares no request \
    headers: list those that the handler reads, such as `vary = [\"accept-language\"]`";
const COOKIES: &str = "cookies identify the client, but all clients get the same page: accepted are \
    `State`, `Path`, `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";
const EXTENSION: &str =
    "an extension may identify the client, but all clients get the same page: take `State`";
const ADDRESS: &str = "an address identifies the client, but all clients get the same page: accepted \
    are `State`, `Path`, `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";
const REQUEST: &str = "a page cannot depend on the whole request: accepted are `State`, `Path`, \
    `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";

/// Reports every argument known by its name, and gives the types that are left for the compiler to judge.
pub(crate) fn check(sig: &Signature, declared: Declared, mistakes: &mut Mistakes) -> Vec<Argument> {
    let method = sig.receiver().is_some();
    let mut unknown = Vec::new();
    for argument in &sig.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        let cfgs = parse::cfgs(&argument.attrs);
        for part in parts(&argument.ty) {
            match leak(part, declared, method) {
                Some(message) if cfgs.is_empty() => mistakes.at(part, message),
                _ if can_be_named(part, sig) => {
                    let (ty, cfgs) = (part.clone(), cfgs.clone());
                    unknown.push(Argument { ty, cfgs });
                }
                _ => {}
            }
        }
    }
    unknown
}

/// What is extracted in the end: the elements of a tuple, and what `Option` and `Result` hold.
fn parts(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::Group(group) => parts(&group.elem),
        Type::Paren(paren) => parts(&paren.elem),
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(parts).collect(),
        Type::Path(path) => match path.path.segments.last().and_then(held) {
            Some(held) => parts(held),
            None => vec![ty],
        },
        _ => vec![ty],
    }
}

fn held(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let first = arguments.args.first()?;
    match first {
        GenericArgument::Type(ty) if segment.ident == "Option" || segment.ident == "Result" => {
            Some(ty)
        }
        _ => None,
    }
}

/// Says what is wrong with an argument of this type, judged by its name alone.
fn leak(ty: &Type, declared: Declared, method: bool) -> Option<&'static str> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    let generic = !segment.arguments.is_none();
    match segment.ident.to_string().as_str() {
        "Query" if generic && !declared.query => Some(QUERY),
        "RawQuery" if !declared.query => Some(QUERY),
        "HeaderMap" if !declared.vary => Some(HEADERS),
        "TypedHeader" if generic && !declared.vary => Some(HEADERS),
        "CookieJar" | "PrivateCookieJar" | "SignedCookieJar" => Some(COOKIES),
        "Extension" if generic => Some(EXTENSION),
        "ConnectInfo" if generic => Some(ADDRESS),
        // A method of a tonic service takes tonic's own `Request`, which holds what was declared and no more.
        "Request" if !method => Some(REQUEST),
        "Parts" => Some(REQUEST),
        _ => None,
    }
}

/// Whether an item of its own can name the type: it mentions no parameter of the function, no lifetime, no `impl`.
fn can_be_named(ty: &Type, sig: &Signature) -> bool {
    let parameters: Vec<String> = sig.generics.params.iter().filter_map(parameter).collect();
    let unnamed =
        |word: &str| ["Self", "impl", "_"].contains(&word) || parameters.iter().any(|p| p == word);
    matches!(ty, Type::Path(_)) && !mentions(ty.to_token_stream(), &unnamed)
}

fn parameter(parameter: &GenericParam) -> Option<String> {
    match parameter {
        GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
        GenericParam::Const(parameter) => Some(parameter.ident.to_string()),
        GenericParam::Lifetime(_) => None,
    }
}

/// Whether the tokens hold a reference, a lifetime or one of these words.
fn mentions(tokens: TokenStream, word: &impl Fn(&str) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Ident(ident) => word(&ident.to_string()),
        TokenTree::Punct(punct) => ['\'', '&'].contains(&punct.as_char()),
        TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn judge(sig: Signature, declared: Declared) -> (Vec<String>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let left = check(&sig, declared, &mut mistakes);
        let left = left
            .iter()
            .map(|Argument { ty, .. }| quote!(#ty).to_string().replace(' ', ""))
            .collect();
        (mistakes.messages(), left)
    }

    #[test]
    fn a_query_needs_its_names_in_the_key() {
        let sig: Signature = parse_quote!(fn post(page: axum::extract::Query<Page>));

        let (without, _) = judge(sig.clone(), Declared::default());
        let (with, _) = judge(
            sig,
            Declared {
                query: true,
                vary: false,
            },
        );

        assert_eq!(without, [QUERY]);
        assert!(with.is_empty());
    }

    #[test]
    fn headers_need_their_names_in_the_key() {
        let sig: Signature = parse_quote!(fn post(headers: HeaderMap));

        let (without, _) = judge(sig.clone(), Declared::default());
        let (with, _) = judge(
            sig,
            Declared {
                query: false,
                vary: true,
            },
        );

        assert_eq!(without, [HEADERS]);
        assert!(with.is_empty());
    }

    #[test]
    fn every_leaking_argument_is_reported() {
        let sig: Signature = parse_quote!(fn post(
            jar: CookieJar,
            user: Option<Extension<User>>,
            address: ConnectInfo<SocketAddr>,
            both: (Parts, Request),
        ));

        let (messages, left) = judge(
            sig,
            Declared {
                query: true,
                vary: true,
            },
        );

        assert_eq!(messages, [COOKIES, EXTENSION, ADDRESS, REQUEST, REQUEST]);
        assert!(left.is_empty());
    }

    #[test]
    fn a_method_takes_tonics_request() {
        let (messages, left) = judge(
            parse_quote!(fn get(&self, r: Request<Get>)),
            Declared::default(),
        );

        assert!(messages.is_empty());
        assert_eq!(left, ["Request<Get>"]);
    }

    #[test]
    fn an_argument_that_may_be_compiled_out_is_left_to_the_compiler() {
        let sig: Signature =
            parse_quote!(fn post(#[cfg(any())] headers: HeaderMap, jar: CookieJar));

        let (messages, left) = judge(sig, Declared::default());

        assert_eq!(messages, [COOKIES]);
        assert_eq!(left, ["HeaderMap"]);
    }

    #[test]
    fn only_types_an_item_can_name_are_left_to_the_compiler() {
        let sig: Signature = parse_quote!(fn post<T, const N: usize>(
            a: Path<String>,
            b: State<T>,
            c: Sized<N>,
            d: Cow<'_, str>,
            e: &str,
            f: impl Into<String>,
            g: Vec<Self>,
        ));

        let (_, left) = judge(sig, Declared::default());

        assert_eq!(left, ["Path<String>"]);
    }
}
