//! Measures a million entries: the memory of each, and the time of a purge compared with a tag that
//! no entry carries.
//!
//! `cargo run --release -p isr-bench --bin million [entries]`

use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge, context};
use tower::{Layer, Service, ServiceExt, service_fn};

type Body = Full<Bytes>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

const ITEM: Page = Page::new("/items/{id}").with_policy(Policy::new().tags(&["all-items"]));
const BODY: &[u8] = &[b'x'; 100];
const PURGES: u32 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let entries = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |text| text.parse::<u32>())?;
    let before = resident()?;
    let isr = IsrLayer::builder()
        .pages([ITEM])
        .new_keys_per_second(u32::MAX)
        .max_memory_bytes(64 << 30)
        .max_entries(u64::from(entries) * 2)
        .build()?;
    fill(&isr, entries).await?;
    let stats = isr.cache().metrics();
    println!(
        "{} entries; {} bytes of resident memory for each, its body of {} and its headers included",
        stats.entries(),
        (resident()? - before) / u64::from(entries.max(1)),
        BODY.len()
    );
    let selectors = [
        ("a tag they all carry", Purge::tag("all-items")),
        ("a tag one carries", Purge::tag("item:/items/1")),
        ("a tag none carries", Purge::tag("nothing")),
        ("a path", Purge::path("/items/1").mode(Mode::Stale)),
        ("the page", Purge::page("/items/{id}")),
        ("a prefix", Purge::prefix("/items")),
        ("everything", Purge::all()),
    ];
    for (what, purge) in selectors {
        println!(
            "purging {what:22} {:8.2} µs",
            micros(&isr.cache(), &purge).await
        );
    }
    Ok(())
}

/// Renders every page once.
async fn fill(isr: &IsrLayer, entries: u32) -> Result<(), BoxError> {
    let mut service = isr.layer(service_fn(async |request: Request<Body>| {
        context::tag(format!("item:{}", request.uri().path()));
        Ok::<_, Infallible>(Response::new(Body::from(BODY)))
    }));
    for id in 0..entries {
        let request = Request::get(format!("/items/{id}")).body(Body::default())?;
        black_box(service.ready().await?.call(request).await?);
    }
    Ok(())
}

/// Returns the mean time of one purge, in microseconds.
async fn micros(cache: &Cache, purge: &Purge) -> f64 {
    let begin = Instant::now();
    for _ in 0..PURGES {
        black_box(cache.revalidate(purge.clone()).await);
    }
    (begin.elapsed() / PURGES)
        .max(Duration::from_nanos(1))
        .as_secs_f64()
        * 1e6
}

/// Returns the resident memory of this process in bytes, from Linux's `/proc`.
fn resident() -> Result<u64, BoxError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
}
