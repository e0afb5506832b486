//! Refuses arguments that would show the handler more than the page's key holds. Extractors are
//! recognised by name here, and by type in the generated code.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, PathArguments, PathSegment, Signature, Type,
};

use crate::diagnostics::Mistakes;
use crate::parse;

/// Client input that the attribute adds to the page's key, and that the handler may see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) query: bool,
    pub(crate) vary: bool,
}

/// An argument that the generated code checks by type.
pub(crate) struct Argument {
    pub(crate) ty: Type,
    /// The argument's own `#[cfg(..)]`. The check must be compiled out together with it.
    pub(crate) cfgs: Vec<Attribute>,
}

const QUERY: &str = "this argument would always be empty, since the page declares no query \
    parameters: list those that the handler reads, such as `query = [\"page\"]`";
const HEADERS: &str = "this argument would always be empty, since the page declares no request \
    headers: list those that the handler reads, such as `vary = [\"accept-language\"]`";
const COOKIES: &str = "cookies identify the client, but all clients get the same page: accepted \
    are `State`, `Path`, `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";
const SESSION: &str = "a session belongs to one client, but all clients get the same page: accepted \
    are `State`, `Path`, `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";
const EXTENSION: &str =
    "an extension may identify the client, but all clients get the same page: take `State`";
const ADDRESS: &str = "an address identifies the client, but all clients get the same page: \
    accepted are `State`, `Path`, `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";
const BODY: &str = "a page is rendered for a GET without a body: read it in a route without the \
    attribute, and purge the page there";
const SOCKET: &str =
    "a page is a stored response, and a WebSocket is not: leave the attribute away";
const REQUEST: &str = "a page cannot depend on the whole request: accepted are `State`, `Path`, \
    `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`";

/// Reports the arguments that are refused by name, and returns those to check by type.
pub(crate) fn check(sig: &Signature, declared: Declared, mistakes: &mut Mistakes) -> Vec<Argument> {
    let method = sig.receiver().is_some();
    let mut unknown = Vec::new();

    for argument in &sig.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        let cfgs = parse::cfgs(&argument.attrs);
        for part in parts(&argument.ty) {
            match refusal(part, declared, method) {
                // An argument with a `cfg` may be compiled out: only the compiler knows.
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

/// Returns the extractors in a type: the elements of a tuple, the content of `Option` and `Result`.
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

/// Client input that an extractor gives, as the name of its type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extractor {
    Query,
    Headers,
    Cookies,
    Session,
    Extension,
    Address,
    /// For a GET, axum's `Form` reads the query.
    Form,
    Body,
    Socket,
    Request,
    Parts,
}

impl Extractor {
    /// Recognises the type by its name.
    pub(crate) fn named(ty: &Type) -> Option<Self> {
        let Type::Path(path) = ty else { return None };
        let segment = path.path.segments.last()?;
        let generic = !segment.arguments.is_none();

        match segment.ident.to_string().as_str() {
            "Query" if generic => Some(Self::Query),
            "RawQuery" => Some(Self::Query),
            "HeaderMap" => Some(Self::Headers),
            "TypedHeader" if generic => Some(Self::Headers),
            "CookieJar" | "PrivateCookieJar" | "SignedCookieJar" | "Cookies" => Some(Self::Cookies),
            "Session" | "AuthSession" => Some(Self::Session),
            "Extension" if generic => Some(Self::Extension),
            "ConnectInfo" if generic => Some(Self::Address),
            "Form" if generic => Some(Self::Form),
            "Json" if generic => Some(Self::Body),
            "Multipart" => Some(Self::Body),
            "WebSocketUpgrade" => Some(Self::Socket),
            "Request" => Some(Self::Request),
            "Parts" => Some(Self::Parts),
            _ => None,
        }
    }
}

/// Returns the error message for an argument whose type has a name that is refused.
fn refusal(ty: &Type, declared: Declared, method: bool) -> Option<&'static str> {
    match Extractor::named(ty)? {
        Extractor::Query | Extractor::Form if declared.query => None,
        Extractor::Query | Extractor::Form => Some(QUERY),
        Extractor::Headers => (!declared.vary).then_some(HEADERS),
        Extractor::Cookies => Some(COOKIES),
        Extractor::Session => Some(SESSION),
        Extractor::Extension => Some(EXTENSION),
        Extractor::Address => Some(ADDRESS),
        Extractor::Body => Some(BODY),
        Extractor::Socket => Some(SOCKET),
        // In a method this is tonic's `Request`, which holds declared input only.
        Extractor::Request if method => None,
        Extractor::Request | Extractor::Parts => Some(REQUEST),
    }
}

/// Returns whether an item outside the function can name the type. It cannot if the type mentions
/// a generic parameter of the function, a lifetime, `impl`, `Self` or `_`.
pub(crate) fn can_be_named(ty: &Type, sig: &Signature) -> bool {
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

/// Returns whether the tokens hold a reference, a lifetime or a matching word.
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
    fn every_refused_argument_is_reported() {
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
