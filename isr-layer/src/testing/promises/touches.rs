//! Touches: they raise the number through which a page is valid.

use bytes::Bytes;

use crate::store::Validity::Valid;
use crate::store::{Mark, Put, Touch};
use crate::testing::promise::{Broken, Kept};
use crate::testing::trial::Trial;

/// A page that a mark reaches, and the numbers of both.
struct Marked {
    key: Bytes,
    selector: Bytes,
    as_of: u64,
    mark: u64,
}

async fn marked(trial: &mut Trial<'_>) -> Result<Marked, Broken> {
    let (as_of, selector) = (trial.number().await?, trial.selector());
    let key = trial
        .put_as_of(as_of, std::slice::from_ref(&selector))
        .await?;
    let mark = trial.record(&[Mark::soft(selector.clone())]).await?;
    Ok(Marked {
        key,
        selector,
        as_of,
        mark,
    })
}

pub(super) async fn touch_raises(trial: &mut Trial<'_>) -> Kept {
    for more in [0, 1] {
        let page = marked(trial).await?;
        trial.number().await?;
        let touch = Touch::new(page.key.clone(), page.as_of, page.mark + more);
        trial.write(touch).await?;

        trial
            .expect(
                &page.key,
                Valid,
                "it was touched through the number of the mark",
            )
            .await?;
    }
    Ok(())
}

pub(super) async fn touch_of_another_means_nothing(trial: &mut Trial<'_>) -> Kept {
    let page = marked(trial).await?;
    for as_of in [page.as_of - 1, page.as_of + 1] {
        let touch = Touch::new(page.key.clone(), as_of, trial.highest());
        trial.write(touch).await?;
        trial
            .expect_reached(&page.key, "only a page with another `as_of` was touched")
            .await?;
    }

    // The page that was touched is replaced, and the touch comes late.
    let newer = trial.highest();
    let new = Put::new(page.key.clone(), newer, vec![page.selector.clone()], "new");
    trial.write(new).await?;
    let mark = trial.record(&[Mark::soft(page.selector)]).await?;
    let touch = Touch::new(page.key.clone(), page.as_of, mark);
    trial.write(touch).await?;
    trial
        .expect_reached(&page.key, "the page before it was touched")
        .await?;

    let unknown = trial.key();
    trial.write(Touch::new(unknown.clone(), 0, mark)).await?;
    trial.expect_none(&unknown).await
}

pub(super) async fn touch_never_lowers(trial: &mut Trial<'_>) -> Kept {
    let page = marked(trial).await?;
    let through = |number| Touch::new(page.key.clone(), page.as_of, number);
    trial.write(through(page.mark)).await?;
    for number in [page.as_of, page.as_of - 1, 0] {
        trial.write(through(number)).await?;
        trial
            .expect(&page.key, Valid, "an earlier touch reached the mark")
            .await?;
    }

    let selector = trial.selector();
    let as_of = trial.record(&[Mark::soft(selector.clone())]).await?;
    let key = trial.put_as_of(as_of, &[selector]).await?;
    trial.write(Touch::new(key.clone(), as_of, 0)).await?;
    trial
        .expect(&key, Valid, "its `as_of` is the number of the mark")
        .await
}

pub(super) async fn touch_raises_only_through(trial: &mut Trial<'_>) -> Kept {
    let page = marked(trial).await?;
    let touch = Touch::new(page.key.clone(), page.as_of, page.mark);
    trial.write(touch).await?;
    trial.record(&[Mark::soft(page.selector)]).await?;

    trial
        .expect_reached(&page.key, "a mark came after the touch")
        .await
}
