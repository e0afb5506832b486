//! Marks: they reach pages by equal selectors and higher numbers.

use bytes::Bytes;

use crate::store::Validity::{Hard, Soft, Valid};
use crate::store::{Mark, Put};
use crate::testing::promise::Kept;
use crate::testing::trial::{Trial, shown};

/// The number of selectors and marks that are many.
const MANY: usize = 1000;

/// Selectors that look alike. No two are equal.
fn look_alikes() -> Vec<Bytes> {
    let long = [b'x'; 4096];
    let longer = [b'x'; 4097];

    let all: [&[u8]; 13] = [
        b"tag:bread",
        b"tag:breads",
        b"tag:brea",
        b"Tag:bread",
        b"tag:bread ",
        b"tag:bread\0",
        b"tag:*",
        b"",
        b"\0",
        b"tag:\xfe", // No UTF-8, and neither is the next.
        b"tag:\xff",
        &long,
        &longer,
    ];
    all.map(Bytes::copy_from_slice).to_vec()
}

pub(super) async fn mark_reaches_equal(trial: &mut Trial<'_>) -> Kept {
    for selector in look_alikes() {
        let key = trial.put(std::slice::from_ref(&selector)).await?;
        trial.record(&[Mark::soft(selector.clone())]).await?;
        let why = format!("a mark is on its selector {}", shown(&selector));
        trial.expect_reached(&key, &why).await?;
    }
    Ok(())
}

pub(super) async fn mark_reaches_only_equal(trial: &mut Trial<'_>) -> Kept {
    let without = trial.put(&[]).await?;
    for marked in look_alikes() {
        let others = look_alikes().into_iter().filter(|other| *other != marked);
        let mut pages = Vec::new();
        for other in others {
            let key = trial.put(std::slice::from_ref(&other)).await?;
            pages.push((key, other));
        }

        trial.record(&[Mark::hard(marked.clone())]).await?;

        for (key, other) in pages {
            let why = format!("{} is not {}", shown(&other), shown(&marked));
            trial.expect(&key, Valid, &why).await?;
        }
    }
    trial.expect(&without, Valid, "it has no selector").await
}

pub(super) async fn soft_mark_is_soft(trial: &mut Trial<'_>) -> Kept {
    let selector = trial.selector();
    let key = trial.put(std::slice::from_ref(&selector)).await?;
    trial.record(&[Mark::soft(selector)]).await?;

    trial.expect(&key, Soft, "the one mark on it is soft").await
}

pub(super) async fn hard_mark_is_hard(trial: &mut Trial<'_>) -> Kept {
    let selector = trial.selector();
    let key = trial.put(std::slice::from_ref(&selector)).await?;
    trial.record(&[Mark::hard(selector)]).await?;

    trial.expect(&key, Hard, "the one mark on it is hard").await
}

pub(super) async fn hard_stays_hard(trial: &mut Trial<'_>) -> Kept {
    let [one, two, three] = [(); 3].map(|()| trial.selector());
    let both = [one.clone(), two.clone(), three.clone()];
    let before = trial.highest();
    trial.record(&[Mark::hard(one.clone())]).await?;
    let between = trial.record(&[Mark::soft(one.clone())]).await?;
    trial
        .record(&[Mark::hard(two.clone()), Mark::soft(two.clone())])
        .await?;
    trial
        .record(&[Mark::soft(three.clone()), Mark::hard(three.clone())])
        .await?;

    for selector in both {
        let key = trial.put_as_of(before, &[selector]).await?;
        trial
            .expect(&key, Hard, "a hard mark is on it, beside a soft one")
            .await?;
    }
    let key = trial.put_as_of(between - 1, &[one]).await?;
    trial
        .expect(
            &key,
            Soft,
            "its `as_of` knows the hard mark, not the soft one",
        )
        .await
}

pub(super) async fn strictest_mark_counts(trial: &mut Trial<'_>) -> Kept {
    for hard in 0..3 {
        let selectors = [(); 3].map(|()| trial.selector());
        let key = trial.put(&selectors).await?;
        trial.record(&[Mark::hard(selectors[hard].clone())]).await?;
        let others = (0..3).filter(|other| *other != hard);
        let others = others.map(|other| Mark::soft(selectors[other].clone()));
        trial.record(&others.collect::<Vec<_>>()).await?;

        let why = format!("of its 3 selectors, number {} has a hard mark", hard + 1);
        trial.expect(&key, Hard, &why).await?;
    }
    Ok(())
}

pub(super) async fn marked_page_is_returned(trial: &mut Trial<'_>) -> Kept {
    for mark in [Mark::soft, Mark::hard] {
        let selector = trial.selector();
        let key = trial.put(std::slice::from_ref(&selector)).await?;
        trial.record(&[mark(selector)]).await?;
        trial.expect_page(&key, b"a page").await?;
    }
    Ok(())
}

pub(super) async fn old_mark_does_not_reach(trial: &mut Trial<'_>) -> Kept {
    for mark in [Mark::soft, Mark::hard] {
        let selector = trial.selector();
        let number = trial.record(&[mark(selector.clone())]).await?;
        let equal = trial
            .put_as_of(number, std::slice::from_ref(&selector))
            .await?;
        trial
            .expect(&equal, Valid, "its `as_of` is the number of the mark")
            .await?;

        let above = trial.number().await?;
        let higher = trial.put_as_of(above, &[selector]).await?;
        trial
            .expect(
                &higher,
                Valid,
                "its `as_of` is above the number of the mark",
            )
            .await?;
    }
    Ok(())
}

pub(super) async fn mark_reaches_later_put(trial: &mut Trial<'_>) -> Kept {
    let selector = trial.selector();
    let before = trial.highest();
    trial.record(&[Mark::soft(selector.clone())]).await?;
    let key = trial.put_as_of(before, &[selector]).await?;

    trial
        .expect_reached(&key, "the mark came while the page was rendered")
        .await
}

pub(super) async fn each_of_many_selectors(trial: &mut Trial<'_>) -> Kept {
    let selectors = (0..MANY).map(|_| trial.selector()).collect::<Vec<_>>();
    for place in [0, 1, MANY / 2, MANY - 1] {
        let key = trial.put(&selectors).await?;
        let mark = Mark::soft(selectors[place].clone());
        trial.record(&[mark]).await?;

        let why = format!("a mark is on selector {} of {MANY}", place + 1);
        trial.expect_reached(&key, &why).await?;
    }
    Ok(())
}

pub(super) async fn each_of_many_marks(trial: &mut Trial<'_>) -> Kept {
    let selectors = (0..MANY).map(|_| trial.selector()).collect::<Vec<_>>();
    let before = trial.highest();
    let pages = selectors.iter().map(|selector| {
        let key = trial.key();
        Put::new(key, before, vec![selector.clone()], "a page")
    });
    let pages = pages.collect::<Vec<_>>();
    let writes = pages.iter().cloned().map(Into::into).collect();
    trial.write_all(writes).await?;

    let marks = selectors.into_iter().map(Mark::soft).collect::<Vec<_>>();
    trial.record(&marks).await?;

    for (place, page) in pages.iter().enumerate() {
        let why = format!("mark {} of {MANY} in one call is on it", place + 1);
        trial.expect_reached(&page.key, &why).await?;
    }
    Ok(())
}
