//! Tests the revalidation endpoint from outside, over TCP: every row of its tables of requests,
//! responses and authenticators.

mod answers;
mod authenticators;
mod bad_input;
mod bad_signatures;
mod call;
mod captured;
mod head;
mod modes;
mod mounting;
mod odd_json;
mod random;
mod rates;
mod replays;
mod requests;
mod secrecy;
mod secrets;
mod signatures;
mod signed;
mod stand;
mod webhooks;
mod wordpress;

/// The secret of the tests: long enough to be accepted, unusual enough to be found wherever it
/// leaks.
const SECRET: &str = "zebra-quartz-lantern-0123456789";

/// A secret that no authenticator accepts.
const WRONG: &str = "zebra-quartz-lantern-987654321x";

/// Makes a duration of whole seconds.
const fn secs(secs: u64) -> std::time::Duration {
    std::time::Duration::from_secs(secs)
}
