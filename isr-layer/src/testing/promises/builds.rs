//! Builds: pages belong to one, purges to all.

use super::pages::put;
use crate::store::Mark;
use crate::store::Validity::{Hard, Soft};
use crate::testing::promise::Kept;
use crate::testing::trial::{BUILD, NEXT_BUILD, Trial};

pub(super) async fn pages_belong_to_one_build(trial: &mut Trial<'_>) -> Kept {
    trial.restart(BUILD).await?;
    let key = trial.put(&[]).await?;
    trial.restart(NEXT_BUILD).await?;

    trial.expect_none(&key).await
}

pub(super) async fn rollback_finds_its_pages(trial: &mut Trial<'_>) -> Kept {
    trial.restart(BUILD).await?;
    let [both, one] = [(); 2].map(|()| trial.key());
    let as_of = trial.number().await?;
    trial.write(put(&both, as_of, "of the first")).await?;
    trial.write(put(&one, as_of, "of the first")).await?;

    trial.restart(NEXT_BUILD).await?;
    let as_of = trial.number().await?;
    trial.write(put(&both, as_of, "of the next")).await?;
    trial
        .write(crate::store::Remove::new(one.clone(), as_of))
        .await?;
    trial.expect_page(&both, b"of the next").await?;

    trial.restart(BUILD).await?;
    trial.expect_page(&both, b"of the first").await?;
    trial.expect_page(&one, b"of the first").await?;
    trial.restart(NEXT_BUILD).await?;
    trial.expect_page(&both, b"of the next").await
}

pub(super) async fn purges_reach_all_builds(trial: &mut Trial<'_>) -> Kept {
    trial.restart(BUILD).await?;
    let [soft, hard] = [(); 2].map(|()| trial.selector());
    let softened = trial.put(std::slice::from_ref(&soft)).await?;
    let hardened = trial.put(std::slice::from_ref(&hard)).await?;

    trial.restart(NEXT_BUILD).await?;
    trial.record(&[Mark::soft(soft), Mark::hard(hard)]).await?;

    trial.restart(BUILD).await?;
    for (key, validity) in [(softened, Soft), (hardened, Hard)] {
        if trial.get(&key).await?.is_some() {
            let why = "the next build recorded a mark on it";
            trial.expect(&key, validity, why).await?;
        }
    }
    Ok(())
}
