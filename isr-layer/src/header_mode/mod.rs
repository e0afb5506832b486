//! Header mode: routes that are no pages, cached as their answers' own headers say (RFC 9111 as a shared cache, RFC 5861).
//!
//! A straight line of its own beside the pages': a request is sorted ([`sort`]), looked up ([`HeaderMode`]), fetched with
//! the client's own headers ([`visit`]), and its answer judged ([`admit`]) and kept ([`stored`]). Nothing of it touches a
//! page, and without `from_response_headers` none of it runs.

mod admit;
mod answer;
mod directives;
mod fetch;
mod flights;
mod freshness;
mod hit;
mod memory;
mod mode;
mod sort;
mod stored;
mod target;
mod targeted;
mod unsafe_methods;
mod validate;
mod vary;
mod visit;

pub(crate) use answer::answer;
pub(crate) use hit::Hit;
pub(crate) use mode::HeaderMode;
pub(crate) use sort::sort;
