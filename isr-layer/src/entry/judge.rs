//! Which table of admission an answer is judged by: that of pages, or that of calls.

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};
use http::response;

use super::admit::{self, NotStored};
use super::call;
use crate::context::Said;
use crate::outcome::Reason;
use crate::recipe::Recipe;

/// Whether the head of an answer lets it be stored, as long as the rest says nothing else.
pub(crate) fn head(recipe: &Recipe, parts: &response::Parts, handler_ran: bool) -> Result<(), NotStored> {
    let table = if recipe.key.is_call() { call::head } else { admit::head };
    table(recipe.page.policy(), &recipe.page.vary, parts, handler_ran)
}

/// Whether an answer whose head may be stored may be stored indeed, now that it was read to its end.
pub(crate) fn whole(
    recipe: &Recipe,
    parts: &response::Parts,
    body: &Bytes,
    trailers: Option<&HeaderMap>,
    said: &Said,
) -> Result<(), NotStored> {
    let policy = recipe.page.policy();
    if trailers.is_some_and(admit::is_too_much) {
        Err(NotStored::Uncacheable(Reason::TooManyHeaders))
    } else if trailers.is_some_and(|trailers| trailers.contains_key(SET_COOKIE)) {
        Err(NotStored::Uncacheable(Reason::SetCookie))
    } else if recipe.key.is_call() {
        call::whole(policy, parts, body, trailers, said)
    } else {
        admit::body(policy, parts.status, body.len(), said)
    }
}
