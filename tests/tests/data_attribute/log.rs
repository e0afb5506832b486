//! The lines of the log that say why a value is not cached: once for each name, with the name.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use isr_layer::data::Data;
use isr_layer::{IsrLayer, static_data};

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .init();
    log
});

/// Keeps the log's lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Returns the lines about values of this name.
    fn about(&self, name: &str) -> Vec<String> {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8(log.clone()).expect("the log is text");
        let field = format!("data=\"{name}\"");
        let lines = text.lines().filter(|line| line.contains(&field));
        lines.map(str::to_owned).collect()
    }
}

async fn load<W: Send, K: Send>(_: W, _: K) -> Result<u8, Infallible> {
    Ok(1)
}

async fn load_other((): (), _: i32) -> Result<u8, Infallible> {
    Ok(2)
}

#[static_data(name = "log.lonely")]
async fn lonely() -> u8 {
    1
}

#[tokio::test]
async fn a_function_without_a_cache_in_reach_is_told_once_by_its_name() {
    LazyLock::force(&LOG);

    for _ in 0..3 {
        assert_eq!(lonely().await, 1);
    }

    let lines = LOG.about("log.lonely");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN"), "{}", lines[0]);
    assert!(lines[0].contains("no layer is in reach"), "{}", lines[0]);
}

#[tokio::test]
async fn each_reason_not_to_cache_a_value_is_told_once_by_its_name() {
    const NAN: Data = Data::new("log.nan");
    const LONG: Data = Data::new("log.long");
    const ASKS: Data = Data::new("log.asks");
    const LARGE: Data = Data::new("log.large");
    const TAGGED: Data = Data::new("log.tagged").tags(&[""]);
    const ONE: Data = Data::new("log.twice");
    const OTHER: Data = Data::new("log.twice");
    LazyLock::force(&LOG);
    let layer = IsrLayer::builder().max_data_bytes(64 * 1024);
    let cache = layer.without_registered().build().unwrap().cache();

    for _ in 0..3 {
        let Ok(_) = cache.data(&NAN).key(f64::NAN).load(load).await;
        let Ok(_) = cache.data(&LONG).key("a".repeat(20_000)).load(load).await;
        let asks = cache
            .data(&ASKS)
            .key(1)
            .with_unkeyed(http::HeaderMap::new());
        let Ok(_) = asks.load(load).await;
        let large = cache.data(&LARGE).key(1).weight(|_: &u8| 1_000_000);
        let Ok(_) = large.load(load).await;
        let Ok(_) = cache.data(&TAGGED).key(1).load(load).await;
        let Ok(_) = cache.data(&ONE).key(1).load(load).await;
        assert_eq!(cache.data(&OTHER).key(1).load(load_other).await, Ok(2));
    }

    for (name, level, words) in [
        ("log.nan", "WARN", "not equal to themselves"),
        ("log.long", "WARN", "make no key"),
        (
            "log.asks",
            "ERROR",
            "`with_unkeyed` has headers or a request",
        ),
        ("log.large", "WARN", "larger than its memory"),
        ("log.tagged", "WARN", "a tag of a value was not taken"),
        ("log.twice", "ERROR", "declared twice"),
    ] {
        let lines = LOG.about(name);
        assert_eq!(lines.len(), 1, "{name}: {lines:?}");
        assert!(lines[0].contains(level), "{}", lines[0]);
        assert!(lines[0].contains(words), "{}", lines[0]);
    }
}
