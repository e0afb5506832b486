//! Classifies a request and looks it up in memory. Every request runs [`Core::lookup_fast`], so it
//! must not allocate.

use std::borrow::Cow;
use std::hash::Hash;
use std::sync::Arc;

use http::{Method, Request};
use http_body::Body;
use quick_cache::Equivalent;

use super::core::Core;
use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::grpc::is_grpc;
use crate::page::{RegisteredPage, canonical};
use crate::render::{Key, KeyRef, PathKey};

/// The class of a request, as far as its path and memory tell at once.
pub(crate) enum FastLookup {
    /// No page, and nothing else of this layer: the request passes untouched.
    NotAPage,
    /// A page whose entry was fresh at that time.
    Hit(Arc<Entry>, Instant),
    /// Needs a full [`Lookup`], with the entry that was found by the path as it was sent.
    Undecided(Option<Arc<Entry>>),
}

/// The class of a request.
pub(crate) enum Lookup<'a> {
    /// No page, or one for a host that is not listed: the request passes untouched.
    NotAPage,
    /// No page, in a layer that caches by response headers.
    HeaderMode,
    /// A page whose entry was fresh at that time.
    Hit(Arc<Entry>, Instant),
    /// A page whose entry was not fresh, or that had none.
    Page {
        page: &'a Arc<RegisteredPage>,
        key: KeyRef<'a>,
        found: Option<Arc<Entry>>,
    },
    /// A page whose draft the client may see.
    Draft(&'a Arc<RegisteredPage>),
    /// A gRPC request for a page, and for that host of the list. It has no key before its message
    /// is read.
    Grpc(&'a Arc<RegisteredPage>, Option<Cow<'a, [u8]>>),
}

impl Core {
    /// Classifies a request whose public path is `raw` by one look into memory.
    #[inline(always)]
    pub(crate) fn lookup_fast<B: Body>(&self, request: &Request<B>, raw: &str) -> FastLookup {
        if !self.registry.may_have(raw) {
            return if self.header_mode.is_none() {
                FastLookup::NotAPage
            } else {
                FastLookup::Undecided(None)
            };
        }
        if !may_be_read(request) {
            return FastLookup::Undecided(None);
        }

        // All keys in memory are canonical, so a raw path that finds an entry is canonical too. It
        // is the whole key if the entry says so. An entry whose drafts some clients may see never
        // does.
        match self.pages.memory.get(&PathKey(raw)) {
            Some(entry) if entry.is_keyed_by_path => {
                let now = clock::now();
                if entry.is_fresh(&self.marks, now) {
                    FastLookup::Hit(entry, now)
                } else {
                    FastLookup::Undecided(Some(entry))
                }
            }
            _ => FastLookup::Undecided(None),
        }
    }

    /// Classifies a request that [`lookup_fast`](Self::lookup_fast) could not decide. `found` is
    /// the entry found there.
    pub(crate) fn lookup<'a, B: Body>(
        &'a self,
        request: &'a Request<B>,
        raw: &'a str,
        found: Option<Arc<Entry>>,
    ) -> Lookup<'a> {
        let lookup = if may_be_read(request) {
            self.lookup_page(request, raw, found)
        } else {
            self.lookup_grpc(request, raw)
        };
        lookup.unwrap_or_else(|| match self.header_mode {
            Some(_) if !self.registry.is_excepted(raw) => Lookup::HeaderMode,
            _ => Lookup::NotAPage,
        })
    }

    fn lookup_grpc<B>(&self, request: &Request<B>, raw: &str) -> Option<Lookup<'_>> {
        // The path of a method has one spelling: no client of gRPC sends another.
        let page = self.registry.unary(raw).filter(|_| is_grpc(request))?;
        if self.registry.is_excepted(raw) {
            return None;
        }
        Some(match page.host(request) {
            Ok(host) => Lookup::Grpc(page, host),
            Err(_) => Lookup::NotAPage,
        })
    }

    fn lookup_page<'a, B>(
        &'a self,
        request: &'a Request<B>,
        raw: &'a str,
        found: Option<Arc<Entry>>,
    ) -> Option<Lookup<'a>> {
        let path = canonical(raw)?;
        let page = self.registry.find(&path).filter(|page| !page.is_unary())?;
        let Ok(host) = page.host(request) else {
            return Some(Lookup::NotAPage);
        };
        if self.shows_draft(request.headers()) {
            return Some(Lookup::Draft(page));
        }

        let depth = self.depth(request.extensions());
        page.note_depth(depth);
        let was_looked_up = depth == 0
            && page.is_keyed_by_path()
            && self.config.draft.is_none()
            && matches!(path, Cow::Borrowed(_));
        let key = KeyRef::new(page, path, request.uri().query(), host, request.headers())?;
        let key = key.at_depth(depth);
        if was_looked_up {
            return Some(Lookup::Page { page, key, found });
        }
        Some(match self.find(&key) {
            Ok((entry, now)) => Lookup::Hit(entry, now),
            Err(found) => Lookup::Page { page, key, found },
        })
    }

    /// Returns the entry of a key with the time at which it was fresh, or the one that was not.
    #[inline]
    pub(crate) fn find(
        &self,
        key: &(impl Hash + Equivalent<Key>),
    ) -> Result<(Arc<Entry>, Instant), Option<Arc<Entry>>> {
        let entry = self.pages.memory.get(key).ok_or(None)?;
        let now = clock::now();
        if entry.is_fresh(&self.marks, now) {
            Ok((entry, now))
        } else {
            Err(Some(entry))
        }
    }
}

/// True if a request may be for a page: it reads, and brings no body.
#[inline]
fn may_be_read<B: Body>(request: &Request<B>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream()
}
