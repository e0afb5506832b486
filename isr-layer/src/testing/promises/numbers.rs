//! The numbers of purges.

use super::pages::put;
use crate::store::Mark;
use crate::testing::promise::{Broken, Kept};
use crate::testing::trial::{BUILD, Trial};

pub(super) async fn numbers_grow(trial: &mut Trial<'_>) -> Kept {
    for _ in 0..100 {
        trial.number().await?;
    }
    Ok(())
}

pub(super) async fn one_number_per_call(trial: &mut Trial<'_>) -> Kept {
    let selectors = [(); 3].map(|()| trial.selector());
    let marks = selectors.clone().map(Mark::soft);
    let number = trial.record(&marks).await?;

    for selector in selectors {
        let key = trial.put_as_of(number, &[selector]).await?;
        trial
            .expect(
                &key,
                crate::store::Validity::Valid,
                "its `as_of` is the number of the call",
            )
            .await?;
    }
    Ok(())
}

pub(super) async fn numbers_grow_across_restarts(trial: &mut Trial<'_>) -> Kept {
    for _ in 0..3 {
        trial.number().await?;
        trial.restart(BUILD).await?;
        trial.number().await?;
    }
    Ok(())
}

pub(super) async fn join_tells_purges(trial: &mut Trial<'_>) -> Kept {
    trial.number().await?;

    // It compares the numbers.
    trial.restart(BUILD).await?;
    trial.restart(BUILD).await.map(|_| ())
}

pub(super) async fn join_tells_pages(trial: &mut Trial<'_>) -> Kept {
    let (key, as_of) = (trial.key(), trial.highest() + 1000);
    trial.write(put(&key, as_of, "a page")).await?;
    let joined = trial.restart(BUILD).await?;
    if trial.get(&key).await?.is_none() {
        // A page may be lost, and its number with it.
        return Ok(());
    }

    if joined < as_of {
        return Err(trial.broken(format!("{as_of} or more"), joined.to_string()));
    }
    let next = trial.number().await;
    next.map(|_| ()).map_err(|broken| Broken {
        promise: trial.promise,
        ..broken
    })
}
