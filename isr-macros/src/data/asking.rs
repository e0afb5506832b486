//! The messages for arguments that say who asks, by the names of their types. The generated code
//! checks the types themselves.

use syn::{Signature, Type};

use crate::arguments::{Extractor, can_be_named, parts};
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
