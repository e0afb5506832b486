//! The head of an entry's answers, prepared once a second: a hit clones it and sets nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::choice::Form;
use super::headers;
use crate::clock::Instant;

/// The head of an entry's answers as it is in one second of its life.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// When the next second begins; `None` before the first answer.
    pub(crate) until: Option<Instant>,
    /// Status and headers; a whole response, since headers cost less to clone with it than to put into a new one.
    pub(crate) head: Response<()>,
}

/// The stamps of one entry, the last of each form.
#[derive(Debug)]
pub(crate) struct Stamps {
    whole: RwLock<Stamp>,
    /// Of forms that few clients ask for.
    head: RwLock<Option<Box<Stamp>>>,
    not_modified: RwLock<Option<Box<Stamp>>>,
    /// The seconds in which there was a hit: a sample of how much the page is used.
    uses: AtomicU64,
}

impl Stamp {
    /// The head, as long as the second lasts.
    #[inline]
    fn head(&self, now: Instant) -> Option<Response<()>> {
        self.until.is_some_and(|until| now < until).then(|| self.head.clone())
    }

    /// The same second of another form of a body of `length` bytes.
    fn as_form(&self, form: Form, length: usize) -> Self {
        let mut head = self.head.clone();
        let headers = head.headers_mut();
        let status = match form {
            Form::Whole => head.status(),
            Form::Head => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
                head.status()
            }
            Form::NotModified => without_body(headers, StatusCode::NOT_MODIFIED),
            Form::PreconditionFailed => refused(headers, StatusCode::PRECONDITION_FAILED),
            Form::Part { start, end } => {
                headers::remove_all(headers, headers::is_digest_of_content);
                headers.insert(CONTENT_LENGTH, HeaderValue::from(end - start));
                set_range(headers, &format!("bytes {start}-{}/{length}", end - 1));
                StatusCode::PARTIAL_CONTENT
            }
            Form::Unsatisfiable => {
                let status = refused(headers, StatusCode::RANGE_NOT_SATISFIABLE);
                set_range(headers, &format!("bytes */{length}"));
                status
            }
        };
        *head.status_mut() = status;
        Self { until: self.until, head }
    }
}

fn without_body(headers: &mut HeaderMap, status: StatusCode) -> StatusCode {
    headers::remove_all(headers, headers::describes_body);
    status
}

/// What one client's conditions led to is for it alone: a cache in front of us must not give it to others.
fn refused(headers: &mut HeaderMap, status: StatusCode) -> StatusCode {
    headers::forbid_storing(headers);
    without_body(headers, status)
}

fn set_range(headers: &mut HeaderMap, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        headers.insert(CONTENT_RANGE, range);
    }
}

impl Stamps {
    pub(crate) fn new(stamp: Stamp) -> Self {
        Self {
            whole: RwLock::new(stamp),
            head: RwLock::default(),
            not_modified: RwLock::default(),
            uses: AtomicU64::new(0),
        }
    }

    /// How much the page is used, as far back as its predecessors remember.
    pub(crate) fn uses(&self) -> u64 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Takes over what the page before remembers.
    pub(crate) fn inherit(&self, uses: u64) {
        self.uses.store(uses, Ordering::Relaxed);
    }

    /// The head that goes with the body, of the last second there was a hit in.
    #[inline]
    pub(crate) fn whole(&self) -> RwLockReadGuard<'_, Stamp> {
        read(&self.whole)
    }

    /// The head of a hit, if an earlier hit of this second has prepared it.
    #[inline]
    pub(crate) fn head(&self, form: Form, now: Instant) -> Option<Response<()>> {
        match form {
            Form::Whole => self.whole().head(now),
            Form::Head => read(&self.head).as_ref().and_then(|stamp| stamp.head(now)),
            Form::NotModified => read(&self.not_modified).as_ref().and_then(|stamp| stamp.head(now)),
            _ => None,
        }
    }

    /// Keeps the head of this second in all that was asked for, and gives that of `form`.
    pub(crate) fn renew(&self, whole: Stamp, form: Form, length: usize) -> Response<()> {
        let stamp = whole.as_form(form, length);
        let head = stamp.head.clone();
        match form {
            Form::Head => replace(&self.head, Some(Box::new(stamp))),
            Form::NotModified => replace(&self.not_modified, Some(Box::new(stamp))),
            _ => {}
        }
        if self.whole().until != whole.until {
            self.uses.fetch_add(1, Ordering::Relaxed);
        }
        replace(&self.whole, whole);
        head
    }

    /// The head of one answer that nothing is kept of.
    pub(crate) fn once(whole: &Stamp, form: Form, length: usize) -> Response<()> {
        whole.as_form(form, length).head
    }
}

#[inline]
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Swaps the value in; the old one is dropped after the lock.
fn replace<T>(lock: &RwLock<T>, value: T) {
    let old = std::mem::replace(&mut *lock.write().unwrap_or_else(PoisonError::into_inner), value);
    drop(old);
}
