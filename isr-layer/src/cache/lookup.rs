//! The look-up: what a request is at first sight. The path every request takes, so it allocates nothing.

use std::hash::Hash;
use std::sync::Arc;

use http::{Method, Request};
use http_body::Body;
use quick_cache::Equivalent;

use super::core::Core;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::grpc::is_grpc;
use crate::hosts::Host;
use crate::page::{RegisteredPage, canonical};
use crate::render::{Key, KeyRef, PathKey};

/// What a request is at a first glance.
pub(crate) enum FastLookup {
    /// No page, and nothing else of ours: it passes untouched.
    NotAPage,
    /// A page that is fresh in memory, at the time it was looked at.
    Fresh(Arc<Entry>, Instant),
    /// It takes a second look.
    Undecided,
}

/// What a request is at a second look.
pub(crate) enum Lookup<'a> {
    /// No page.
    NotAPage,
    /// At the path of a page, for a host that is not listed: it passes untouched.
    Unlisted,
    /// A page that is fresh in memory, at the time it was looked at.
    Fresh(Arc<Entry>, Instant),
    /// A page whose draft the client may see.
    Draft(&'a Arc<RegisteredPage>),
    /// A page that is not fresh in memory.
    Page(&'a Arc<RegisteredPage>, KeyRef<'a>),
    /// A call of a page for that host of the list: its message has to be read before it has a key.
    Grpc(&'a Arc<RegisteredPage>, Option<&'a Arc<Host>>),
}

impl Core {
    /// Glances at a request whose public path is `raw`: what most requests are is told without looking closer.
    #[inline]
    pub(crate) fn lookup_fast<B: Body>(&self, request: &Request<B>, raw: &str) -> FastLookup {
        if !self.registry.may_have(raw) {
            return if self.header_mode.is_none() {
                FastLookup::NotAPage
            } else {
                FastLookup::Undecided
            };
        }
        if !may_be_read(request) {
            return FastLookup::Undecided;
        }
        // What is in memory has canonical keys: a raw path that finds something is canonical itself, and it is the whole
        // key if the entry's key is nothing else. Where there are drafts no entry says so: who asks has to be looked at.
        let now = clock::now();
        match self.fresh(&PathKey(raw), now) {
            Some(entry) if entry.is_keyed_by_path => FastLookup::Fresh(entry, now),
            _ => FastLookup::Undecided,
        }
    }

    /// Looks at a request whose public path is `raw`, and which a glance has not told.
    pub(crate) fn lookup<'a, B: Body>(
        &'a self,
        request: &'a Request<B>,
        raw: &'a str,
    ) -> Lookup<'a> {
        let sight = if may_be_read(request) {
            self.lookup_page(request, raw)
        } else {
            self.lookup_grpc(request, raw)
        };
        sight.unwrap_or(Lookup::NotAPage)
    }

    /// The path of a method has one spelling: no client of gRPC writes another.
    fn lookup_grpc<B>(&self, request: &Request<B>, raw: &str) -> Option<Lookup<'_>> {
        let page = self.registry.unary(raw).filter(|_| is_grpc(request))?;
        Some(
            page.host(request)
                .map_or(Lookup::Unlisted, |host| Lookup::Grpc(page, host)),
        )
    }

    fn lookup_page<'a, B>(&'a self, request: &'a Request<B>, raw: &'a str) -> Option<Lookup<'a>> {
        let path = canonical(raw)?;
        let page = self.registry.find(&path).filter(|page| !page.is_unary())?;
        let Ok(host) = page.host(request) else {
            return Some(Lookup::Unlisted);
        };
        if self.shows_draft(request.headers()) {
            return Some(Lookup::Draft(page));
        }
        let host = host.map(AsRef::as_ref);
        let key = KeyRef::new(page, path, request.uri().query(), host, request.headers())?;
        let was_looked_for = page.is_keyed_by_path() && self.config.draft.is_none();
        let now = clock::now();
        let fresh = if was_looked_for {
            None
        } else {
            self.fresh(&key, now)
        };
        Some(match fresh {
            Some(entry) => Lookup::Fresh(entry, now),
            None => Lookup::Page(page, key),
        })
    }

    #[inline(always)]
    pub(crate) fn fresh(
        &self,
        key: &(impl Hash + Equivalent<Key>),
        now: Instant,
    ) -> Option<Arc<Entry>> {
        let entry = self.memory.get(key)?;
        if entry.is_fresh(&self.marks, now) {
            Some(entry)
        } else {
            None
        }
    }
}

/// Whether a request may be a page's: it reads, and brings nothing.
#[inline]
fn may_be_read<B: Body>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream()
}
