//! Many calls at once, and calls that are given up.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bytes::Bytes;

use crate::store::{Mark, Put, StoreError, Validity};
use crate::testing::at_once::at_once;
use crate::testing::promise::{Broken, Kept};
use crate::testing::trial::{Handle, Trial};

/// The number of tasks that call a store at once.
const TASKS: usize = 64;
/// The number of times that each task does its work.
const ROUNDS: usize = 8;

/// The end of a task: how it was broken, or its result.
type Done<T> = Result<T, (String, String)>;

pub(super) async fn records_at_once_are_ordered(trial: &mut Trial<'_>) -> Kept {
    let highest = Arc::new(AtomicU64::new(trial.highest()));
    let tasks = (0..TASKS).map(|_| {
        let (handle, selector) = (trial.handle(), trial.selector());
        let highest = highest.clone();
        record_often(handle, selector, highest)
    });
    let tasks = tasks.collect::<Vec<_>>();
    let numbers = run(trial, tasks).await?;

    let mut seen = HashSet::new();
    for number in numbers.into_iter().flatten() {
        trial.has_given(number);
        if !seen.insert(number) {
            return Err(trial.broken(
                "a number of its own for each call",
                format!("{number} twice"),
            ));
        }
    }
    Ok(())
}

/// Records a mark in each round, and returns the numbers.
async fn record_often(handle: Handle, selector: Bytes, highest: Arc<AtomicU64>) -> Done<Vec<u64>> {
    let mut numbers = Vec::new();
    for _ in 0..ROUNDS {
        // That of a call which has returned, on any thread.
        let before = highest.load(Ordering::SeqCst);
        let number = handle.record(&[Mark::soft(selector.clone())]).await;
        let number = number.map_err(failed)?;
        if number <= before {
            return Err((format!("a number above {before}"), number.to_string()));
        }

        highest.fetch_max(number, Ordering::SeqCst);
        numbers.push(number);
    }
    Ok(numbers)
}

pub(super) async fn mark_is_seen_at_once(trial: &mut Trial<'_>) -> Kept {
    let as_of = trial.highest();
    let tasks = (0..TASKS).map(|_| {
        let keys = [(); ROUNDS].map(|()| trial.key());
        mark_and_look(trial.handle(), keys, trial.selector(), as_of)
    });
    let tasks = tasks.collect::<Vec<_>>();

    let numbers = run(trial, tasks).await?;
    numbers
        .into_iter()
        .for_each(|number| trial.has_given(number));
    Ok(())
}

/// Puts pages, records a mark on each, and looks if it is there. Returns the last number.
async fn mark_and_look(
    handle: Handle,
    keys: [Bytes; ROUNDS],
    selector: Bytes,
    as_of: u64,
) -> Done<u64> {
    let mut known = as_of;
    for key in keys {
        let put = Put::new(key.clone(), known, vec![selector.clone()], "a page");
        handle.write(vec![put.into()]).await.map_err(failed)?;
        let mark = Mark::hard(selector.clone());
        known = handle.record(&[mark]).await.map_err(failed)?;

        let found = handle.get(&key).await.map_err(failed)?;
        let validity = found.map(|found| found.validity);
        if validity != Some(Validity::Hard) {
            let came = validity.map_or("no page".to_owned(), |came| format!("{came:?}"));
            return Err(("Hard: the mark was recorded".to_owned(), came));
        }
    }
    Ok(known)
}

pub(super) async fn pages_at_once_are_whole(trial: &mut Trial<'_>) -> Kept {
    let as_of = trial.highest();
    let shared = trial.key();
    let tasks = (0..TASKS).map(|task| {
        let octet = u8::try_from(task).unwrap_or_default();
        put_and_read(trial.handle(), [trial.key(), shared.clone()], as_of, octet)
    });
    let tasks = tasks.collect::<Vec<_>>();

    run(trial, tasks).await.map(|_| ())
}

/// Puts a page of the own key and one of a key that all tasks put, and reads both in each round.
async fn put_and_read(handle: Handle, keys: [Bytes; 2], as_of: u64, octet: u8) -> Done<()> {
    for round in 1..=ROUNDS {
        let octets = vec![octet; 1000 * round + usize::from(octet)];
        let puts = keys
            .iter()
            .map(|key| Put::new(key.clone(), as_of, Vec::new(), octets.clone()).into());
        handle.write(puts.collect()).await.map_err(failed)?;

        let [own, shared] = &keys;
        let found = handle.get(own).await.map_err(failed)?;
        if found.is_none_or(|found| found.octets != octets) {
            return Err((
                "the page that was put last".to_owned(),
                "another".to_owned(),
            ));
        }
        let found = handle.get(shared).await.map_err(failed)?;
        let octets = found.map(|found| found.octets).unwrap_or_default();
        if !is_whole(&octets) {
            return Err(("one of the pages".to_owned(), "parts of several".to_owned()));
        }
    }
    Ok(())
}

/// True if one call put all of the octets: their number tells which octet they are.
fn is_whole(octets: &[u8]) -> bool {
    let Some(first) = octets.first() else {
        return false;
    };
    octets.len() % 1000 == usize::from(*first) && octets.iter().all(|octet| octet == first)
}

pub(super) async fn highest_of_puts_at_once_stays(trial: &mut Trial<'_>) -> Kept {
    let mut numbers = Vec::new();
    for _ in 0..TASKS {
        numbers.push(trial.number().await?);
    }
    let highest = trial.highest().to_string();

    for _ in 0..ROUNDS {
        let key = trial.key();
        let tasks = numbers.iter().map(|as_of| {
            let (handle, as_of) = (trial.handle(), *as_of);
            let put = Put::new(key.clone(), as_of, Vec::new(), as_of.to_string());
            async move { handle.write(vec![put.into()]).await.map_err(failed) }
        });
        run(trial, tasks.collect()).await?;
        trial.expect_page(&key, highest.as_bytes()).await?;
    }
    Ok(())
}

pub(super) async fn given_up_call_is_harmless(trial: &mut Trial<'_>) -> Kept {
    let (key, selector, handle) = (trial.key(), trial.selector(), trial.handle());
    for _ in 0..ROUNDS {
        let put = Put::new(
            key.clone(),
            trial.highest(),
            vec![selector.clone()],
            "a page",
        );
        give_up(handle.write(vec![put.into()])).await;
        give_up(handle.record(&[Mark::soft(selector.clone())])).await;
        give_up(handle.get(&key)).await;

        // The number of the call may have been given, or be given later.
        let number = trial.number().await?;
        trial
            .write(super::pages::put(&key, number, "after it"))
            .await?;
        trial.expect_page(&key, b"after it").await?;
    }
    Ok(())
}

/// Begins a call, and drops its future.
async fn give_up<T>(call: impl Future<Output = T>) {
    let mut call = pin!(call);
    poll_fn(|cx| {
        let _ = call.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

fn failed(error: StoreError) -> (String, String) {
    (
        "each call succeeds".to_owned(),
        format!("`{error}` ({:?})", error.kind()),
    )
}

/// Runs all tasks [`at_once`]. Returns their results, or the first that was broken.
async fn run<T, F>(trial: &Trial<'_>, tasks: Vec<F>) -> Result<Vec<T>, Broken>
where
    T: Send + 'static,
    F: Future<Output = Done<T>> + Send + 'static,
{
    let done = at_once(tasks).await.into_iter().map(|done| match done {
        Some(Ok(result)) => Ok(result),
        Some(Err((expected, came))) => Err(trial.broken(expected, came)),
        None => Err(trial.broken("no panic", "a panic, whose message is above")),
    });
    done.collect()
}
