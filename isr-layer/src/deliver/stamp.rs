//! The head of an entry's answers, prepared once a second: a hit clones it and sets nothing.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

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

/// What a stored page can be sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// With its body.
    Whole,
    /// As the answer to HEAD: all but the body.
    Head,
    /// As a 304: without what describes the body.
    NotModified,
}

/// The stamps of one entry, the last of each form.
#[derive(Debug)]
pub(crate) struct Stamps {
    whole: RwLock<Stamp>,
    /// Of forms that few clients ask for.
    head: RwLock<Option<Box<Stamp>>>,
    not_modified: RwLock<Option<Box<Stamp>>>,
}

impl Stamp {
    /// A head that no second has been stamped on.
    pub(crate) fn unstamped(status: StatusCode, headers: HeaderMap) -> Self {
        let mut head = Response::new(());
        *head.status_mut() = status;
        *head.headers_mut() = headers;
        Self { until: None, head }
    }

    /// The head, as long as the second lasts.
    #[inline]
    fn head(&self, now: Instant) -> Option<Response<()>> {
        self.until.is_some_and(|until| now < until).then(|| self.head.clone())
    }

    /// The same second of another form.
    fn as_form(&self, form: Form, length: usize) -> Self {
        let mut head = self.head.clone();
        match form {
            Form::Whole => {}
            Form::Head => {
                head.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            Form::NotModified => {
                *head.status_mut() = StatusCode::NOT_MODIFIED;
                headers::remove_all(head.headers_mut(), headers::describes_body);
            }
        }
        Self { until: self.until, head }
    }
}

impl Stamps {
    pub(crate) fn new(stamp: Stamp) -> Self {
        Self { whole: RwLock::new(stamp), head: RwLock::default(), not_modified: RwLock::default() }
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
        }
    }

    /// Keeps the head of this second in all that was asked for, and gives that of `form`.
    pub(crate) fn renew(&self, whole: Stamp, form: Form, length: usize) -> Response<()> {
        let stamp = whole.as_form(form, length);
        let head = stamp.head.clone();
        match form {
            Form::Whole => {}
            Form::Head => replace(&self.head, Some(Box::new(stamp))),
            Form::NotModified => replace(&self.not_modified, Some(Box::new(stamp))),
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
