//! Which table of admission an answer is judged by: that of pages, or that of calls.

use bytes::Bytes;
use http::header::{HeaderMap, SET_COOKIE};
use http::response;

use super::admit::{self, Verdict};
use super::call;
use crate::context::Said;
use crate::outcome::Reason;
use crate::recipe::Recipe;

/// What the head of an answer decides; `Store` as long as the rest says nothing else.
pub(crate) fn head(recipe: &Recipe, parts: &response::Parts, checked_in: bool) -> Verdict {
    let table = if recipe.key.is_call() { call::head } else { admit::head };
    table(recipe.page.policy(), &recipe.page.vary, parts, checked_in)
}

/// What a whole answer decides that was read to its end.
pub(crate) fn whole(
    recipe: &Recipe,
    parts: &response::Parts,
    body: &Bytes,
    trailers: Option<&HeaderMap>,
    said: &Said,
) -> Verdict {
    let policy = recipe.page.policy();
    match head(recipe, parts, true) {
        Verdict::Store if trailers.is_some_and(admit::is_too_much) => {
            Verdict::Uncacheable(Reason::TooManyHeaders)
        }
        Verdict::Store if trailers.is_some_and(|trailers| trailers.contains_key(SET_COOKIE)) => {
            Verdict::Uncacheable(Reason::SetCookie)
        }
        Verdict::Store if recipe.key.is_call() => call::whole(policy, parts, body, trailers, said),
        Verdict::Store => admit::body(policy, parts.status, body.len(), said),
        refused => refused,
    }
}
