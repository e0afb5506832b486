//! Values that are made of values, and of themselves.

use std::time::Duration;

use isr_layer::data::Data;
use isr_layer::{Cache, IsrLayer};

const SECOND: Duration = Duration::from_secs(1);
const NUMBER: Data = Data::new("number").timeout(Duration::from_secs(30));

/// A number that is made of the one below it, or of another one.
#[derive(Clone)]
struct Numbers {
    cache: Cache,
    made_of: fn(u32) -> Option<u32>,
}

async fn number(numbers: Numbers, n: u32) -> Result<u32, String> {
    let of = (numbers.made_of)(n);
    // Lets the other reader begin.
    tokio::time::sleep(SECOND).await;
    match of {
        Some(of) => Ok(1 + read(&numbers, of).await?),
        None => Ok(0),
    }
}

fn read(
    numbers: &Numbers,
    n: u32,
) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, String>> + Send>> {
    let numbers = numbers.clone();
    Box::pin(async move {
        let number_of = numbers.cache.data(&NUMBER).key(n);
        number_of
            .with_unkeyed(numbers.clone())
            .load_shared(load)
            .await
    })
}

fn load(
    numbers: Numbers,
    n: u32,
) -> std::pin::Pin<Box<dyn Future<Output = Result<u32, String>> + Send>> {
    Box::pin(number(numbers, n))
}

fn numbers(made_of: fn(u32) -> Option<u32>) -> Numbers {
    let cache = IsrLayer::builder()
        .build()
        .expect("the settings are good")
        .cache();
    Numbers { cache, made_of }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_values_is_loaded_once_for_all_that_are_made_of_it() {
    let numbers = numbers(|n| n.checked_sub(1));

    assert_eq!(read(&numbers, 20).await, Ok(20));
    let began = tokio::time::Instant::now();
    assert_eq!(read(&numbers, 21).await, Ok(21));

    assert_eq!(began.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_made_of_itself_ends_and_nobody_waits_for_ever() {
    for made_of in [(|n| Some(n)) as fn(u32) -> Option<u32>, |n| Some(1 - n)] {
        let numbers = numbers(made_of);
        let began = tokio::time::Instant::now();
        let (one, other) = (numbers.clone(), numbers.clone());

        let one = tokio::spawn(async move { read(&one, 0).await });
        let other = tokio::spawn(async move { read(&other, 1).await });

        assert!(one.await.unwrap_err().is_panic());
        assert!(other.await.unwrap_err().is_panic());
        // Long before the time limit of a load.
        assert!(began.elapsed() < 20 * SECOND, "{:?}", began.elapsed());
    }
}
