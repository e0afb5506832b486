//! Tests that under a flood of unknown paths memory stays within its bound and hot pages are not
//! evicted.

use std::convert::Infallible;
use std::process::Command;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Page, Policy};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::Plain;

const POST: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().tags(&["posts", "post:{slug}"]));
const MEMORY: u64 = 64 << 20;
const HOT: usize = 1_000;
/// The variable that tells a process the kind of its flood.
const KIND: &str = "ISR_FLOOD";

/// The response of the site for a path that it does not know.
#[derive(Clone, Copy, Debug)]
enum Unknown {
    /// 404 with a text.
    NotFound,
    /// 200 with HTML that is worth encoding, as sites do that are built in the browser.
    Html,
}

/// Gives pages of 8 KiB if the slug begins with `hot`, and the response for unknown paths
/// otherwise.
async fn origin(unknown: Unknown, request: Request<Plain>) -> Result<Response<Plain>, Infallible> {
    let mut response = Response::new(Plain::from(vec![b'x'; 8 << 10]));
    if request.uri().path().starts_with("/posts/hot") {
        return Ok(response);
    }
    match unknown {
        Unknown::NotFound => {
            *response.status_mut() = StatusCode::NOT_FOUND;
            *response.body_mut() = Plain::from(vec![b'y'; 1 << 10]);
        }
        Unknown::Html => {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            *response.body_mut() = Plain::from(request.uri().path().repeat(400));
        }
    }
    Ok(response)
}

/// Returns the largest resident memory since the last call of [`forget_peak`], in bytes.
pub(crate) fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("it tells the memory");
    let kilobytes = line
        .trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .expect("it is a number");
    kilobytes * 1024
}

pub(crate) fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("a process may do that to itself");
}

/// Sends a request and returns whether its response was a hit.
async fn is_hit<S>(service: &mut S, path: String) -> bool
where
    S: Service<
            Request<Plain>,
            Response = Response<isr_layer::body::IsrBody<Plain>>,
            Error = Infallible,
        >,
{
    let request = Request::get(path)
        .body(Plain::default())
        .expect("the path is one");
    let service = service.ready().await.expect("the origin never fails");
    let response = service.call(request).await.expect("the origin never fails");
    response.headers()["cache-status"]
        .to_str()
        .is_ok_and(|status| status.starts_with("isr; hit"))
}

/// Floods a site, with one request for a hot page after each unknown path. Returns the hits among
/// these, per thousand, and the largest growth of resident memory.
async fn flood(builder: IsrLayerBuilder, unknown: Unknown, paths: usize) -> (usize, u64) {
    forget_peak();
    let before = peak();
    let isr = builder
        .pages([POST])
        .max_memory_bytes(MEMORY)
        .build()
        .expect("all of it is accepted");
    let mut service: Isr<_> = isr.layer(service_fn(move |request| origin(unknown, request)));
    // Fills memory with pages requested only once, before the hot pages arrive.
    for n in 0..paths / 2 {
        is_hit(&mut service, format!("/posts/early-{n}")).await;
    }
    for n in 0..3 * HOT {
        // A revalidation makes the hot pages known, since it is not under the limit for new keys.
        is_hit(&mut service, format!("/posts/hot-{}", n % HOT)).await;
        let _ = isr
            .cache()
            .revalidate(isr_layer::Purge::path(format!("/posts/hot-{}", n % HOT)))
            .await;
    }
    let mut hits = 0;
    for n in 0..paths {
        // Requests each unknown path twice, so that it looks as if it were in use.
        is_hit(&mut service, format!("/posts/unknown-{n}")).await;
        is_hit(&mut service, format!("/posts/unknown-{n}")).await;
        hits += usize::from(is_hit(&mut service, format!("/posts/hot-{}", n * 7 % HOT)).await);
    }
    isr.cache().drained().await;
    assert!(
        isr.cache().metrics().bytes() <= MEMORY,
        "{:?}",
        isr.cache().metrics()
    );
    (hits * 1000 / paths, peak().saturating_sub(before))
}

fn assert_unharmed((per_mille, grown): (usize, u64)) {
    assert!(
        per_mille >= 990,
        "{per_mille} of a thousand requests for hot pages were hits"
    );
    assert!(
        grown <= MEMORY + MEMORY / 5,
        "resident memory grew by {grown} bytes, {MEMORY} are configured"
    );
}

/// Runs [`one_flood`] for each kind in a process of its own, since memory used by other floods
/// would be counted too. `test` is the test that calls this, which such a process runs again.
fn assert_unharmed_by(paths: usize, test: &str) {
    if let Ok(kind) = std::env::var(KIND) {
        return one_flood(&kind, paths);
    }
    let flood = |kind| {
        let said = in_own_process(test, &[(KIND, kind)]);
        said.map_err(|failure| format!("{kind}: {failure}"))
    };

    // At once: each floods with one thread.
    let ends = std::thread::scope(|scope| {
        let floods = ["limited", "not-found", "html"].map(|kind| scope.spawn(move || flood(kind)));
        floods.map(|flood| flood.join().expect("a flood that fails says so"))
    });
    for end in ends {
        end.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// Runs the calling test again in a process of its own, with these variables, by which it knows its
/// part. Returns its output, as an error if it failed. A test of its own for that part would run
/// beside others whenever ignored tests are run.
pub(crate) fn in_own_process(test: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let program = std::env::current_exe().expect("this program has a path");
    let ran = Command::new(program)
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .envs(variables.iter().copied())
        // One arena for all threads. Otherwise glibc keeps free memory for each thread that
        // encodes, up to 15 MiB more on a busy machine, and this test would measure that.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("this program runs again");

    let (said, errors) = (&ran.stdout, &ran.stderr);
    let [said, errors] = [said, errors].map(|text| String::from_utf8_lossy(text));
    match ran.status.success() && said.contains("1 passed") {
        true => Ok(said.into_owned()),
        false => Err(format!("{said}\n{errors}")),
    }
}

/// Returns a runtime without threads of its own, as a test has.
pub(crate) fn single_threaded() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build();
    runtime.expect("a runtime can be built")
}

fn one_flood(kind: &str, paths: usize) {
    let open = IsrLayer::builder().new_keys_per_second(u32::MAX);

    let result = single_threaded().block_on(async {
        match kind {
            "limited" => flood(IsrLayer::builder(), Unknown::NotFound, paths).await,
            "not-found" => flood(open, Unknown::NotFound, paths).await,
            // Encodes each of these pages in two ways, which takes time.
            _ => flood(open, Unknown::Html, paths / 5).await,
        }
    });
    println!(
        "{kind}: {} of a thousand hits, {} KiB more resident",
        result.0,
        result.1 / 1024
    );
    assert_unharmed(result);
}

#[test]
fn fifty_thousand_unknown_paths_evict_no_hot_page_and_stay_within_memory() {
    let test = "flood::fifty_thousand_unknown_paths_evict_no_hot_page_and_stay_within_memory";
    assert_unharmed_by(50_000, test);
}

#[test]
#[ignore = "needs minutes; run by .ci/run"]
fn a_million_unknown_paths_evict_no_hot_page_and_stay_within_memory() {
    let test = "flood::a_million_unknown_paths_evict_no_hot_page_and_stay_within_memory";
    assert_unharmed_by(1_000_000, test);
}
