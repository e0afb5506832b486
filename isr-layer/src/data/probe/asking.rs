//! The messages for arguments that say who asks, by the type that was recognised.

use crate::render::extractors::ClientInput;

/// Returns the error message for an argument with this `input`. A page may declare some of it as a
/// part of its key; of a value nothing is accepted, in the key or outside.
pub const fn refusal(input: Option<ClientInput>) -> Option<&'static str> {
    match input {
        Some(ClientInput::Query(_)) => Some(
            "the query belongs to one request, but all readers share a value: pass what the load \
             needs of it, such as a page number, as an argument of its own",
        ),
        Some(ClientInput::Headers(_)) => Some(
            "headers say who asks, but all readers share a value: pass what the load needs of \
             them, such as a language, as an argument of its own",
        ),
        Some(ClientInput::Identity(_)) => Some(
            "this argument says who asks, but all readers share a value: pass what the load needs \
             of it as an argument of its own",
        ),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::extractors::{NoClientInput as _, Probe};

    #[test]
    fn nothing_of_a_request_is_accepted() {
        assert!(refusal(Probe::<http::HeaderMap>::INPUT).is_some());
        assert!(refusal(Probe::<http::Request<()>>::INPUT).is_some());
        assert!(refusal(Probe::<http::request::Parts>::INPUT).is_some());
        assert!(refusal(Probe::<http::Extensions>::INPUT).is_some());
    }

    #[test]
    fn all_other_types_are_accepted() {
        assert!(refusal(Probe::<String>::INPUT).is_none());
    }
}
