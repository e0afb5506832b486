//! An entry's headers, prepared once a second: a hit clones them and sets nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};

use super::headers;
use crate::clock::Instant;

/// The headers of an entry as they are in one second of its life.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// When the next second begins; `None` before the first answer.
    pub(crate) until: Option<Instant>,
    pub(crate) headers: HeaderMap,
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
    /// The seconds in which there was a hit: a sample of how much the page is used.
    uses: AtomicU64,
}

impl Stamp {
    /// Headers that no second has been stamped on.
    pub(crate) fn unstamped(headers: HeaderMap) -> Self {
        Self { until: None, headers }
    }

    /// Puts the headers into an answer, as long as the second lasts.
    #[inline]
    fn put(&self, now: Instant, answer: &mut HeaderMap) -> bool {
        let is_current = self.until.is_some_and(|until| now < until);
        if is_current {
            *answer = self.headers.clone();
        }
        is_current
    }

    /// The same second of another form.
    fn as_form(&self, form: Form, length: usize) -> Self {
        let mut headers = self.headers.clone();
        match form {
            Form::Whole => {}
            Form::Head => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            Form::NotModified => headers::remove_all(&mut headers, headers::describes_body),
        }
        Self { until: self.until, headers }
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

    /// Takes over from the page before, whose past counts half.
    pub(crate) fn inherit(&self, before: &Self) {
        self.uses.store(before.uses() / 2, Ordering::Relaxed);
    }

    /// The headers with the body, of the last second there was a hit in.
    #[inline]
    pub(crate) fn whole(&self) -> RwLockReadGuard<'_, Stamp> {
        read(&self.whole)
    }

    /// Puts the headers of a hit into an answer, if an earlier hit of this second has prepared them.
    #[inline]
    pub(crate) fn put(&self, form: Form, now: Instant, answer: &mut HeaderMap) -> bool {
        match form {
            Form::Whole => self.whole().put(now, answer),
            Form::Head => read(&self.head).as_ref().is_some_and(|stamp| stamp.put(now, answer)),
            Form::NotModified => {
                read(&self.not_modified).as_ref().is_some_and(|stamp| stamp.put(now, answer))
            }
        }
    }

    /// Keeps the headers of this second in all that was asked for, and gives those of `form`.
    pub(crate) fn renew(&self, whole: Stamp, form: Form, length: usize) -> HeaderMap {
        let stamp = whole.as_form(form, length);
        let headers = stamp.headers.clone();
        match form {
            Form::Whole => {}
            Form::Head => replace(&self.head, Some(Box::new(stamp))),
            Form::NotModified => replace(&self.not_modified, Some(Box::new(stamp))),
        }
        if self.whole().until != whole.until {
            self.uses.fetch_add(1, Ordering::Relaxed);
        }
        replace(&self.whole, whole);
        headers
    }

    /// The headers of one answer that nothing is kept of.
    pub(crate) fn once(whole: &Stamp, form: Form, length: usize) -> HeaderMap {
        whole.as_form(form, length).headers
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
