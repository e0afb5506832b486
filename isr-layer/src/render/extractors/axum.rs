//! The extractors of axum that give client input.

use axum::Extension;
use axum::extract::{ConnectInfo, OriginalUri, Query, RawQuery};

use super::{ClientInput, Probe};

const QUERY: ClientInput = ClientInput::Query(
    "this argument would always be empty, since the page declares no query parameters: list those \
     that the handler reads, such as `query = [\"page\"]`",
);

impl<T> Probe<Query<T>> {
    /// Query parameters.
    pub const INPUT: Option<ClientInput> = Some(QUERY);
}

impl Probe<RawQuery> {
    /// Query parameters.
    pub const INPUT: Option<ClientInput> = Some(QUERY);
}

impl Probe<OriginalUri> {
    /// Query parameters, beside the page's own path.
    pub const INPUT: Option<ClientInput> = Some(ClientInput::Query(
        "the query of this URI would always be empty, since the page declares no query parameters: \
         list those that the handler reads, such as `query = [\"page\"]`, or take `Path`",
    ));
}

impl<T> Probe<Extension<T>> {
    /// Values that middleware added.
    pub const INPUT: Option<ClientInput> = Some(ClientInput::Identity(
        "an extension may identify the client, but all clients get the same page: take `State`",
    ));
}

impl<T> Probe<ConnectInfo<T>> {
    /// The client's address.
    pub const INPUT: Option<ClientInput> = Some(ClientInput::Identity(
        "an address identifies the client, but all clients get the same page: accepted are \
         `State`, `Path`, `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`",
    ));
}
