//! Makes the response of a client: from an entry, from a reply to its own request, or a refusal.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Method, Response};
use http_body::Body;

use super::admit::is_error;
use super::complete::FetchReply;
use super::decide::Waiting;
use super::entry::Entry;
use super::request::{HeaderModeRequest, Result};
use crate::body::IsrBody;
use crate::cache::Failure;
use crate::clock;
use crate::deliver::{forbid_storing, note_status, take_back};
use crate::invalidation::{Sequence, Validity};
use crate::outcome::{CacheStatus, Outcome, Reason};

impl<S> HeaderModeRequest<S> {
    /// Makes the response to a request that no entry can be served to, and that may not go on.
    pub(super) fn refuse<R: Body<Data = Bytes>>(&self, reason: Reason) -> Response<IsrBody<R>> {
        let mut response = Failure::in_http(reason).response(None);
        if self.parts.method == Method::HEAD {
            let whole = std::mem::replace(response.body_mut(), IsrBody::empty());
            let length = whole.size_hint().lower();
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        self.with_status(response, Outcome::NotForwarded(reason))
    }

    /// Makes the client's response of a reply, or of the stale entry if the origin is in trouble.
    /// The origin was asked when the number `since` was the last one published.
    pub(super) fn respond<R, E>(
        &self,
        reply: FetchReply<R, E>,
        waiting: &Waiting,
        since: Sequence,
    ) -> Result<R, E> {
        let failed = match &reply {
            FetchReply::Own(response, _) if !is_error(response.status()) => None,
            FetchReply::Own(..) => Some(Reason::FailedStatus),
            FetchReply::Error(_) => Some(Reason::ServiceError),
            FetchReply::Failed(reason) => Some(*reason),
        };
        let last_good = failed.and_then(|reason| self.last_good(waiting, reason, false));
        if let Some(response) = last_good {
            return Ok(response);
        }

        let (mut response, stored) = match reply {
            FetchReply::Own(response, stored) => (response, stored),
            FetchReply::Error(error) => return Err(error),
            FetchReply::Failed(reason) => (Failure::in_http(reason).response(None), Err(reason)),
        };

        self.keep_from_caches(response.headers_mut(), &stored, since);
        let (forward, collapsed) = (waiting.forward, false);
        let outcome = match stored {
            Err(reason) => Outcome::Unstored {
                forward,
                reason,
                collapsed,
            },
            Ok(entry) => Outcome::Stored {
                forward,
                reason: entry.inherited.is_old.then_some(Reason::DataFailed),
                collapsed,
            },
        };
        Ok(self.with_status(response, outcome))
    }

    /// Lets no cache in front keep a response that a purge or an unsafe request may have overtaken.
    fn keep_from_caches(
        &self,
        headers: &mut HeaderMap,
        stored: &std::result::Result<Arc<Entry>, Reason>,
        since: Sequence,
    ) {
        let marks = &self.shared.core.marks;
        match stored {
            Err(Reason::Overtaken) => forbid_storing(headers),
            // It may be for one client alone, so nothing may be added that allows to store it.
            Err(_) if marks.published() != since => forbid_storing(headers),
            Err(_) => {}
            Ok(entry) if self.is_out_of_date(entry) => self.take_back(headers),
            Ok(_) => {}
        }
    }

    /// True if a purge names an entry or what it was made of, or if that could not be loaded anew.
    fn is_out_of_date(&self, entry: &Entry) -> bool {
        let validity = entry.validity(&self.shared.core.marks);
        entry.inherited.is_old || validity != Validity::Valid
    }

    /// Takes back every word of the origin's that lets a cache in front keep a response.
    fn take_back(&self, headers: &mut HeaderMap) {
        take_back(headers);
        for name in &*self.cache.targets {
            headers.remove(name);
        }
    }

    /// Returns the stale entry if it may still be served in place of an error.
    pub(super) fn last_good<R>(
        &self,
        waiting: &Waiting,
        reason: Reason,
        collapsed: bool,
    ) -> Option<Response<IsrBody<R>>> {
        let stale = waiting.stale.as_ref();
        let entry = stale.filter(|entry| entry.allows_if_error(clock::now()))?;
        Some(self.serve(entry, Outcome::StaleIfError { reason, collapsed }))
    }

    pub(super) fn serve<R>(&self, entry: &Arc<Entry>, outcome: Outcome) -> Response<IsrBody<R>> {
        let kind = entry.kind(&self.parts.method, &self.parts.headers);
        let core = &self.shared.core;
        let mut response = entry.deliver(kind, outcome, core.config.cache_name, clock::now());
        if self.is_out_of_date(entry) {
            self.take_back(response.headers_mut());
        }
        response
    }

    /// Adds the outcome to a response that is not stored.
    fn with_status<R>(
        &self,
        mut response: Response<IsrBody<R>>,
        outcome: Outcome,
    ) -> Response<IsrBody<R>> {
        if let Some(name) = self.shared.core.config.cache_name {
            let ttl = None;
            note_status(response.headers_mut(), &CacheStatus { name, outcome, ttl });
        }
        response
    }
}
