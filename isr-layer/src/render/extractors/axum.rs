//! The extractors of axum through which a handler would see who asks.

use axum::Extension;
use axum::extract::{ConnectInfo, OriginalUri, Query, RawQuery};

use super::{Leak, Probe};

const QUERY: Leak = Leak::Query(
    "this would always be empty, since the page's key holds no query parameter: name those it uses, as \
     `query = [\"page\"]`",
);

impl<T> Probe<Query<T>> {
    /// Query parameters.
    pub const LEAK: Option<Leak> = Some(QUERY);
}

impl Probe<RawQuery> {
    /// Query parameters.
    pub const LEAK: Option<Leak> = Some(QUERY);
}

impl Probe<OriginalUri> {
    /// Query parameters, beside the page's own path.
    pub const LEAK: Option<Leak> = Some(Leak::Query(
        "the query of this would always be empty, since the page's key holds no query parameter: name those it uses, \
         as `query = [\"page\"]`, or take `Path`",
    ));
}

impl<T> Probe<Extension<T>> {
    /// Whatever middleware found out.
    pub const LEAK: Option<Leak> = Some(Leak::Caller(
        "an extension may say who asks, and a page is the same for everybody: take `State`",
    ));
}

impl<T> Probe<ConnectInfo<T>> {
    /// The client's address.
    pub const LEAK: Option<Leak> = Some(Leak::Caller(
        "the client's address says who asks, and a page is the same for everybody: accepted are `State`, `Path`, \
         `Query` with `query = [..]` and `HeaderMap` with `vary = [..]`",
    ));
}
