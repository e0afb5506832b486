//! Restarts: the handle is dropped, and the place opened again.

use super::pages::put;
use crate::store::Validity::{Hard, Soft, Valid};
use crate::store::{Mark, Remove};
use crate::testing::promise::Kept;
use crate::testing::trial::{BUILD, Trial};

pub(super) async fn pages_survive(trial: &mut Trial<'_>) -> Kept {
    let (low, high) = (trial.number().await?, trial.number().await?);
    let key = trial.key();
    trial.write(put(&key, low, "old")).await?;
    trial.write(put(&key, high, "new")).await?;
    trial.restart(BUILD).await?;
    trial.expect_page(&key, b"new").await?;

    trial.write(put(&key, low, "old")).await?;
    trial.expect_page(&key, b"new").await
}

pub(super) async fn removals_survive(trial: &mut Trial<'_>) -> Kept {
    let key = trial.put(&[]).await?;
    let number = trial.number().await?;
    trial.write(Remove::new(key.clone(), number)).await?;
    trial.restart(BUILD).await?;

    trial.expect_none(&key).await
}

pub(super) async fn marks_survive(trial: &mut Trial<'_>) -> Kept {
    let [soft, hard, none] = [(); 3].map(|()| trial.selector());
    let before = trial.highest();
    let mut pages = Vec::new();
    for (selector, validity) in [(&soft, Soft), (&hard, Hard), (&none, Valid)] {
        let key = trial.put(std::slice::from_ref(selector)).await?;
        pages.push((key, validity));
    }
    trial.record(&[Mark::hard(hard.clone())]).await?;
    let marks = [Mark::soft(soft.clone()), Mark::soft(hard.clone())];
    trial.record(&marks).await?;

    trial.restart(BUILD).await?;

    for (key, validity) in pages {
        if trial.get(&key).await?.is_some() {
            let why = "that it was before the restart";
            trial.expect(&key, validity, why).await?;
        }
    }
    for (selector, validity) in [(soft, Soft), (hard, Hard), (none, Valid)] {
        let key = trial.put_as_of(before, &[selector]).await?;
        let why = "the marks came before the restart, and the page after it";
        trial.expect(&key, validity, why).await?;
    }
    Ok(())
}
