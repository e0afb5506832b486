//! Recognises, by type, arguments that would show the handler more than the page's key holds.
//!
//! `#[static_page]` writes `Probe::<Argument>::INPUT`. The types named here have an inherent
//! constant of that name; all others get the one of [`NoClientInput`], since an inherent item beats
//! a trait's. A type alias is the type, so aliases are recognised as well.

use std::marker::PhantomData;

#[cfg(feature = "axum-0_8")]
mod axum;

/// Client input that an argument would show, with the message that says what is accepted instead.
#[derive(Clone, Copy, Debug)]
pub enum ClientInput {
    /// Query parameters, accepted when the page declares some.
    Query(&'static str),
    /// Request headers, accepted when the page declares some.
    Headers(&'static str),
    /// The client's identity, never accepted.
    Identity(&'static str),
}

/// Asks about the type `T`.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The constant of every type that has none of its own.
pub trait NoClientInput {
    /// No client input.
    const INPUT: Option<ClientInput> = None;
}

impl<T: ?Sized> NoClientInput for Probe<T> {}

/// Returns the error message for an argument with this `input`, unless the page declares query
/// parameters (`query`) or headers (`vary`) and so accepts it.
pub const fn refusal(input: Option<ClientInput>, query: bool, vary: bool) -> Option<&'static str> {
    match input {
        Some(ClientInput::Query(message)) if !query => Some(message),
        Some(ClientInput::Headers(message)) if !vary => Some(message),
        Some(ClientInput::Identity(message)) => Some(message),
        _ => None,
    }
}

const WHOLE_REQUEST: ClientInput = ClientInput::Identity(
    "a page cannot depend on the whole request: accepted are `State`, `Path`, `Query` with \
     `query = [..]` and `HeaderMap` with `vary = [..]`",
);

impl<V> Probe<http::HeaderMap<V>> {
    /// Headers.
    pub const INPUT: Option<ClientInput> = Some(ClientInput::Headers(
        "this argument would always be empty, since the page declares no request headers: list \
         those that the handler reads, such as `vary = [\"accept-language\"]`",
    ));
}

impl<B> Probe<http::Request<B>> {
    /// The whole request.
    pub const INPUT: Option<ClientInput> = Some(WHOLE_REQUEST);
}

impl Probe<http::request::Parts> {
    /// The request without its body.
    pub const INPUT: Option<ClientInput> = Some(WHOLE_REQUEST);
}

impl Probe<http::Extensions> {
    /// Values that middleware added.
    pub const INPUT: Option<ClientInput> = Some(WHOLE_REQUEST);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias = http::HeaderMap;

    #[test]
    fn an_alias_is_seen_through() {
        assert!(matches!(
            Probe::<Alias>::INPUT,
            Some(ClientInput::Headers(_))
        ));
    }

    #[test]
    fn all_other_types_are_accepted() {
        assert!(Probe::<String>::INPUT.is_none());
    }

    #[test]
    fn declared_input_is_accepted() {
        let headers = Probe::<http::HeaderMap>::INPUT;

        assert!(refusal(headers, true, false).is_some());
        assert!(refusal(headers, false, true).is_none());
        assert!(refusal(Probe::<http::request::Parts>::INPUT, true, true).is_some());
    }
}
