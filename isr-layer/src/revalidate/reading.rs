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
    /// The body, once there is a part of it: its id, and the end of its stay.
    begun: Option<(u64, oneshot::Receiver<()>)>,
}

impl Readings {
    pub(super) fn begin(&self) -> Reading<'_> {
        Reading {
            readings: self,
            begun: None,
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
        let (id, _) = self.begun.get_or_insert_with(|| by_age.begin());
        by_age.put(*id, data)
    }

    /// Takes the body out.
    pub(super) fn finish(&mut self) -> Result<Bytes, Refusal> {
        let Some((id, _)) = self.begun.take() else {
            return Ok(Bytes::new());
        };
        let body = self.readings.lock().take(id).ok_or(Refusal::Busy)?;
        Ok(body.read.freeze())
    }

    /// Is ready when this body has given way.
    pub(super) fn poll_gave_way(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.begun {
            Some((_, gave_way)) => Pin::new(gave_way).poll(cx).map(|_| ()),
            None => Poll::Pending,
        }
    }
}

impl ByAge {
    fn begin(&mut self) -> (u64, oneshot::Receiver<()>) {
        let (stay, gave_way) = oneshot::channel();
        let body = Body {
            read: BytesMut::new(),
            _stay: stay,
        };
        let id = self.next_id;
        self.next_id += 1;
        self.bodies.insert(id, body);
        (id, gave_way)
    }

    fn put(&mut self, id: u64, data: impl Buf) -> Result<(), Refusal> {
        let read = &mut self.bodies.get_mut(&id).ok_or(Refusal::Busy)?.read;
        let before = read.capacity();
        read.reserve(data.remaining());
        read.put(data);
        let grown = read.capacity().saturating_sub(before);
        self.memory += grown;

        while self.memory > MAX_MEMORY
            && let Some((oldest, body)) = self.bodies.pop_first()
        {
            self.memory -= body.read.capacity();
            if oldest == id {
                return Err(Refusal::Busy);
            }
        }
        Ok(())
    }

    fn take(&mut self, id: u64) -> Option<Body> {
        let body = self.bodies.remove(&id)?;
        self.memory -= body.read.capacity();
        Some(body)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some((id, _)) = self.begun.take() {
            self.readings.lock().take(id);
        }
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
    fn the_oldest_gives_way_to_the_newest() {
        let readings = Readings::default();
        let mut unsent = readings.begin();
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
        assert!(!gave_way(&mut unsent) && !gave_way(&mut newest));
        assert_eq!(put(&mut bodies[0], 1), Err(Refusal::Busy));
        assert_eq!(bodies[0].finish(), Err(Refusal::Busy));
        assert_eq!(bodies[1].finish().unwrap().len(), MEBIBYTE);
        assert_eq!(unsent.finish(), Ok(Bytes::new()));
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
