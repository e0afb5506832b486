//! Measures the store on a disk: the start, reads with their verdict, purges, puts, and the bound.
//!
//! `cargo run --release -p isr-bench --features disk --bin disk [directory] [pages]`
//!
//! The directory should be on the disk that is meant, and have 5 GB free. A page is 15.1 KB, as a
//! page of a blog with its three encodings, and has eight selectors.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use isr_layer::store::{Disk, Mark, Put, Store, Touch, Validity, Write};
use tokio::runtime::Runtime;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const PAGE_LEN: usize = 15_100;
const BUILD: &str = "build";
const READS: usize = 50_000;

/// Pages that are written in one call.
const BATCH: u64 = 64;

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    if first.as_deref() == Some("child") {
        let path = args.next().ok_or("child <directory> <pages>")?;
        return work(Path::new(&path), args.next().ok_or("pages")?.parse()?);
    }

    let parent = first.map_or_else(std::env::temp_dir, PathBuf::from);
    let pages = args.next().map_or(Ok(100_000), |pages| pages.parse())?;
    let path = parent.join(format!("isr-bench-disk-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;

    let measured = measure(&path, pages, &runtime);
    std::fs::remove_dir_all(path)?;
    measured
}

fn measure(path: &Path, pages: u64, runtime: &Runtime) -> Result<(), BoxError> {
    fill(path, pages, runtime)?;
    starts(path, pages)?;
    reads(path, pages, runtime)?;
    purges(path, runtime)?;
    puts(path, pages, runtime)?;
    std::fs::remove_dir_all(path)?;
    bound(path, runtime)
}

fn open(path: &Path) -> Result<Disk, BoxError> {
    let disk = Disk::options().max_bytes(4 << 30).open(path)?;
    disk.join(BUILD)?;
    Ok(disk)
}

fn key(page: u64) -> String {
    format!("/posts/some-page-of-the-site-{page}")
}

fn put(page: u64, as_of: u64) -> Write {
    let selectors: [&[u8]; 6] = [
        b"*",
        b"p/posts/{slug}",
        b"t posts",
        b"t news",
        b"x/",
        b"x/posts",
    ];
    let mut selectors: Vec<Bytes> = selectors.map(Bytes::from_static).to_vec();
    selectors.push(format!("t post:{page}").into());
    selectors.push(key(page).into());
    let mut random = fastrand::Rng::with_seed(page);
    let octets: Vec<u8> = (0..PAGE_LEN).map(|_| random.u8(..)).collect();
    Put::new(key(page), as_of, selectors, octets).into()
}

fn fill(path: &Path, pages: u64, runtime: &Runtime) -> Result<(), BoxError> {
    let disk = open(path)?;
    let mut spent = Duration::ZERO;
    for first in (0..pages).step_by(BATCH as usize) {
        let batch: Vec<Write> = (first..pages.min(first + BATCH))
            .map(|i| put(i, 0))
            .collect();
        let begun = Instant::now();
        runtime.block_on(disk.write(batch))?;
        spent += begun.elapsed();
    }

    let micros = spent.as_secs_f64() * 1e6 / pages as f64;
    println!(
        "{pages} pages written {BATCH} at once: {micros:.1} us each, {}",
        taken(path)?
    );
    Ok(())
}

/// Closed cleanly, and after `kill -9` while pages are written and purged.
fn starts(path: &Path, pages: u64) -> Result<(), BoxError> {
    let mut clean = Vec::new();
    let mut killed = Vec::new();
    for _ in 0..10 {
        clean.push(start(path)?);
    }
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("child")
            .arg(path)
            .arg(pages.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut String::new())?;
        std::thread::sleep(Duration::from_millis(200 + round * 80));
        child.kill()?;
        child.wait()?;
        killed.push(start(path)?);
    }

    println!(
        "start with {pages} pages, closed cleanly: {}",
        times(&mut clean)
    );
    println!(
        "start with {pages} pages, after kill -9:  {}",
        times(&mut killed)
    );
    Ok(())
}

/// The time until the first page is read.
fn start(path: &Path) -> Result<Duration, BoxError> {
    let begun = Instant::now();
    let disk = open(path)?;
    now(disk.get(key(77).as_bytes()))?.ok_or("the page is gone")?;
    Ok(begun.elapsed())
}

/// The process that is killed.
fn work(path: &Path, pages: u64) -> Result<(), BoxError> {
    let disk = open(path)?;
    let last = disk.join(BUILD)?;
    println!("ready");
    for round in 0.. {
        let first = fastrand::u64(..pages - BATCH);
        now(disk.write(
            (first..first + BATCH)
                .map(|i| put(i, last + round))
                .collect(),
        ))?;
        now(disk.record(&[Mark::soft(format!("t post:{first}"))]))?;
    }
    Ok(())
}

fn reads(path: &Path, pages: u64, runtime: &Runtime) -> Result<(), BoxError> {
    let disk = open(path)?;
    for marks in [0, 60_000] {
        let tags: Vec<Mark> = (0..marks)
            .map(|i| Mark::soft(format!("a tag {i}")))
            .collect();
        for tags in tags.chunks(5_000) {
            now(disk.record(tags))?;
        }
        for page in 0..pages {
            now(disk.get(key(page).as_bytes()))?;
        }

        let (mut here, mut there, mut valid) = (Vec::new(), Vec::new(), 0);
        for _ in 0..READS {
            let key = key(fastrand::u64(..pages));
            let begun = Instant::now();
            let found = now(disk.get(key.as_bytes()))?;
            here.push(begun.elapsed());
            valid += u32::from(found.is_some_and(|page| page.validity == Validity::Valid));
        }
        for _ in 0..READS {
            let key = key(fastrand::u64(..pages));
            let begun = Instant::now();
            runtime.block_on(disk.get(key.as_bytes()))?;
            there.push(begun.elapsed());
        }
        println!(
            "read warm, {marks} marks, on the thread:      {}",
            times(&mut here)
        );
        println!(
            "read warm, {marks} marks, by spawn_blocking:  {}",
            times(&mut there)
        );
        println!("  ({valid} of {READS} were valid)");
    }
    Ok(())
}

fn purges(path: &Path, runtime: &Runtime) -> Result<(), BoxError> {
    const TIME: Duration = Duration::from_secs(4);
    let disk = open(path)?;
    for group in [1, 64, 512] {
        let mut each = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < TIME {
            let tag = || Mark::hard(format!("t post:{}", fastrand::u64(..20_000)));
            let marks: Vec<Mark> = (0..group).map(|_| tag()).collect();
            let begun = Instant::now();
            runtime.block_on(disk.record(&marks))?;
            each.push(begun.elapsed());
        }
        let rate = each.len() as f64 * f64::from(group) / begun.elapsed().as_secs_f64();
        println!(
            "purges, {group} in one call: {rate:.0}/s; a call {}",
            times(&mut each)
        );
    }

    // The selectors whose marks are kept, and one more.
    let tags = (0..2 * 65_536 + 1).map(|i| Mark::soft(format!("many {i}")));
    let tags: Vec<Mark> = tags.collect();
    let mut each = Vec::new();
    for tags in tags.chunks(1_000) {
        let begun = Instant::now();
        now(disk.record(tags))?;
        each.push(begun.elapsed());
    }
    println!(
        "purges, until half of the marks are forgotten: a call {}",
        times(&mut each)
    );

    let disk = std::sync::Arc::new(disk);
    let begun = Instant::now();
    let count = runtime.block_on(async {
        let caller = |disk: std::sync::Arc<Disk>| async move {
            let mut count = 0;
            while begun.elapsed() < TIME {
                let mark = Mark::hard(format!("t post:{}", fastrand::u64(..20_000)));
                count += u64::from(disk.record(&[mark]).await.is_ok());
            }
            count
        };
        let callers: Vec<_> = (0..64)
            .map(|_| tokio::spawn(caller(disk.clone())))
            .collect();
        let mut count = 0;
        for caller in callers {
            count += caller.await.unwrap_or(0);
        }
        count
    });
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    println!("purges, 64 callers with a call each, ungrouped: {rate:.0}/s");
    Ok(())
}

fn puts(path: &Path, pages: u64, runtime: &Runtime) -> Result<(), BoxError> {
    let disk = open(path)?;
    let mut each = Vec::new();
    for _ in 0..5_000 {
        let page = put(fastrand::u64(..pages), 1 << 40);
        let begun = Instant::now();
        runtime.block_on(disk.write(vec![page]))?;
        each.push(begun.elapsed());
    }
    println!("a put alone, on the store's side: {}", times(&mut each));
    Ok(())
}

/// Three gigabytes into a bound of 500 MB, with 1,000 pages in use.
fn bound(path: &Path, runtime: &Runtime) -> Result<(), BoxError> {
    let disk = Disk::options().max_bytes(500 << 20).open(path)?;
    disk.join(BUILD)?;
    let in_use = || (0..1_000).map(|page| Write::from(Touch::new(key(page), 0, 0)));
    runtime.block_on(disk.write((0..1_000).map(|page| put(page, 0)).collect()))?;

    let begun = Instant::now();
    let mut largest = 0;
    for first in (0..200_000).step_by(BATCH as usize) {
        if first % 9_984 == 0 {
            runtime.block_on(disk.write(in_use().collect()))?;
            largest = largest.max(mib_taken(path)?);
        }
        let batch = (first..first + BATCH).map(|page| put(1_000_000 + page, 0));
        runtime.block_on(disk.write(batch.collect()))?;
    }

    let seconds = begun.elapsed().as_secs_f64();
    let mut left = 0;
    for page in 0..1_000 {
        left += u32::from(now(disk.get(key(page).as_bytes()))?.is_some());
    }
    let kept = disk.pages_of(BUILD);
    println!(
        "3.0 GB into 500 MB: {seconds:.0} s, {kept} pages are kept, at most {largest} MB were taken, \
         now {}; of 1,000 pages in use {left} are left",
        taken(path)?
    );
    Ok(())
}

/// Runs a future of the store on this thread.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

fn times(each: &mut [Duration]) -> String {
    each.sort_unstable();
    let at = |share: f64| each[((each.len() - 1) as f64 * share) as usize];
    format!(
        "p50 {:.1?}, p99 {:.1?}, max {:.1?}",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}

fn taken(path: &Path) -> Result<String, BoxError> {
    Ok(format!("{} MB on the disk", mib_taken(path)?))
}

/// The mebibytes that a directory takes on the disk, which are fewer than its files are long.
fn mib_taken(path: &Path) -> Result<u64, BoxError> {
    let output = Command::new("du").arg("-sm").arg(path).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mib = text.split_whitespace().next().ok_or("du says nothing")?;
    Ok(mib.parse()?)
}
