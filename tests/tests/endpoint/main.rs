//! The revalidation endpoint from outside: every row of its three tables, asked over a real TCP connection.

mod answers;
mod authenticators;
mod bad_input;
mod bad_signatures;
mod call;
mod captured;
mod modes;
mod mounting;
mod rates;
mod replays;
mod requests;
mod secrecy;
mod signatures;
mod signed;
mod stand;
mod webhooks;

/// The secret of the tests: long enough to be accepted, strange enough to be found wherever it leaks.
const SECRET: &str = "zebra-quartz-lantern-0123456789";

/// A secret that nothing accepts.
const WRONG: &str = "zebra-quartz-lantern-987654321x";

/// How long something takes.
const fn secs(secs: u64) -> std::time::Duration {
    std::time::Duration::from_secs(secs)
}
