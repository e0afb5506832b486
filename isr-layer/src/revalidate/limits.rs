//! Rate limits: failures of one address and calls of one credential, by the minute, in bounded
//! tables.
//!
//! Clients choose the keys. Each [`HashMap`] hashes with a random seed, so that a client cannot
//! choose keys that collide.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

use super::auth::Credential;
use super::response::Refusal;
use crate::clock::Instant;

/// The default number of failures that an address may have in a minute.
const DEFAULT_FAILURES: u32 = 10;

/// The default number of calls that a credential may make in a minute: high, since content systems
/// publish in bulk.
const DEFAULT_CALLS: u32 = 6_000;

const MINUTE: Duration = Duration::from_secs(60);

/// The maximum number of keys in a table. The oldest key is removed first.
const MAX_KEYS: usize = 4_096;

/// The counters of one endpoint. A failure counts only against its address, so that a valid
/// credential is never refused because other clients failed.
#[derive(Debug)]
pub(crate) struct Limits {
    rates: Rates,
    failures: Mutex<Windows<IpAddr>>,
    calls: Mutex<Windows<Credential>>,
    refusals: Mutex<BTreeMap<StatusCode, Unlogged>>,
}

/// The refusals with one status since their last line of the log.
#[derive(Debug, Default)]
struct Unlogged {
    last_line: Option<Instant>,
    refusals: u64,
}

/// The numbers of events allowed in a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(super) failures: u32,
    pub(super) calls: u32,
}

impl Limits {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            failures: Mutex::default(),
            calls: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    pub(super) fn rates(&self) -> Rates {
        self.rates
    }

    /// Counts a failure, and returns the [`Refusal`] to respond with.
    pub(crate) fn record_failure(&self, peer: Option<IpAddr>, now: Instant) -> Refusal {
        let Some(peer) = peer else {
            // All clients without an address would share one counter, so they are not counted.
            return Refusal::InvalidToken;
        };
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.count(network(peer), now, self.rates.failures) {
            None => Refusal::InvalidToken,
            Some(retry_after) => Refusal::TooMany { retry_after },
        }
    }

    /// Counts a call of an accepted [`Credential`], and refuses the call if it is over the limit.
    pub(super) fn record_call(&self, credential: Credential, now: Instant) -> Result<(), Refusal> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        match calls.count(credential, now, self.rates.calls) {
            None => Ok(()),
            Some(retry_after) => Err(Refusal::TooMany { retry_after }),
        }
    }
}

impl Limits {
    /// Counts a refusal. Returns the number with its status since the last line of the log, if
    /// another line is due: there is one a minute for each of the few statuses, since a flood of
    /// guesses must neither fill the disk nor be hidden by a refusal of another kind.
    pub(crate) fn count_refusal(&self, status: StatusCode, now: Instant) -> Option<u64> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let unlogged = refusals.entry(status).or_default();
        unlogged.refusals += 1;
        let is_recent = |line| now.saturating_duration_since(line) < MINUTE;
        if unlogged.last_line.is_some_and(is_recent) {
            return None;
        }

        unlogged.last_line = Some(now);
        Some(std::mem::take(&mut unlogged.refusals))
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            failures: DEFAULT_FAILURES,
            calls: DEFAULT_CALLS,
        }
    }
}

/// Returns the address that stands for a whole subscriber: an IPv6 subscriber has 64 bits to choose
/// from (RFC 6177), so those are cleared.
pub(super) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// One counter for each key, over a minute that begins with the key's first event.
#[derive(Debug)]
struct Windows<K> {
    counts: HashMap<K, Window>,
    /// The windows in the order in which they began, and so in which they end.
    began: VecDeque<(Instant, K)>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Instant,
    count: u32,
}

impl<K: Copy + Eq + Hash> Windows<K> {
    /// Counts one event. Returns the time to wait if there were more than `allowed`.
    fn count(&mut self, key: K, now: Instant, allowed: u32) -> Option<Duration> {
        self.forget_ended(now);
        if !self.counts.contains_key(&key) {
            self.make_room();
            self.began.push_back((now, key));
        }

        // An event over the limit counts, but does not make its window longer.
        let window = self.counts.entry(key).or_insert(Window {
            began: now,
            count: 0,
        });
        window.count = window.count.saturating_add(1);
        let over = window.count > allowed;
        over.then(|| (window.began + MINUTE).saturating_duration_since(now))
    }

    fn forget_ended(&mut self, now: Instant) {
        while let Some((began, key)) = self.began.front().copied() {
            if now.saturating_duration_since(began) < MINUTE {
                return;
            }
            self.began.pop_front();
            self.counts.remove(&key);
        }
    }

    fn make_room(&mut self) {
        // A flood of keys can remove a counter too early: the bound on memory is worth more.
        while self.counts.len() >= MAX_KEYS {
            let Some((_, oldest)) = self.began.pop_front() else {
                return;
            };
            self.counts.remove(&oldest);
        }
    }
}

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            began: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(Rates::default())
    }

    fn peer(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn is_too_many(refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::TooMany { .. })
    }

    #[tokio::test(start_paused = true)]
    async fn the_eleventh_failure_within_a_minute_is_too_many_until_the_minute_is_over() {
        let limits = limits();
        let start = Instant::now();

        for _ in 0..10 {
            assert_eq!(limits.record_failure(peer(1), start), Refusal::InvalidToken);
        }
        let eleventh = limits.record_failure(peer(1), start + Duration::from_secs(20));
        assert_eq!(
            eleventh,
            Refusal::TooMany {
                retry_after: Duration::from_secs(40)
            }
        );
        assert_eq!(
            limits.record_failure(peer(1), start + MINUTE),
            Refusal::InvalidToken
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_does_not_count_for_another_and_an_unknown_one_is_not_counted() {
        let limits = limits();
        let now = Instant::now();
        (0..20).for_each(|_| drop(limits.record_failure(peer(1), now)));

        assert_eq!(limits.record_failure(peer(2), now), Refusal::InvalidToken);
        assert!((0..20).all(|_| limits.record_failure(None, now) == Refusal::InvalidToken));
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_ipv6_subscriber_are_one_and_a_mapped_ipv4_is_itself() {
        let limits = limits();
        let now = Instant::now();
        let address = |text: &str| Some(text.parse().unwrap());
        for last in 0..10 {
            limits.record_failure(address(&format!("2001:db8:1:2::{last}")), now);
            limits.record_failure(address("::ffff:192.0.2.1"), now);
        }

        assert!(is_too_many(
            &limits.record_failure(address("2001:db8:1:2:ffff::1"), now)
        ));
        assert!(!is_too_many(
            &limits.record_failure(address("2001:db8:1:3::1"), now)
        ));
        assert!(is_too_many(&limits.record_failure(peer(1), now)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_keeps_the_table_inside_its_bound() {
        let limits = limits();
        let now = Instant::now();
        for address in 0..100_000_u32 {
            limits.record_failure(Some(IpAddr::from(address.to_be_bytes())), now);
        }

        let failures = limits.failures.lock().unwrap();
        assert_eq!(failures.counts.len(), MAX_KEYS);
        assert_eq!(failures.began.len(), MAX_KEYS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_of_the_log_is_due_once_a_minute_and_has_the_count_since_the_last() {
        let limits = limits();
        let start = Instant::now();

        let count = |status, seconds| {
            let now = start + Duration::from_secs(seconds);
            limits.count_refusal(StatusCode::from_u16(status).unwrap(), now)
        };
        assert_eq!(count(401, 0), Some(1));
        for second in 0..60 {
            assert_eq!(count(401, second), None);
        }
        assert_eq!(count(405, 59), Some(1), "another status has its own lines");
        assert_eq!(count(401, 60), Some(61));
        assert_eq!(count(401, 60), None);
        assert_eq!(count(405, 60), None);
        assert_eq!(count(401, 300), Some(2));
        assert_eq!(count(405, 300), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn each_credential_has_its_own_rate_and_counts_anew_after_a_minute() {
        let limits = Limits::new(Rates {
            calls: 2,
            ..Rates::default()
        });
        let (one, other) = (Credential::new(0, 0), Credential::new(0, 1));
        let now = Instant::now();

        assert!(limits.record_call(one, now).is_ok() && limits.record_call(one, now).is_ok());
        assert_eq!(
            limits.record_call(one, now),
            Err(Refusal::TooMany {
                retry_after: MINUTE
            })
        );
        assert!(limits.record_call(other, now).is_ok());
        assert!(limits.record_call(one, now + MINUTE).is_ok());
    }
}
