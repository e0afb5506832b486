//! The public suite names exactly the promise that a store breaks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use isr_layer::testing::store_suite;

use crate::flawed::Flaw::{self, *};
use crate::flawed::{Flawed, Place};

/// Each flaw, with the one promise that it breaks.
const FLAWS: &[(Flaw, &str)] = &[
    (ForgetsAll, "a page that was put is found"),
    (FailsToRead, "a page that was put is found"),
    (PanicsAtOnce, "a page that was put is found"),
    (InventsPages, "a key that was never put is unknown"),
    (
        ComparesHalfOfKeys,
        "keys that differ in one octet are different pages",
    ),
    (
        LosesEmptyPages,
        "octets come back equal, whatever their number",
    ),
    (
        CutsLargePages,
        "octets come back equal, whatever their number",
    ),
    (DropsPagesThatExpire, "a page is kept until it expires"),
    (
        ReturnsNoAge,
        "an age that is returned is that of the put or more",
    ),
    (KeepsOldSelectors, "a put with a higher `as_of` replaces"),
    (KeepsEqual, "a put with an equal `as_of` replaces"),
    (
        ReplacesByLower,
        "a put with a lower `as_of` replaces nothing",
    ),
    (
        KeepsEqualAtRemove,
        "a remove forgets a page of its `as_of` or a lower one",
    ),
    (
        RemovesHigher,
        "a remove with a lower `as_of` forgets nothing",
    ),
    (
        RemovesFirst,
        "writes of one call take effect in their order",
    ),
    (RepeatsNumber, "each number is higher than every one before"),
    (
        NumbersEachMark,
        "all marks of one call have the same number",
    ),
    (
        IgnoresEmptySelector,
        "a mark reaches each page that has an equal selector",
    ),
    (
        ComparesPrefixes,
        "a mark reaches no page that has no equal selector",
    ),
    (
        IgnoresCase,
        "a mark reaches no page that has no equal selector",
    ),
    (
        ComparesTextOnly,
        "a mark reaches no page that has no equal selector",
    ),
    (HasHardMarksAlone, "a page that a soft mark reaches is soft"),
    (HasSoftMarksAlone, "a page that a hard mark reaches is hard"),
    (LastMarkCounts, "a hard page stays hard after a soft mark"),
    (
        SoftestMarkCounts,
        "the strictest mark on the selectors of a page counts",
    ),
    (
        HidesHardPages,
        "a page that a mark reaches is returned all the same",
    ),
    (
        ReachesEqualNumbers,
        "a mark up to the `as_of` of a page does not reach it",
    ),
    (
        ForgetsMarksAtPut,
        "a mark reaches a page that is put later and knows less",
    ),
    (
        KeepsFewSelectors,
        "each of many selectors of a page is compared",
    ),
    (KeepsFewMarks, "each of many marks of one call is recorded"),
    (
        IgnoresTouches,
        "a page that is touched through a number is valid up to it",
    ),
    (
        TouchesAny,
        "a touch with the `as_of` of another page is void",
    ),
    (TouchLowers, "a touch with a lower `through` lowers nothing"),
    (
        TouchIsForEver,
        "a mark above `through` reaches a touched page",
    ),
    (
        SharesNumbers,
        "records at once get different, growing numbers",
    ),
    (
        LosesMarksAtOnce,
        "a mark is seen as soon as `record` returns",
    ),
    (
        LosesPagesAtOnce,
        "pages that are put at once are found, and whole",
    ),
    (
        MixesPages,
        "pages that are put at once are found, and whole",
    ),
    (
        ComparesTooEarly,
        "the highest `as_of` of puts at once stays",
    ),
    (StaysLocked, "a call whose future was dropped does no harm"),
    (BeginsAtZero, "numbers grow across restarts"),
    (
        JoinsAtZero,
        "`join` returns at least the highest number of a purge",
    ),
    (LosesPages, "pages survive a restart"),
    (
        RestoresPages,
        "a page that was removed stays so after a restart",
    ),
    (LosesMarks, "marks survive a restart, with their strictness"),
    (
        LosesStrictness,
        "marks survive a restart, with their strictness",
    ),
    (SharesPages, "a build gets no page of another build"),
    (
        DeletesOtherBuilds,
        "a build finds its own pages after another build",
    ),
    (PurgesOneBuild, "a purge reaches the pages of all builds"),
    (
        ForgetsNumbersOfPages,
        "`join` returns at least the highest `as_of` of a page",
    ),
];

/// Runs the suite, and returns the message of its panic, if it panicked.
async fn complaint(flaw: Flaw) -> Option<String> {
    let place = Arc::new(Mutex::new(Place::default()));
    let suite = store_suite(move || std::future::ready(Flawed::open(flaw, &place)));
    let run = suite.timeout(Duration::from_secs(5)).into_future();

    let panic = tokio::spawn(run).await.err()?.into_panic();
    let message = panic.downcast::<String>().expect("the suite says why");
    Some(*message)
}

/// Returns the promises that a complaint names.
fn named(complaint: &str) -> Vec<&str> {
    let lines = complaint.lines();
    lines.filter_map(|line| line.strip_prefix("- ")).collect()
}

#[tokio::test]
async fn a_store_without_a_flaw_passes() {
    assert_eq!(complaint(Flawless).await, None);
}

/// Runs the suite on every fourth flaw, and returns the complaints that name another promise.
async fn wrong_complaints(first: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for (flaw, promise) in FLAWS.iter().skip(first).step_by(4) {
        let complaint = complaint(*flaw).await.unwrap_or_default();
        if named(&complaint) != [*promise] {
            wrong.push(format!("{flaw:?}: {complaint}"));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_flaw_makes_the_suite_name_the_promise_that_it_breaks_and_no_other() {
    let tasks = [0, 1, 2, 3].map(|first| tokio::spawn(wrong_complaints(first)));

    let mut wrong = Vec::new();
    for task in tasks {
        wrong.extend(task.await.unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn the_suite_checks_no_promise_that_no_flaw_breaks() {
    let all = complaint(ForgetsAll).await.unwrap();
    let all = all.lines().next().unwrap().split(' ').nth(5).unwrap();

    let mut broken = FLAWS.iter().map(|(_, promise)| promise).collect::<Vec<_>>();
    broken.dedup();
    assert_eq!(broken.len().to_string(), all);
}

#[tokio::test]
async fn a_complaint_says_what_was_expected_and_what_came() {
    let complaint = complaint(HasHardMarksAlone).await.unwrap();

    let expected = "\
the store breaks 1 of 43 promises:
- a page that a soft mark reaches is soft
    expected: Soft: the one mark on it is soft
    came:     Hard
3 more build on these, and were not checked";
    assert_eq!(complaint, expected);
}

#[tokio::test]
async fn a_store_that_hangs_is_told_at_its_time_limit() {
    let place = Arc::new(Mutex::new(Place::default()));
    let suite = store_suite(move || std::future::ready(Flawed::open(Hangs, &place)));
    let run = suite.timeout(Duration::from_millis(50)).into_future();

    let panic = tokio::spawn(run).await.unwrap_err().into_panic();

    let message = panic.downcast::<String>().unwrap();
    assert!(
        message.contains("expected: an end within 50ms"),
        "{message}"
    );
}
