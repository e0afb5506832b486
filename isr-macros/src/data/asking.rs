//! The messages for arguments that say who asks, by the names of their types. The generated code
//! checks the types themselves.

use syn::{GenericArgument, PathArguments, PathSegment, Signature, Type};

use crate::arguments::{Extractor, can_be_named};
use crate::diagnostics::Mistakes;

const HEADERS: &str = "headers say who asks, but all readers share a value: pass what the load \
    needs of them, such as a language, as an argument of its own";
const QUERY: &str = "the query belongs to one request, but all readers share a value: pass what \
    the load needs of it, such as a page number, as an argument of its own";
const COOKIES: &str = "cookies say who asks, but all readers share a value: load what belongs to \
    one client without the attribute";
const SESSION: &str = "a session says who asks, but all readers share a value: load what belongs \
    to one client without the attribute (import a session of a database by another name)";
const EXTENSION: &str = "an extension may say who asks, but all readers share a value: pass what \
    the load needs of it as an argument of its own";
const ADDRESS: &str = "an address says who asks, but all readers share a value: load what belongs \
    to one client without the attribute";
const REQUEST: &str = "a request says who asks, but all readers share a value: pass what the load \
    needs of it as arguments of their own";

/// Types that hold others. A pool of sessions is not among them: its sessions are a database's.
const HOLDERS: [&str; 10] = [
    "Option", "Result", "Arc", "Box", "Rc", "Cow", "Vec", "Mutex", "RwLock", "OnceLock",
];

/// Reports the parts of an argument's type that are refused by their names, and returns those that
/// the generated code checks by type.
pub(super) fn check(ty: &Type, sig: &Signature, mistakes: &mut Mistakes) -> Vec<Type> {
    let mut unknown = Vec::new();

    for part in parts(ty) {
        match Extractor::named(part).and_then(refusal) {
            Some(message) => mistakes.at(part, message),
            None if can_be_named(part, sig) => unknown.push(part.clone()),
            None => {}
        }
    }

    unknown
}

/// Returns the error message for an extractor. A body and a socket cannot be cloned, so that these
/// types are refused without it; types of databases have such names, too.
fn refusal(extractor: Extractor) -> Option<&'static str> {
    match extractor {
        Extractor::Headers => Some(HEADERS),
        Extractor::Query => Some(QUERY),
        Extractor::Cookies => Some(COOKIES),
        Extractor::Session => Some(SESSION),
        Extractor::Extension => Some(EXTENSION),
        Extractor::Address => Some(ADDRESS),
        Extractor::Request | Extractor::Parts => Some(REQUEST),
        Extractor::Form | Extractor::Body | Extractor::Socket => None,
    }
}

/// Returns the types that a type holds, or the type itself.
fn parts(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::Group(group) => parts(&group.elem),
        Type::Paren(paren) => parts(&paren.elem),
        Type::Reference(reference) => parts(&reference.elem),
        Type::Slice(slice) => parts(&slice.elem),
        Type::Array(array) => parts(&array.elem),
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(parts).collect(),
        Type::Path(path) => match path.path.segments.last().map(held) {
            Some(held) if !held.is_empty() => held.into_iter().flat_map(parts).collect(),
            _ => vec![ty],
        },
        _ => vec![ty],
    }
}

fn held(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    if !HOLDERS.iter().any(|holder| segment.ident == holder) {
        return Vec::new();
    }

    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn judge(ty: &Type) -> (Vec<String>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let left = check(ty, &parse_quote!(async fn post()), &mut mistakes);
        let left = left.iter().map(|ty| ty.to_token_stream().to_string());
        (left.collect(), mistakes.messages())
    }

    #[test]
    fn a_type_that_holds_a_request_is_refused_too() {
        for ty in [
            parse_quote!(Request<()>),
            parse_quote!(Arc<axum::extract::Request>),
            parse_quote!([Option<Box<Request>>; 2]),
            parse_quote!((u8, &[std::sync::Mutex<http::request::Parts>])),
        ] {
            assert_eq!(judge(&ty).1, [REQUEST], "{}", ty.to_token_stream());
        }
    }

    #[test]
    fn a_pool_of_sessions_is_a_databases() {
        let (left, mistakes) = judge(&parse_quote!(Arc<Pool<Session>>));

        assert!(mistakes.is_empty(), "{mistakes:?}");
        assert_eq!(left, ["Pool < Session >"]);
        assert_eq!(judge(&parse_quote!(&Session)).1, [SESSION]);
    }
}
