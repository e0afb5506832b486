//! The head of an entry's responses, prepared once a second: a hit clones the head and sets
//! nothing.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use http::StatusCode;
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue};
use http::response::Parts;

use super::headers;
use super::response_kind::ResponseKind;
use crate::clock::Instant;
use crate::outcome::CacheStatus;

/// The head of an entry's responses in one second of the entry's life.
#[derive(Clone, Debug)]
pub(crate) struct PreparedHead {
    /// The beginning of the next second; `None` before the first response.
    pub(crate) until: Option<Instant>,
    pub(crate) head: Parts,
}

/// The heads of the last second in which there was a hit.
#[derive(Debug)]
pub(crate) struct Latest {
    /// The head that is sent with the body.
    pub(crate) whole: PreparedHead,
    /// The last head of another [`ResponseKind`]. Only one is kept, so that no client makes an
    /// entry hold more.
    other: Option<Box<(ResponseKind, PreparedHead)>>,
}

/// The prepared heads of one [`Representation`](super::Representation).
#[derive(Debug)]
pub(crate) struct PreparedHeads {
    latest: RwLock<Latest>,
    /// The number of seconds in which there was a hit: a sample of how much the page is used.
    uses: AtomicU64,
}

impl PreparedHead {
    /// Returns this head for the second in which the entry is `age` seconds old and which ends at
    /// `until`; without an age if it was made for this request. The `Cache-Status` is that of one
    /// request, behind the members of `earlier` caches.
    pub(crate) fn at(
        &self,
        (age, until): (Option<u64>, Instant),
        status: Option<&CacheStatus>,
        earlier: Option<&str>,
    ) -> Self {
        let mut head = self.head.clone();
        headers::set_age_and_status(&mut head.headers, age, status, earlier);
        Self {
            until: Some(until),
            head,
        }
    }

    /// Returns this head for a response of another kind, in this second. The whole body has
    /// `length` bytes.
    fn for_kind(&self, kind: ResponseKind, length: usize) -> Self {
        let mut head = self.head.clone();
        let headers = &mut head.headers;
        head.status = match kind {
            ResponseKind::Whole => head.status,
            ResponseKind::Head => {
                if headers::may_have_content(head.status) {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
                }
                head.status
            }
            ResponseKind::NotModified => {
                headers.remove(ACCEPT_RANGES);
                without_body(headers, StatusCode::NOT_MODIFIED)
            }
            ResponseKind::PreconditionFailed => refused(headers, StatusCode::PRECONDITION_FAILED),
            ResponseKind::Part(span) => {
                let Range { start, end } = span.range();
                headers::remove_all(headers, headers::is_digest_of_content);
                headers.insert(CONTENT_LENGTH, HeaderValue::from(end - start));
                set_range(headers, &format!("bytes {start}-{}/{length}", end - 1));
                StatusCode::PARTIAL_CONTENT
            }
            ResponseKind::Unsatisfiable => {
                let status = refused(headers, StatusCode::RANGE_NOT_SATISFIABLE);
                set_range(headers, &format!("bytes */{length}"));
                status
            }
        };

        Self {
            until: self.until,
            head,
        }
    }
}

fn without_body(headers: &mut HeaderMap, status: StatusCode) -> StatusCode {
    headers::remove_all(headers, headers::describes_body);
    status
}

/// Forbids caches in front of us to store the response. It is due to the conditions of one client,
/// so other clients must not get it.
fn refused(headers: &mut HeaderMap, status: StatusCode) -> StatusCode {
    headers::forbid_storing(headers);
    without_body(headers, status)
}

fn set_range(headers: &mut HeaderMap, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        headers.insert(CONTENT_RANGE, range);
    }
}

impl PreparedHeads {
    pub(crate) fn new(prepared: PreparedHead) -> Self {
        Self {
            latest: RwLock::new(Latest {
                whole: prepared,
                other: None,
            }),
            uses: AtomicU64::new(0),
        }
    }

    /// Returns how much the page is used, including the uses that it inherited.
    pub(crate) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Takes over the uses of the entry before this one.
    pub(crate) fn inherit(&self, uses: u64) {
        self.uses.store(uses, Ordering::Relaxed);
    }

    /// Returns the heads of the last second in which there was a hit.
    #[inline]
    pub(crate) fn latest(&self) -> RwLockReadGuard<'_, Latest> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the head of this second and the head of `kind`, and returns the latter. Kept heads are
    /// copies, because a map that fields were inserted into has room for twice as many.
    pub(crate) fn renew(&self, whole: &PreparedHead, kind: ResponseKind, length: usize) -> Parts {
        let prepared = whole.for_kind(kind, length);
        // HEAD and 304 are alike for every client. A part is for one client, and must not displace
        // them.
        let is_kept = matches!(kind, ResponseKind::Head | ResponseKind::NotModified);
        let other = is_kept.then(|| Box::new((kind, prepared.clone())));

        let whole = whole.clone();
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        let is_prepared = latest.whole.until == whole.until;
        if is_prepared && !is_kept && kind != ResponseKind::Whole {
            return prepared.head;
        }

        // Several hits may prepare one second at once: count the second once.
        if !is_prepared {
            self.uses.fetch_add(1, Ordering::Relaxed);
        }
        let before = std::mem::replace(&mut *latest, Latest { whole, other });
        // Free the old heads after the lock, so that no hit waits for it.
        drop(latest);
        drop(before);
        prepared.head
    }

    /// Makes the head of one response, of which nothing is kept.
    pub(crate) fn once(whole: &PreparedHead, kind: ResponseKind, length: usize) -> Parts {
        whole.for_kind(kind, length).head
    }
}

impl Latest {
    /// Returns the head of a hit, if an earlier hit of this second has prepared it.
    #[inline]
    pub(crate) fn head(&self, kind: ResponseKind, now: Instant) -> Option<&Parts> {
        let prepared = match &self.other {
            _ if kind == ResponseKind::Whole => &self.whole,
            Some(other) if other.0 == kind => &other.1,
            _ => return None,
        };
        prepared
            .until
            .is_some_and(|until| now < until)
            .then_some(&prepared.head)
    }
}
