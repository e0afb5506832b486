//! Bounds the memory of all bodies that an endpoint is reading.
//!
//! When it is used up, the oldest body of the address that holds most gives way: a delivery is
//! short and takes milliseconds, so that one is most probably a client that holds memory on
//! purpose. A body that its head admits gives way only to others of its kind.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::sync::oneshot;

use super::limits::network;
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

/// The client that sends a body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sender {
    /// True if the head of its request has its credential.
    pub(super) is_admitted: bool,
    pub(super) peer: Option<IpAddr>,
}

#[derive(Debug)]
struct Body {
    sender: Sender,
    read: BytesMut,
    /// Dropped with the body, this tells the [`Reading`] that it gave way.
    _stay: oneshot::Sender<()>,
}

/// One body that is being read.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    readings: &'r Readings,
    sender: Sender,
    /// The body, once there is a part of it: its id, and the end of its stay.
    begun: Option<(u64, oneshot::Receiver<()>)>,
}

impl Readings {
    pub(super) fn begin(&self, sender: Sender) -> Reading<'_> {
        let peer = sender.peer.map(network);
        Reading {
            readings: self,
            sender: Sender { peer, ..sender },
            begun: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, ByAge> {
        self.by_age.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading<'_> {
    /// Appends to this body, and lets others give way until there is room for all. The error is
    /// that this one gave way.
    pub(super) fn put(&mut self, data: impl Buf) -> Result<(), Refusal> {
        let mut by_age = self.readings.lock();
        let (id, _) = self.begun.get_or_insert_with(|| by_age.begin(self.sender));
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
    fn begin(&mut self, sender: Sender) -> (u64, oneshot::Receiver<()>) {
        let (stay, gave_way) = oneshot::channel();
        let body = Body {
            sender,
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
            && let Some(victim) = self.victim()
        {
            self.take(victim);
            if victim == id {
                return Err(Refusal::Busy);
            }
        }
        Ok(())
    }

    /// Returns the body that gives way next.
    fn victim(&self) -> Option<u64> {
        let undecided = || {
            let bodies = self.bodies.iter();
            bodies.filter(|(_, body)| !body.sender.is_admitted && body.read.capacity() > 0)
        };
        let mut held = HashMap::<_, (usize, Reverse<u64>)>::new();
        for (id, body) in undecided() {
            let of_peer = held.entry(body.sender.peer).or_insert((0, Reverse(*id)));
            of_peer.0 += body.read.capacity();
        }

        // Each is there with its oldest body. Of equals, the oldest of all gives way.
        let greediest = held.into_values().max().map(|(_, Reverse(oldest))| oldest);
        greediest.or_else(|| self.bodies.first_key_value().map(|(oldest, _)| *oldest))
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
        let mut unsent = readings.begin(Sender::default());
        let mut bodies: Vec<_> = (0..16).map(|_| readings.begin(Sender::default())).collect();
        for body in &mut bodies {
            put(body, MEBIBYTE / 2).unwrap();
            put(body, MEBIBYTE / 2).unwrap();
        }
        assert!(!bodies.iter_mut().any(gave_way));

        let mut newest = readings.begin(Sender::default());
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
        let (mut first, mut second) = (
            readings.begin(Sender::default()),
            readings.begin(Sender::default()),
        );
        put(&mut first, 64).unwrap();
        put(&mut second, MAX_MEMORY - 64).unwrap();

        assert_eq!(put(&mut first, 64), Err(Refusal::Busy));
        assert!(!gave_way(&mut second));
    }

    fn from(peer: &str) -> Sender {
        Sender {
            is_admitted: false,
            peer: Some(peer.parse().unwrap()),
        }
    }

    #[test]
    fn the_oldest_of_who_holds_most_gives_way_and_a_subscriber_is_one() {
        let readings = Readings::default();
        let mut oldest = readings.begin(from("192.0.2.1"));
        let mut greedy = ["2001:db8::1", "2001:db8::2"].map(|peer| readings.begin(from(peer)));
        let mut other = readings.begin(from("2001:db8:0:1::1"));
        put(&mut oldest, 5 * MEBIBYTE).unwrap();
        greedy
            .iter_mut()
            .for_each(|one| put(one, 3 * MEBIBYTE).unwrap());
        put(&mut other, 5 * MEBIBYTE).unwrap();

        put(&mut readings.begin(from("192.0.2.9")), 1).unwrap();

        assert_eq!(greedy.each_mut().map(gave_way), [true, false]);
        assert!(!gave_way(&mut oldest) && !gave_way(&mut other));
    }

    #[test]
    fn who_is_admitted_gives_way_only_when_all_are() {
        let readings = Readings::default();
        let admitted = Sender {
            is_admitted: true,
            ..Sender::default()
        };
        let mut first = readings.begin(admitted);
        let mut stranger = readings.begin(Sender::default());
        put(&mut first, 15 * MEBIBYTE).unwrap();
        put(&mut stranger, MEBIBYTE).unwrap();

        let mut second = readings.begin(admitted);
        put(&mut second, MEBIBYTE).unwrap();
        assert!(gave_way(&mut stranger) && !gave_way(&mut first));
        put(&mut second, 1).unwrap();
        assert!(gave_way(&mut first) && !gave_way(&mut second));
    }

    #[test]
    fn whatever_becomes_of_a_body_its_memory_is_given_back_once() {
        let readings = Readings::default();
        for _ in 0..10 {
            let mut gone = readings.begin(Sender::default());
            put(&mut gone, MAX_MEMORY).unwrap();
            let mut finished = readings.begin(Sender::default());
            put(&mut finished, 1).unwrap();
            let mut dropped = readings.begin(Sender::default());
            put(&mut dropped, 1).unwrap();
            finished.finish().unwrap();
        }

        let by_age = readings.lock();
        assert_eq!((by_age.memory, by_age.bodies.len()), (0, 0));
    }
}
