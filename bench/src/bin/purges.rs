//! Measures the time for which a purge keeps its runtime's thread, and the slowest hit meanwhile.
//!
//! `cargo run --release -p isr-bench --bin purges [entries]`
//!
//! A task on the purging runtime yields all the time: the longest pause between two of its turns is
//! the longest stand of the thread, in the thread's own processor time, so that other programs do
//! not count. The renders of the purge run on the same thread. Hits come from a second thread with a
//! runtime of its own, and are measured in real time: a busy machine makes these figures larger, as
//! the first row shows.
//!
//! glibc sorts and merges the chunks that were freed before in one go, when it is asked for more:
//! after 100,000 pages were rendered anew that takes 10 to 50 ms now and then, in whatever row it
//! happens. With `LD_PRELOAD=libjemalloc.so.2` no row stands longer than 1.6 ms.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use isr_layer::{Cache, IsrLayer, Mode, Page, Policy, Purge, Receipt, context};
use tower::{Layer, Service, ServiceExt, service_fn};

type Body = Full<Bytes>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

const ITEM: Page = Page::new("/items/{id}").with_policy(Policy::new().tags(&["all-items"]));
const LIST: Page = Page::new("/lists/{id}").with_policy(Policy::new().query(&["page"]));
const HOT: &str = "/items/hot";
const BODY: &[u8] = &[b'x'; 100];
/// The number of groups of items: each has a tag of its own.
const GROUPS: u32 = 1_000;

/// The longest times of one measurement.
#[derive(Clone, Copy, Default)]
struct Longest {
    stand: Duration,
    hit: Duration,
}

fn main() -> Result<(), BoxError> {
    let entries = std::env::args()
        .nth(1)
        .map_or(Ok(100_000), |text| text.parse::<u32>())?;
    println!("{entries} entries");
    println!(
        "{:44} {:>9} {:>9} {:>9} {:>8}",
        "", "stand ms", "call ms", "hit ms", "MiB more"
    );

    runtime()?.block_on(pages(entries))?;
    runtime()?.block_on(headers(entries))?;
    runtime()?.block_on(marks(entries))
}

fn runtime() -> Result<tokio::runtime::Runtime, BoxError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

/// Purges of pages.
async fn pages(entries: u32) -> Result<(), BoxError> {
    let isr = IsrLayer::builder()
        .pages([ITEM, LIST])
        .new_keys_per_second(u32::MAX)
        .max_memory_bytes(64 << 30)
        .build()?;
    let app = isr.layer(service_fn(render));
    let cache = isr.cache();
    fill(app.clone(), HOT.to_owned()).await?;
    for id in 0..entries {
        fill(app.clone(), format!("/items/{id}")).await?;
    }
    for id in 0..100 {
        fill(app.clone(), format!("/lists/{}?page={}", id / 10, id % 10)).await?;
    }
    let began = Instant::now();
    let nothing = measure(&app, async {
        while began.elapsed() < Duration::from_secs(2) {
            tokio::task::yield_now().await;
        }
    });
    print("no purge, for 2 s", nothing.await?.1, Duration::ZERO, 0.0);
    let tags = |count: u32| {
        let tags = (0..count).map(|group| Purge::tag(format!("group:{group}")));
        Purge::batch(tags).mode(Mode::Regenerate)
    };

    row("100 tags, regenerate", &cache, &app, tags(100)).await?;
    row("1,000 tags, regenerate", &cache, &app, tags(1_000)).await?;
    for time in 1..=5 {
        let all = Purge::all().mode(Mode::Regenerate);
        row(&format!("all, regenerate, {time}"), &cache, &app, all).await?;
    }
    cache.drained().await;
    let prefix = Purge::prefix("/items").mode(Mode::Regenerate);
    row("prefix, regenerate", &cache, &app, prefix).await?;
    cache.drained().await;
    let path = || Purge::path("/lists/1");
    row("path of a page with query", &cache, &app, path()).await?;
    let paths = Purge::batch((0..1_000).map(|id| Purge::path(format!("/items/{id}"))));
    row("1,000 paths", &cache, &app, paths).await?;
    let batch = (0..40_000).map(|tag| Purge::tag(format!("none:{tag}")));
    let batch = Purge::batch(batch).mode(Mode::Expire);
    row("40,000 tags, expire", &cache, &app, batch).await?;
    unknown(&cache).await;
    Ok(())
}

/// Purges of paths that are no page.
async fn headers(entries: u32) -> Result<(), BoxError> {
    let isr = IsrLayer::builder()
        .pages([ITEM])
        .cache_by_headers(true)
        .max_memory_bytes(64 << 30)
        .build()?;
    let app = isr.layer(service_fn(render));
    fill(app.clone(), HOT.to_owned()).await?;
    for id in 0..entries {
        fill(app.clone(), format!("/other/{id}")).await?;
    }

    let cache = isr.cache();
    let path = || Purge::path("/other/1");
    row("header mode: a path", &cache, &app, path()).await?;
    let none = Purge::path("/not/stored");
    row("header mode: a path without response", &cache, &app, none).await
}

/// Purges that make the layer sweep its marks.
async fn marks(entries: u32) -> Result<(), BoxError> {
    let isr = IsrLayer::builder()
        .pages([ITEM])
        .new_keys_per_second(u32::MAX)
        .max_memory_bytes(64 << 30)
        .build()?;
    let app = isr.layer(service_fn(render));
    fill(app.clone(), HOT.to_owned()).await?;
    for id in 0..entries {
        fill(app.clone(), format!("/items/{id}")).await?;
    }

    let cache = isr.cache();
    let mut slowest = Duration::ZERO;
    let (_, longest) = measure(&app, async {
        for number in 0..2 * entries {
            let began = thread_time();
            black_box(cache.revalidate(Purge::tag(format!("none:{number}"))).await);
            slowest = slowest.max(thread_time().saturating_sub(began));
            tokio::task::yield_now().await;
        }
    })
    .await?;
    print(
        "purges that fill the marks, processor time",
        longest,
        slowest,
        0.0,
    );
    Ok(())
}

async fn render(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    if let Some(id) = path.strip_prefix("/items/") {
        context::tag(format!("item:{id}"));
        let group = id.parse().map_or(0, |id: u32| id % GROUPS);
        context::tag(format!("group:{group}"));
    }
    // Renders of a real site let other tasks run.
    tokio::task::yield_now().await;
    let mut response = Response::new(Body::from(BODY));
    if path.starts_with("/other/") {
        let an_hour = HeaderValue::from_static("max-age=3600");
        response.headers_mut().insert(CACHE_CONTROL, an_hour);
    }
    Ok(response)
}

async fn fill<S>(app: S, path: String) -> Result<(), BoxError>
where
    S: Service<Request<Body>, Error = Infallible>,
{
    let request = Request::get(path).body(Body::default())?;
    black_box(app.oneshot(request).await?);
    Ok(())
}

/// Measures one purge and prints its row.
async fn row<S>(what: &str, cache: &Cache, app: &S, purge: Purge) -> Result<(), BoxError>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let before = resident()?;
    let began = Instant::now();
    let mut took = Duration::ZERO;
    let (receipt, longest) = measure(app, async {
        let receipt = cache.revalidate(purge).await;
        took = began.elapsed();
        receipt
    })
    .await?;
    let more = (resident()? as f64 - before as f64) / f64::from(1 << 20);
    print(
        &format!("{what}: {}", summary(&receipt)),
        longest,
        took,
        more,
    );
    Ok(())
}

fn print(what: &str, longest: Longest, took: Duration, more: f64) {
    let [stand, took, hit] =
        [longest.stand, took, longest.hit].map(|time| time.as_secs_f64() * 1e3);
    println!("{what:44} {stand:9.2} {took:9.2} {hit:9.2} {more:8.1}");
}

fn summary(receipt: &Receipt) -> String {
    let one = &receipt.receipts()[0];
    match one.regenerated() {
        Some(regenerated) => format!("{} {regenerated}", one.status()),
        None => one.status().to_string(),
    }
}

/// Runs `work` beside a task that yields all the time and beside a thread of hits.
async fn measure<S, T>(app: &S, work: impl Future<Output = T>) -> Result<(T, Longest), BoxError>
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let is_over = Arc::new(AtomicBool::new(false));
    let stand = Arc::new(AtomicU64::new(0));
    let (over, longest) = (is_over.clone(), stand.clone());
    let ticker = tokio::spawn(async move {
        let mut last = thread_time();
        while !over.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
            let now = thread_time();
            let nanos = now.saturating_sub(last).as_nanos();
            longest.fetch_max(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
            last = now;
        }
    });
    let (over, app) = (is_over.clone(), app.clone());
    let hits = std::thread::spawn(move || hits(&app, &over));
    // The ticker has its first turn before the work begins.
    tokio::task::yield_now().await;

    let output = work.await;
    is_over.store(true, Ordering::Relaxed);
    ticker.await?;
    let hit = hits.join().map_err(|_| "the thread of hits panicked")??;
    let stand = Duration::from_nanos(stand.load(Ordering::Relaxed));
    Ok((output, Longest { stand, hit }))
}

/// Requests one page until it is told to stop. Returns the longest time of a hit.
fn hits<S>(app: &S, is_over: &AtomicBool) -> Result<Duration, BoxError>
where
    S: Service<Request<Body>, Error = Infallible> + Clone,
{
    let mut longest = Duration::ZERO;
    runtime()?.block_on(async {
        while !is_over.load(Ordering::Relaxed) {
            let began = Instant::now();
            fill(app.clone(), HOT.to_owned()).await?;
            longest = longest.max(began.elapsed());
            // A refresh that a hit started runs on this runtime too.
            tokio::task::yield_now().await;
        }
        Ok(longest)
    })
}

/// Prints the mean time of a purge of a tag that no page carries.
async fn unknown(cache: &Cache) {
    const PURGES: u32 = 10_000;
    for mode in [Mode::Stale, Mode::Regenerate] {
        let purge = Purge::tag("nothing").mode(mode);
        let began = Instant::now();
        for _ in 0..PURGES {
            black_box(cache.revalidate(purge.clone()).await);
        }
        let mean = (began.elapsed() / PURGES).as_secs_f64() * 1e6;
        println!("a tag that no page carries, {mode:?}: {mean:.2} µs");
    }
}

/// Returns the processor time that this thread has had.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
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
