//! Pages: each is found again, and the higher `as_of` wins.

use std::time::Duration;

use bytes::Bytes;

use crate::store::{Put, Remove, Validity};
use crate::testing::promise::Kept;
use crate::testing::trial::Trial;

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) async fn page_comes_back(trial: &mut Trial<'_>) -> Kept {
    let selector = trial.selector();
    let key = trial.put(&[selector]).await?;

    trial.expect_page(&key, b"a page").await?;
    trial
        .expect(&key, Validity::Valid, "no mark is on the page")
        .await
}

pub(super) async fn unknown_key_is_none(trial: &mut Trial<'_>) -> Kept {
    let key = trial.key();

    trial.expect_none(&key).await
}

pub(super) async fn keys_are_apart(trial: &mut Trial<'_>) -> Kept {
    let mut first = trial.key().to_vec();
    first[1] = b'x'; // No other check may get one of the neighbours.
    let first = Bytes::from(first);
    let keys = [0, 15, 31].map(|place| {
        let mut key = first.to_vec();
        key[place] ^= 0x80;
        Bytes::from(key)
    });
    trial.write(put(&first, 0, "first")).await?;
    for key in &keys {
        trial.write(put(key, 0, key)).await?;
    }

    trial.expect_page(&first, b"first").await?;
    for key in &keys {
        trial.expect_page(key, key).await?;
    }
    Ok(())
}

pub(super) async fn octets_of_each_length(trial: &mut Trial<'_>) -> Kept {
    let every_octet = (0..=u8::MAX).collect::<Vec<_>>();
    let pages = [
        Vec::new(),
        vec![0],
        every_octet.clone(),
        every_octet.repeat(8 << 12), // 8 MiB
    ];

    for octets in pages {
        let key = trial.key();
        trial.write(put(&key, 0, octets.clone())).await?;
        trial.expect_page(&key, &octets).await?;
    }
    Ok(())
}

pub(super) async fn page_is_kept_until_expiry(trial: &mut Trial<'_>) -> Kept {
    let key = trial.key();
    let page = put(&key, 0, "a page").with_age(HOUR);

    trial.write(page.with_expiry(Some(2 * HOUR))).await?;

    trial.expect_page(&key, b"a page").await
}

pub(super) async fn age_is_not_lost(trial: &mut Trial<'_>) -> Kept {
    let key = trial.key();
    trial.write(put(&key, 0, "a page").with_age(HOUR)).await?;

    match trial.get(&key).await?.and_then(|found| found.age) {
        Some(age) if !(HOUR..2 * HOUR).contains(&age) => {
            Err(trial.broken(format!("{HOUR:?}, or no age"), format!("{age:?}")))
        }
        // Without an age, that of the record counts, which is in the octets.
        _ => Ok(()),
    }
}

pub(super) async fn put_replaces(trial: &mut Trial<'_>) -> Kept {
    let (low, high, selector) = (
        trial.number().await?,
        trial.number().await?,
        trial.selector(),
    );
    let key = trial.key();
    trial.write(put(&key, low, "old")).await?;
    let new = Put::new(key.clone(), high, vec![selector.clone()], "new");
    trial.write(new).await?;
    trial.expect_page(&key, b"new").await?;

    trial.record(&[crate::store::Mark::soft(selector)]).await?;

    trial
        .expect_reached(&key, "a mark is on a selector of the new page")
        .await
}

pub(super) async fn equal_put_replaces(trial: &mut Trial<'_>) -> Kept {
    let (as_of, key) = (trial.number().await?, trial.key());
    trial.write(put(&key, as_of, "old")).await?;
    trial.write(put(&key, as_of, "new")).await?;

    trial.expect_page(&key, b"new").await
}

pub(super) async fn lower_put_does_not_replace(trial: &mut Trial<'_>) -> Kept {
    let (low, high) = (trial.number().await?, trial.number().await?);
    let key = trial.key();
    trial.write(put(&key, high, "new")).await?;
    trial.write(put(&key, low, "old")).await?;

    trial.expect_page(&key, b"new").await
}

pub(super) async fn remove_forgets(trial: &mut Trial<'_>) -> Kept {
    let (low, high) = (trial.number().await?, trial.number().await?);
    for as_of in [low, high] {
        let key = trial.key();
        trial.write(put(&key, low, "a page")).await?;
        trial.write(Remove::new(key.clone(), as_of)).await?;
        trial.expect_none(&key).await?;

        // Nothing is there to forget.
        trial.write(Remove::new(key.clone(), as_of)).await?;
        trial.write(put(&key, high, "again")).await?;
        trial.expect_page(&key, b"again").await?;
    }
    Ok(())
}

pub(super) async fn lower_remove_does_not_forget(trial: &mut Trial<'_>) -> Kept {
    let (low, high) = (trial.number().await?, trial.number().await?);
    let key = trial.key();
    trial.write(put(&key, high, "a page")).await?;
    trial.write(Remove::new(key.clone(), low)).await?;

    trial.expect_page(&key, b"a page").await
}

pub(super) async fn writes_keep_their_order(trial: &mut Trial<'_>) -> Kept {
    let (low, high) = (trial.number().await?, trial.number().await?);
    let [gone, again, back] = [(); 3].map(|()| trial.key());
    let writes = vec![
        put(&gone, low, "a page").into(),
        put(&back, low, "old").into(),
        Remove::new(again.clone(), high).into(),
        put(&again, high, "again").into(),
        Remove::new(gone.clone(), high).into(),
        Remove::new(back.clone(), high).into(),
        put(&back, high, "back").into(),
    ];

    trial.write_all(writes).await?;

    trial.expect_none(&gone).await?;
    trial.expect_page(&again, b"again").await?;
    trial.expect_page(&back, b"back").await
}

/// A page without selectors.
pub(super) fn put(key: &Bytes, as_of: u64, octets: impl AsRef<[u8]>) -> Put {
    let octets = Bytes::copy_from_slice(octets.as_ref());
    Put::new(key.clone(), as_of, Vec::new(), octets)
}
