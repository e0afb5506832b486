//! D1: arguments and names that make no key, and values that are too large.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{Request, Response};
use isr_layer::data::Data;
use isr_layer::{IsrLayer, Mode, Page, Policy, Purge};
use isr_tests::{ask, get, settle};
use serde::Serialize;
use tower::{Layer, service_fn};

const DATA: Data = Data::new("data");

type Loads = Arc<AtomicUsize>;

async fn load<K: std::fmt::Debug>(loads: Loads, key: K) -> Result<String, Infallible> {
    loads.fetch_add(1, Ordering::Relaxed);
    Ok(format!("{key:?}"))
}

/// Reads each key twice, and returns the number of loads and the values.
async fn read_twice<K>(keys: [K; 2]) -> (usize, [String; 2])
where
    K: Serialize + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static,
{
    let cache = IsrLayer::builder()
        .build()
        .expect("the settings are good")
        .cache();
    let loads = Loads::default();
    let read = async |key: K| {
        let value = cache.data(&DATA).key(key).with_unkeyed(loads.clone());
        value.load(load).await.unwrap()
    };
    let [one, other] = keys;
    let values = [read(one.clone()).await, read(other.clone()).await];
    read(one).await;
    read(other).await;
    (loads.load(Ordering::Relaxed), values)
}

/// The serialisation leaves out what makes two of them different.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Half {
    seen: u8,
    #[serde(skip)]
    unseen: u8,
}

#[tokio::test]
async fn arguments_that_are_equal_as_json_alone_are_never_one_value() {
    let half = |unseen| Half { seen: 1, unseen };

    let (loads, [one, other]) = read_twice([half(1), half(2)]).await;

    assert_ne!(one, other);
    assert!(loads >= 3, "{loads}");
}

#[tokio::test]
async fn arguments_that_make_no_key_are_loaded_each_time() {
    assert_eq!(read_twice([f64::NAN, 1.0]).await.0, 3);
    let odd = || HashMap::from([((1, 2), 3)]);
    assert_eq!(read_twice([odd(), odd()]).await.0, 4);
    let long = || "a".repeat(20 * 1024);
    assert_eq!(read_twice([long(), long()]).await.0, 4);
    assert_eq!(read_twice(["a", "b"]).await.0, 2, "those that make one");
}

#[tokio::test]
async fn two_data_of_one_name_are_never_mixed() {
    const AGAIN: Data = Data::new("data");
    async fn other(_: (), key: u8) -> Result<String, Infallible> {
        Ok(format!("other {key}"))
    }
    let cache = IsrLayer::builder().build().unwrap().cache();
    let loads = Loads::default();

    for _ in 0..2 {
        let one = cache.data(&DATA).key(1_u8).with_unkeyed(loads.clone());
        assert_eq!(one.load(load).await.unwrap(), "1");
        let again = cache.data(&AGAIN).key(1_u8).load(other).await;
        assert_eq!(again.unwrap(), "other 1");
        // With the same loader it would be equal, but for its policy.
        let again = cache.data(&AGAIN).key(1_u8).with_unkeyed(loads.clone());
        assert_eq!(again.load(load).await.unwrap(), "1");
    }

    assert_eq!(loads.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_value_larger_than_its_memory_is_handed_out_and_not_kept() {
    let layer = IsrLayer::builder()
        .max_data_bytes(64 * 1024)
        .build()
        .unwrap();
    let (cache, loads) = (layer.cache(), Loads::default());
    for (bytes, expected) in [(1_000_usize, 1), (100_000, 3)] {
        loads.store(0, Ordering::Relaxed);
        for _ in 0..3 {
            let value = cache.data(&DATA).key(bytes).with_unkeyed(loads.clone());
            let value = match bytes {
                1_000 => value.weight::<String>(|_| 1_000).load(load).await,
                _ => value.weight::<String>(|_| 100_000).load(load).await,
            };
            assert_eq!(value.unwrap(), bytes.to_string());
        }
        assert_eq!(loads.load(Ordering::Relaxed), expected, "{bytes}");
    }
}

#[tokio::test]
async fn a_hundred_thousand_arguments_of_a_stranger_take_no_more_than_their_memory() {
    let layer = IsrLayer::builder().max_data_entries(1_000).build().unwrap();
    let (cache, loads) = (layer.cache(), Loads::default());

    for key in 0..100_000_u32 {
        let value = cache.data(&DATA).key(key).with_unkeyed(loads.clone());
        value.load(load).await.unwrap();
    }

    let metrics = cache.metrics();
    assert!(metrics.data_entries() <= 1_000, "{metrics:?}");
    assert!(metrics.data_entries() > 500, "{metrics:?}");
}

#[tokio::test]
async fn what_says_who_asks_is_refused_also_inside_of_something_else() {
    type Asks = (Loads, http::HeaderMap);
    async fn load_for((loads, _): Asks, key: u8) -> Result<String, Infallible> {
        load(loads, key).await
    }
    async fn load_within(asks: Arc<Asks>, key: u8) -> Result<String, Infallible> {
        load(asks.0.clone(), key).await
    }
    let cache = IsrLayer::builder().build().unwrap().cache();
    let loads = Loads::default();

    for key in [1_u8, 1, 1] {
        let asks = (loads.clone(), http::HeaderMap::new());
        let value = cache.data(&DATA).key(key).with_unkeyed(asks.clone());
        value.load(load_for).await.unwrap();
        let value = cache.data(&DATA).key(key).with_unkeyed(Arc::new(asks));
        value.load(load_within).await.unwrap();
    }

    assert_eq!(loads.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn a_purge_names_a_value_by_the_arguments_of_its_key() {
    async fn reads<K>(key: K, purge: Purge) -> usize
    where
        K: Serialize + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static,
    {
        let cache = IsrLayer::builder().build().unwrap().cache();
        let loads = Loads::default();
        for turn in 0..2 {
            let value = cache
                .data(&DATA)
                .key(key.clone())
                .with_unkeyed(loads.clone());
            value.load(load).await.unwrap();
            if turn == 0 {
                let purge = purge.clone().mode(Mode::Expire);
                assert!(cache.revalidate(purge).await.is_revalidated());
            }
        }
        loads.load(Ordering::Relaxed)
    }
    let list = || vec!["a", "b"];
    let long = || "a".repeat(5_000);

    assert_eq!(reads("a", Purge::value(DATA, "a")).await, 2);
    assert_eq!(reads("a", Purge::value(DATA, ("a",))).await, 2);
    assert_eq!(reads(("a", 1), Purge::value(DATA, ("a", 1))).await, 2);
    assert_eq!(
        reads(None::<u8>, Purge::value(DATA, (None::<u8>,))).await,
        2
    );
    assert_eq!(reads(None::<u8>, Purge::value(DATA, None::<u8>)).await, 2);
    assert_eq!(reads(list(), Purge::value(DATA, (list(),))).await, 2);
    assert_eq!(reads(list(), Purge::value(DATA, list())).await, 2);
    assert_eq!(reads((), Purge::value(DATA, ())).await, 2);
    assert_eq!(reads(long(), Purge::value(DATA, long())).await, 2);
    assert_eq!(reads("a", Purge::value(DATA, "b")).await, 1);
    assert_eq!(reads(list(), Purge::value(DATA, ("a", "b"))).await, 1);
}

#[tokio::test]
async fn a_purge_whose_arguments_are_no_json_is_refused() {
    let cache = IsrLayer::builder().build().unwrap().cache();
    let odd = HashMap::from([((1, 2), 3)]);

    let receipt = cache.revalidate(Purge::value(DATA, odd)).await;

    assert!(!receipt.is_revalidated());
    let error = receipt.receipts()[0].error().unwrap().to_string();
    assert!(error.contains("do not serialise to JSON"), "{error}");
}

#[tokio::test]
async fn a_clone_that_panics_ends_its_reader_and_nothing_else() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    struct Odd;
    impl Clone for Odd {
        fn clone(&self) -> Self {
            assert_ne!(PANICS.load(Ordering::Relaxed), 1, "the clone panics");
            Self
        }
    }
    async fn load_odd(loads: Loads, _: ()) -> Result<Odd, Infallible> {
        loads.fetch_add(1, Ordering::Relaxed);
        Ok(Odd)
    }
    let cache = IsrLayer::builder().build().unwrap().cache();
    let loads = Loads::default();
    let read = || {
        let (cache, loads) = (cache.clone(), loads.clone());
        tokio::spawn(async move {
            let value = cache.data(&DATA).with_unkeyed(loads);
            value.load(load_odd).await.map(drop)
        })
    };

    assert!(read().await.is_ok());
    PANICS.store(1, Ordering::Relaxed);
    assert!(read().await.unwrap_err().is_panic());
    PANICS.store(0, Ordering::Relaxed);
    assert!(read().await.is_ok());

    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_purges_itself_is_not_begun_for_ever() {
    type Purging = (isr_layer::Cache, Loads);
    async fn load_purging((cache, loads): Purging, _: ()) -> Result<(), Infallible> {
        loads.fetch_add(1, Ordering::Relaxed);
        let purge = Purge::data(DATA).mode(Mode::Regenerate);
        assert!(cache.revalidate(purge).await.is_revalidated());
        Ok(())
    }
    let pages = [Page::new("/page").with_policy(Policy::new())];
    let isr = IsrLayer::builder().pages(pages).build().unwrap();
    let (cache, loads) = (isr.cache(), Loads::default());
    let purging = (cache.clone(), loads.clone());
    let app = isr.layer(service_fn(move |_: Request<Body>| {
        let purging = purging.clone();
        async move {
            let value = purging.0.data(&DATA).with_unkeyed(purging.clone());
            value.load(load_purging).await?;
            Ok::<_, Infallible>(Response::new(Body::from("a page")))
        }
    }));

    for _ in 0..10 {
        assert_eq!(ask(&app, get("/page")).await.text(), "a page");
        settle().await;
    }

    assert!(loads.load(Ordering::Relaxed) <= 11, "{loads:?}");
}
