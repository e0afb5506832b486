//! Bounds the memory of all bodies that an endpoint is reading.
//!
//! When it is used up, the oldest body gives way: a delivery takes milliseconds, so that one is
//! most probably a client that holds memory on purpose. The newest is never refused for others.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::sync::oneshot;

use super::response::Refusal;

/// The maximum memory of all bodies together, in bytes.
const MAX_MEMORY: usize = 16 * 1024 * 1024;

/// The bodies that an endpoint is reading. They are here, and not with those who read them, so that
/// a body that gives way is freed at once.
#[derive(Debug, Default)]
pub(super) struct Readings {
    by_age: Mutex<ByAge>,
}

#[derive(Debug, Default)]
struct ByAge {
    next_id: u64,
    memory: usize,
    /// The oldest has the smallest id.
    bodies: BTreeMap<u64, Body>,
}

#[derive(Debug)]
struct Body {
    read: BytesMut,
    /// Dropped with the body, this tells the [`Reading`] that it gave way.
    _stay: oneshot::Sender<()>,
}

/// One body that is being read.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    readings: &'r Readings,
    id: u64,
    gave_way: oneshot::Receiver<()>,
}

impl Readings {
    pub(super) fn begin(&self) -> Reading<'_> {
        let (stay, gave_way) = oneshot::channel();
        let body = Body {
            read: BytesMut::new(),
            _stay: stay,
        };
        let mut by_age = self.lock();
        let id = by_age.next_id;
        by_age.next_id += 1;
        by_age.bodies.insert(id, body);

        Reading {
            readings: self,
            id,
            gave_way,
        }
    }

    fn lock(&self) -> MutexGuard<'_, ByAge> {
        self.by_age.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading<'_> {
    /// Appends to this body, and lets the oldest give way until there is room for all. The error is
    /// that this one gave way.
    pub(super) fn put(&mut self, data: impl Buf) -> Result<(), Refusal> {
        let mut by_age = self.readings.lock();
        let read = &mut by_age.bodies.get_mut(&self.id).ok_or(Refusal::Busy)?.read;
        let before = read.capacity();
        read.reserve(data.remaining());
        read.put(data);
        let grown = read.capacity().saturating_sub(before);
        by_age.memory += grown;

        while by_age.memory > MAX_MEMORY {
            // A body without a byte yet has no memory to give.
            let mut bodies = by_age.bodies.iter();
            let oldest = bodies.find(|(_, body)| body.read.capacity() > 0);
            let oldest = oldest.map_or(self.id, |(id, _)| *id);
            by_age.take(oldest);
            if oldest == self.id {
                return Err(Refusal::Busy);
            }
        }
        Ok(())
    }

    /// Takes the body out.
    pub(super) fn finish(&mut self) -> Result<Bytes, Refusal> {
        let body = self.readings.lock().take(self.id).ok_or(Refusal::Busy)?;
        Ok(body.read.freeze())
    }

    /// Is ready when this body has given way.
    pub(super) fn poll_gave_way(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.gave_way).poll(cx).map(|_| ())
    }
}

impl ByAge {
    fn take(&mut self, id: u64) -> Option<Body> {
        let body = self.bodies.remove(&id)?;
        self.memory -= body.read.capacity();
        Some(body)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.readings.lock().take(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBIBYTE: usize = 1024 * 1024;

    fn gave_way(reading: &mut Reading<'_>) -> bool {
        let waker = std::task::Waker::noop();
        let mut context = Context::from_waker(waker);
        reading.poll_gave_way(&mut context).is_ready()
    }

    fn put(reading: &mut Reading<'_>, bytes: usize) -> Result<(), Refusal> {
        reading.put(Bytes::from(vec![b' '; bytes]))
    }

    #[test]
    fn the_oldest_that_holds_memory_gives_way_to_the_newest() {
        let readings = Readings::default();
        let mut empty = readings.begin();
        let mut bodies: Vec<_> = (0..16).map(|_| readings.begin()).collect();
        for body in &mut bodies {
            put(body, MEBIBYTE / 2).unwrap();
            put(body, MEBIBYTE / 2).unwrap();
        }
        assert!(!bodies.iter_mut().any(gave_way));

        let mut newest = readings.begin();
        put(&mut newest, 1).unwrap();

        let gone: Vec<_> = bodies.iter_mut().map(gave_way).collect();
        assert_eq!(gone, [[true].as_slice(), &[false; 15]].concat());
        assert!(!gave_way(&mut empty) && !gave_way(&mut newest));
        assert_eq!(put(&mut bodies[0], 1), Err(Refusal::Busy));
        assert_eq!(bodies[0].finish(), Err(Refusal::Busy));
        assert_eq!(bodies[1].finish().unwrap().len(), MEBIBYTE);
    }

    #[test]
    fn the_oldest_gives_way_itself_when_it_grows_too_far() {
        let readings = Readings::default();
        let (mut first, mut second) = (readings.begin(), readings.begin());
        put(&mut first, 64).unwrap();
        put(&mut second, MAX_MEMORY - 64).unwrap();

        assert_eq!(put(&mut first, 64), Err(Refusal::Busy));
        assert!(!gave_way(&mut second));
    }

    #[test]
    fn whatever_becomes_of_a_body_its_memory_is_given_back_once() {
        let readings = Readings::default();
        for _ in 0..10 {
            let mut gone = readings.begin();
            put(&mut gone, MAX_MEMORY).unwrap();
            let mut finished = readings.begin();
            put(&mut finished, 1).unwrap();
            let mut dropped = readings.begin();
            put(&mut dropped, 1).unwrap();
            finished.finish().unwrap();
        }

        let by_age = readings.lock();
        assert_eq!((by_age.memory, by_age.bodies.len()), (0, 0));
    }
}
