//! D1: arguments and names that make no key, and values that are too large.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use isr_layer::IsrLayer;
use isr_layer::data::Data;
use serde::Serialize;

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
    let cache = IsrLayer::builder().build().unwrap().cache();
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
    }

    assert_eq!(loads.load(Ordering::Relaxed), 1);
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
