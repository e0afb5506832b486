//! Throws mutated input at the whole layer, and checks what must hold for any input.
//!
//! `FUZZ_SECONDS` is the time that each test takes, 2 by default; `FUZZ_SEED` repeats a run, whose
//! seed each test prints.

mod endpoint;
mod header_mode;
mod mutate;
mod pages;

use std::time::{Duration, Instant};

use isr_tests::Answer;
use sfv::{List, ListEntry, Parser};

use mutate::Mutator;

/// Runs `round` with mutated input until the time of a test is over.
async fn rounds(mut round: impl AsyncFnMut(&mut Mutator)) {
    let seconds = number("FUZZ_SECONDS").unwrap_or(2);
    let seed = number("FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("FUZZ_SEED={seed}");

    let mut mutator = Mutator::new(seed);
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        round(&mut mutator).await;
        count += 1;
    }
    println!("{count} rounds in {seconds} s");
    assert!(count > 10, "{count} rounds try nothing");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Checks what holds for every response that we did not leave untouched: one `Cache-Status` that
/// parses, and whose last member is ours and tells of no panic.
fn assert_status(answer: &Answer, input: &dyn std::fmt::Debug) {
    let told = answer.cache_status();
    if !told.contains("isr; ") {
        return;
    }
    let members = Parser::new(told).parse::<List>();
    let members = members.unwrap_or_else(|error| panic!("{told:?}: {error}; {input:?}"));
    let Some(ListEntry::Item(ours)) = members.last() else {
        panic!("{told:?} has no member of ours; {input:?}");
    };
    let name = ours.bare_item.as_token().map(|name| name.as_str());
    assert_eq!(name, Some("isr"), "{told:?}; {input:?}");
    assert!(!told.contains("detail=panic"), "{told:?}; {input:?}");
    let (hit, forwarded) = (ours.params.get("hit"), ours.params.get("fwd"));
    // A request with `only-if-cached` is neither served nor passed on.
    let is_refused = answer.status == 504 && told.ends_with("detail=only-if-cached");
    let is_one = hit.is_some() != forwarded.is_some();
    assert!(is_one || is_refused, "{told:?}; {input:?}");
}
