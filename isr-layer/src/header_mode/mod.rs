//! Header mode: caches routes that are not pages, as their response headers say (RFC 9111, as a
//! shared cache; RFC 5861).
//!
//! A request takes these steps, in this order:
//!
//! 1. [`classify()`] finds the class; a fresh entry is served as a [`Hit`].
//! 2. [`dispatch()`] passes it on untouched, or hands it to [`unsafe_methods`] or [`request`].
//! 3. [`decide`] looks it up in [`memory`]: it is served, passed on, or joins a [`flight`].
//! 4. The leader of the flight [fetches](fetch) with the client's own headers.
//! 5. [`admit`] judges the response, and [`complete`] stores it as an [`entry`].
//!
//! The files have the names of the pages' engine in `cache/` and `entry/` where they do the same
//! job. Header mode never touches a page, and without `cache_by_headers` none of it runs.

mod admit;
mod cache;
mod cache_control;
mod classify;
mod complete;
mod constraints;
mod decide;
mod directives;
mod dispatch;
mod entry;
mod fetch;
mod fetch_number;
mod flight;
mod freshness;
mod hit;
mod inherited;
mod kind;
mod memory;
mod negative_cache;
mod partial;
mod paths;
mod places;
mod reply;
mod request;
mod target;
mod targeted;
mod unsafe_methods;
pub(crate) mod upstream;
mod validate;
mod vary;

pub(crate) use cache::HeaderCache;
pub(crate) use classify::classify;
pub(crate) use dispatch::dispatch;
pub(crate) use hit::Hit;
