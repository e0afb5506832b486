//! Recognises, by type, arguments through which a handler would see who asks.
//!
//! `#[static_page]` writes `Probe::<Argument>::LEAK`. For the types named here an inherent constant answers; for all
//! others the one of [`Harmless`], since an inherent item beats a trait's. So aliases are seen through as well.

use std::marker::PhantomData;

#[cfg(feature = "axum-0_8")]
mod axum;

/// What a type would show, with the message that says what is accepted instead.
#[derive(Clone, Copy, Debug)]
pub enum Leak {
    /// Query parameters, fine when the page declares some.
    Query(&'static str),
    /// Request headers, fine when the page declares some.
    Headers(&'static str),
    /// Who asks: never part of a page.
    Caller(&'static str),
}

/// Asks about the type `T`.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The answer for every type that is not named.
pub trait Harmless {
    /// Nothing leaks.
    const LEAK: Option<Leak> = None;
}

impl<T: ?Sized> Harmless for Probe<T> {}

/// Why a page that declares query parameters (`query`) or headers (`vary`), or neither, cannot have such an argument.
pub const fn refusal(leak: Option<Leak>, query: bool, vary: bool) -> Option<&'static str> {
    match leak {
        Some(Leak::Query(message)) if !query => Some(message),
        Some(Leak::Headers(message)) if !vary => Some(message),
        Some(Leak::Caller(message)) => Some(message),
        _ => None,
    }
}

const WHOLE_REQUEST: Leak = Leak::Caller(
    "a page is not made from the whole request: accepted are `State`, `Path`, `Query` with `query = [..]` and \
     `HeaderMap` with `vary = [..]`",
);

impl<V> Probe<http::HeaderMap<V>> {
    /// Headers.
    pub const LEAK: Option<Leak> = Some(Leak::Headers(
        "a `HeaderMap` would always be empty, since the page's key holds no request header: name those it uses, as \
         `vary = [\"accept-language\"]`",
    ));
}

impl<B> Probe<http::Request<B>> {
    /// All there is.
    pub const LEAK: Option<Leak> = Some(WHOLE_REQUEST);
}

impl Probe<http::request::Parts> {
    /// All but the body.
    pub const LEAK: Option<Leak> = Some(WHOLE_REQUEST);
}

impl Probe<http::Extensions> {
    /// Whatever middleware found out.
    pub const LEAK: Option<Leak> = Some(WHOLE_REQUEST);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias = http::HeaderMap;

    #[test]
    fn an_alias_is_seen_through() {
        assert!(matches!(Probe::<Alias>::LEAK, Some(Leak::Headers(_))));
    }

    #[test]
    fn all_other_types_are_harmless() {
        assert!(Probe::<String>::LEAK.is_none());
    }

    #[test]
    fn what_is_declared_may_be_seen() {
        let headers = Probe::<http::HeaderMap>::LEAK;

        assert!(refusal(headers, true, false).is_some());
        assert!(refusal(headers, false, true).is_none());
        assert!(refusal(Probe::<http::request::Parts>::LEAK, true, true).is_some());
    }
}
