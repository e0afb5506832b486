//! A store on trial: the open handle, and the calls of the checks.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::promise::{
    Broken, JOIN_TELLS_PURGES, Kept, MARKED_PAGE_IS_RETURNED, NUMBERS_GROW,
    NUMBERS_GROW_ACROSS_RESTARTS, PAGE_COMES_BACK, Promise,
};
use crate::store::{ErasedStore, Found, Mark, Put, StoreError, Validity, Write};

/// An open handle, without its type.
pub(super) type Handle = Arc<dyn ErasedStore>;

/// Opens a handle on the place that is tested.
pub(super) type Open<'a> =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Handle> + Send + 'a>> + Send + Sync + 'a>;

/// The build that most checks work for.
pub(super) const BUILD: &str = "store-suite-1";

/// The build of a deploy, in the checks of builds.
pub(super) const NEXT_BUILD: &str = "store-suite-2";

/// A store on trial.
pub(super) struct Trial<'a> {
    open: Open<'a>,
    /// False if the store forgets everything with its handle.
    outlives: bool,
    handle: Option<Handle>,
    /// The promise that the running check is about.
    pub(super) promise: Promise,
    pub(super) broken: Vec<Broken>,
    names: u64,
    /// The highest number so far, and the one when the handle was opened.
    highest: u64,
    at_opening: u64,
}

impl<'a> Trial<'a> {
    pub(super) fn new(open: Open<'a>, outlives: bool) -> Self {
        Self {
            open,
            outlives,
            handle: None,
            promise: PAGE_COMES_BACK,
            broken: Vec::new(),
            names: 0,
            highest: 0,
            at_opening: 0,
        }
    }

    /// Notes that a [`Promise`] is broken. The first note on each is kept: others follow from it.
    pub(super) fn note(&mut self, broken: Broken) {
        if !self.is_broken(&broken.promise) {
            self.broken.push(broken);
        }
    }

    /// True if a note says that this promise is broken.
    pub(super) fn is_broken(&self, promise: &Promise) -> bool {
        self.broken.iter().any(|noted| noted.promise == *promise)
    }

    /// Opens the place for [`BUILD`] if no handle is open.
    pub(super) async fn begin(&mut self) -> Kept {
        match self.handle {
            Some(_) => Ok(()),
            None => self.restart(BUILD).await.map(|_| ()),
        }
    }

    /// Drops the handle. [`begin`](Self::begin) opens the place anew.
    pub(super) fn close(&mut self) {
        self.handle = None;
    }

    /// Drops the handle, opens the place again for a build, and returns the number that the store
    /// has then.
    pub(super) async fn restart(&mut self, build: &str) -> Result<u64, Broken> {
        self.close();
        let handle = (self.open)().await;
        let joined = handle.join(build);
        self.handle = Some(handle);

        let joined = joined.map_err(|error| self.failed("join", &error))?;
        if !self.outlives {
            self.highest = 0;
        }
        if joined < self.highest {
            self.note(Broken {
                promise: JOIN_TELLS_PURGES,
                expected: format!("{} or more", self.highest),
                came: joined.to_string(),
            });
        }
        self.highest = self.highest.max(joined);
        self.at_opening = self.highest;
        Ok(joined)
    }

    /// The open [`Handle`], for calls from several threads.
    pub(super) fn handle(&self) -> Handle {
        let handle = self.handle.clone();
        handle.expect("a check begins with an open handle, and `restart` leaves one")
    }

    /// Returns a key that no other call has returned.
    pub(super) fn key(&mut self) -> Bytes {
        self.names += 1;
        let mut key = [b'k'; 32];
        key[24..].copy_from_slice(&self.names.to_be_bytes());
        Bytes::copy_from_slice(&key)
    }

    /// Returns a selector that no other call has returned.
    pub(super) fn selector(&mut self) -> Bytes {
        self.names += 1;
        format!("suite:{:08}", self.names).into()
    }

    /// The highest number so far.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes note of a number that the store gave to a call of [`handle`](Self::handle) itself.
    pub(super) fn has_given(&mut self, number: u64) {
        self.highest = self.highest.max(number);
    }

    /// Records marks, whose number has to be above [`highest`](Self::highest).
    pub(super) async fn record(&mut self, marks: &[Mark]) -> Result<u64, Broken> {
        let number = self.handle().record(marks).await;
        let number = number.map_err(|error| self.failed("record", &error))?;
        if number <= self.highest {
            let promise = match self.highest == self.at_opening {
                true => NUMBERS_GROW_ACROSS_RESTARTS,
                false => NUMBERS_GROW,
            };
            return Err(Broken {
                promise,
                expected: format!("{} or more", self.highest + 1),
                came: number.to_string(),
            });
        }

        self.highest = number;
        Ok(number)
    }

    /// Gets a number by a [`Mark`] that reaches no page.
    pub(super) async fn number(&mut self) -> Result<u64, Broken> {
        let selector = self.selector();
        self.record(&[Mark::soft(selector)]).await
    }

    pub(super) async fn write(&self, write: impl Into<Write>) -> Kept {
        self.write_all(vec![write.into()]).await
    }

    pub(super) async fn write_all(&self, writes: Vec<Write>) -> Kept {
        let written = self.handle().write(writes).await;
        written.map_err(|error| self.failed("write", &error))
    }

    /// Puts a page that knows every purge so far, and returns its key.
    pub(super) async fn put(&mut self, selectors: &[Bytes]) -> Result<Bytes, Broken> {
        self.put_as_of(self.highest, selectors).await
    }

    pub(super) async fn put_as_of(
        &mut self,
        as_of: u64,
        selectors: &[Bytes],
    ) -> Result<Bytes, Broken> {
        let key = self.key();
        let put = Put::new(key.clone(), as_of, selectors.to_vec(), "a page");
        self.write(put).await?;
        Ok(key)
    }

    pub(super) async fn get(&self, key: &Bytes) -> Result<Option<Found>, Broken> {
        let found = self.handle().get(key).await;
        found.map_err(|error| self.failed("get", &error))
    }

    /// Expects octets under a key.
    pub(super) async fn expect_page(&self, key: &Bytes, octets: &[u8]) -> Kept {
        let came = self.get(key).await?.map(|found| found.octets);
        if came.as_deref() == Some(octets) {
            return Ok(());
        }
        let came = came.map_or_else(|| "no page".to_owned(), |came| shown(&came));
        Err(self.broken(shown(octets), came))
    }

    /// Expects that no page is under a key.
    pub(super) async fn expect_none(&self, key: &Bytes) -> Kept {
        match self.get(key).await? {
            None => Ok(()),
            Some(found) => Err(self.broken("no page", shown(&found.octets))),
        }
    }

    /// Returns the [`Validity`] of a page, which has to be there.
    pub(super) async fn validity(&self, key: &Bytes) -> Result<Validity, Broken> {
        let found = self.get(key).await?;
        let found = found.ok_or_else(|| Broken {
            promise: MARKED_PAGE_IS_RETURNED,
            expected: "the page and the judgement on it".to_owned(),
            came: "no page".to_owned(),
        });
        Ok(found?.validity)
    }

    /// Expects a judgement of a page. The words say why it has to be so.
    pub(super) async fn expect(&self, key: &Bytes, validity: Validity, why: &str) -> Kept {
        match self.validity(key).await? {
            came if came == validity => Ok(()),
            came => Err(self.broken(format!("{validity:?}: {why}"), format!("{came:?}"))),
        }
    }

    /// Expects that a mark reaches a page, soft or hard.
    pub(super) async fn expect_reached(&self, key: &Bytes, why: &str) -> Kept {
        match self.validity(key).await? {
            Validity::Valid => Err(self.broken(format!("Soft or Hard: {why}"), "Valid")),
            Validity::Soft | Validity::Hard => Ok(()),
        }
    }

    /// Makes the note that the [`promise`](Self::promise) of the running check is broken.
    pub(super) fn broken(&self, expected: impl Into<String>, came: impl Into<String>) -> Broken {
        Broken {
            promise: self.promise,
            expected: expected.into(),
            came: came.into(),
        }
    }

    fn failed(&self, call: &str, error: &StoreError) -> Broken {
        self.broken(
            format!("`{call}` succeeds"),
            format!("`{error}` ({:?})", error.kind()),
        )
    }
}

/// Shows octets, or their number if they are many.
pub(super) fn shown(octets: &[u8]) -> String {
    match octets.len() {
        0..=64 => format!("`{}`", octets.escape_ascii()),
        many => format!("{many} octets"),
    }
}
