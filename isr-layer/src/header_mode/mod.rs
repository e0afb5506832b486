//! Header mode: routes that are no pages, cached as their answers' own headers say (RFC 9111 as a shared cache, RFC 5861).
//!
//! A straight line of its own beside the pages': a request is sorted ([`classify`]), looked up ([`HeaderCache`]), fetched with
//! the client's own headers ([`request`]), and its answer judged ([`admit`]) and kept ([`entry`]). Nothing of it touches a
//! page, and without `from_response_headers` none of it runs.

mod admit;
mod birth;
mod cache;
mod cache_control;
mod classify;
mod complete;
mod decide;
mod directives;
mod dispatch;
mod entry;
mod fetch;
mod flight;
mod freshness;
mod hit;
mod memory;
mod negative_cache;
mod partial;
mod request;
mod target;
mod targeted;
mod unsafe_methods;
mod validate;
mod vary;

pub(crate) use cache::HeaderCache;
pub(crate) use classify::classify;
pub(crate) use dispatch::answer;
pub(crate) use hit::Hit;
