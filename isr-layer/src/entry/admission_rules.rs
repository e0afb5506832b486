//! Chooses the admission rules for a response: those of pages or those of gRPC methods.

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};
use http::response;

use super::admit::{self, NotStored};
use super::grpc;
use crate::outcome::Reason;
use crate::render::Recipe;
use crate::render::context::HandlerHints;

/// Checks whether the head of a response lets it be stored, provided that [`whole`] agrees.
pub(crate) fn head(
    recipe: &Recipe,
    parts: &response::Parts,
    handler_ran: bool,
) -> Result<(), NotStored> {
    let table = if recipe.key.is_grpc() {
        grpc::head
    } else {
        admit::head
    };
    table(recipe.page.policy(), &recipe.page.vary, parts, handler_ran)
}

/// Returns true if a response that may be stored says that there is no such page. It is stored for
/// a short time, and is never a fallback.
pub(crate) fn is_not_found(
    recipe: &Recipe,
    parts: &response::Parts,
    trailers: Option<&HeaderMap>,
) -> bool {
    if recipe.key.is_grpc() {
        grpc::is_not_found(&parts.headers, trailers)
    } else {
        admit::is_not_found(parts.status)
    }
}

/// Checks whether a response may be stored whose head allows it, now that it was read to its end.
pub(crate) fn whole(
    recipe: &Recipe,
    parts: &response::Parts,
    body: &Bytes,
    trailers: Option<&HeaderMap>,
    hints: &HandlerHints,
) -> Result<(), NotStored> {
    let policy = recipe.page.policy();

    // Trailers are stored as headers are, so the rules for headers hold for them too.
    if trailers.is_some_and(admit::has_too_many_fields) {
        Err(NotStored::Uncacheable(Reason::TooManyHeaders))
    } else if trailers.is_some_and(|trailers| trailers.contains_key(SET_COOKIE)) {
        Err(NotStored::Uncacheable(Reason::SetCookie))
    } else if recipe.key.is_grpc() {
        grpc::whole(policy, parts, body, trailers, hints)
    } else {
        admit::body(policy, parts.status, body.len(), hints)
    }
}
