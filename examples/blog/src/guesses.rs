//! Tells an address that guesses the secret to wait, by the wrong ones of a minute, in a bounded
//! table, with the numbers of the revalidation endpoint. The right secret is always accepted.
//!
//! The crate `governor` limits rates by key as well, but its tables have no bound: they grow with
//! the addresses until `retain_recent` is called.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Number of wrong secrets in a minute that an address may send before it is told to wait.
const ALLOWED: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);
/// Largest number of addresses. A flood of addresses can make the table forget one too early.
const MAX_ADDRESSES: usize = 4_096;

/// The wrong secrets of each address, over a minute that begins with the first of them.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    minutes: HashMap<IpAddr, Minute>,
    /// The addresses in the order in which their minutes began.
    order: VecDeque<IpAddr>,
}

#[derive(Debug)]
struct Minute {
    began: Instant,
    guesses: u32,
}

impl Guesses {
    /// Counts a wrong secret. Returns the seconds to wait if there were too many.
    pub(crate) fn record(&mut self, peer: IpAddr, now: Instant) -> Option<u64> {
        self.forget_ended(now);
        let address = network(peer);
        if !self.minutes.contains_key(&address) {
            if self.minutes.len() >= MAX_ADDRESSES {
                self.forget_oldest();
            }
            self.order.push_back(address);
        }

        let minute = self.minutes.entry(address).or_insert(Minute {
            began: now,
            guesses: 0,
        });
        minute.guesses = minute.guesses.saturating_add(1);
        let wait = (minute.began + MINUTE).saturating_duration_since(now);
        (minute.guesses > ALLOWED).then(|| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    fn forget_ended(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front() {
            let has_ended = |minute: &Minute| now.saturating_duration_since(minute.began) >= MINUTE;
            if !self.minutes.get(oldest).is_none_or(has_ended) {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.minutes.remove(&oldest);
        }
    }
}

/// Returns the address that stands for a whole subscriber: an IPv6 subscriber has 64 bits to choose
/// from (RFC 6177), so those are cleared.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_eleventh_within_a_minute_waits_for_the_end_of_the_minute() {
        let mut guesses = Guesses::default();
        let (peer, start) = (address("192.0.2.1"), Instant::now());
        for _ in 0..10 {
            assert_eq!(guesses.record(peer, start), None);
        }

        let later = start + Duration::from_millis(20_500);

        assert_eq!(guesses.record(peer, later), Some(40));
        assert_eq!(guesses.record(peer, start + MINUTE), None);
    }

    #[test]
    fn one_address_does_not_count_for_another() {
        let mut guesses = Guesses::default();
        let now = Instant::now();
        for _ in 0..20 {
            guesses.record(address("192.0.2.1"), now);
        }

        assert_eq!(guesses.record(address("192.0.2.2"), now), None);
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_are_one_and_a_mapped_ipv4_is_itself() {
        let mut guesses = Guesses::default();
        let now = Instant::now();
        for last in 0..10 {
            guesses.record(address(&format!("2001:db8:1:2::{last}")), now);
            guesses.record(address("::ffff:192.0.2.1"), now);
        }

        for (next, expected) in [
            ("2001:db8:1:2:ffff::1", Some(60)),
            ("2001:db8:1:3::1", None),
            ("192.0.2.1", Some(60)),
        ] {
            assert_eq!(guesses.record(address(next), now), expected, "{next}");
        }
    }

    #[test]
    fn a_flood_of_addresses_keeps_the_table_inside_its_bound() {
        let mut guesses = Guesses::default();
        let now = Instant::now();
        for bits in 0..20_000_u32 {
            guesses.record(IpAddr::from(bits.to_be_bytes()), now);
        }

        assert_eq!(guesses.minutes.len(), MAX_ADDRESSES);
        assert_eq!(guesses.order.len(), MAX_ADDRESSES);

        guesses.record(address("192.0.2.1"), now + MINUTE);

        assert_eq!((guesses.minutes.len(), guesses.order.len()), (1, 1));
    }
}
