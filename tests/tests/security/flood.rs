//! A flood of unknown paths: memory stays within its bound, and hot pages stay where they are.

use std::convert::Infallible;
use std::process::Command;

use http::{Request, Response, StatusCode};
use isr_layer::{Isr, IsrLayer, IsrLayerBuilder, Page, Policy};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::Plain;

const POST: Page = Page::new("/posts/{slug}").policy(Policy::new().tags(&["posts", "post:{slug}"]));
const MEMORY: u64 = 64 << 20;
const HOT: usize = 1_000;
/// How many unknown paths; a million unless this variable says otherwise.
const PATHS: &str = "ISR_FLOOD_PATHS";

/// Pages of 8 KiB where the slug begins with `hot`, and a page that says there is none elsewhere.
async fn origin(request: Request<Plain>) -> Result<Response<Plain>, Infallible> {
    let mut response = Response::new(Plain::from(vec![b'x'; 8 << 10]));
    if !request.uri().path().starts_with("/posts/hot") {
        *response.status_mut() = StatusCode::NOT_FOUND;
        *response.body_mut() = Plain::from(vec![b'y'; 1 << 10]);
    }
    Ok(response)
}

/// Bytes of resident memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it tells the memory");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number");
    kilobytes * 1024
}

/// Asks for a path, and tells whether the answer was stored.
async fn is_hit<S>(service: &mut S, path: String) -> bool
where
    S: Service<Request<Plain>, Response = Response<isr_layer::IsrBody<Plain>>, Error = Infallible>,
{
    let request = Request::get(path).body(Plain::default()).expect("the path is one");
    let service = service.ready().await.expect("the origin never fails");
    let response = service.call(request).await.expect("the origin never fails");
    response.headers()["cache-status"].to_str().is_ok_and(|status| status.starts_with("isr; hit"))
}

/// Floods a site whose hot pages are asked for meanwhile, one for each unknown path. Gives how many of those were hits, of
/// a thousand, and by how much resident memory grew.
async fn flood(builder: IsrLayerBuilder, paths: usize) -> (usize, u64) {
    let before = resident();
    let isr = builder.pages([POST]).memory(MEMORY).build().expect("all of it is accepted");
    let mut service: Isr<_> = isr.layer(service_fn(origin));
    for n in 0..3 * HOT {
        // The limit on new keys is for strangers: a revalidation makes these known.
        is_hit(&mut service, format!("/posts/hot-{}", n % HOT)).await;
        isr.cache().revalidate(isr_layer::Purge::path(format!("/posts/hot-{}", n % HOT))).await;
    }
    let mut hits = 0;
    for n in 0..paths {
        is_hit(&mut service, format!("/posts/unknown-{n}")).await;
        hits += usize::from(is_hit(&mut service, format!("/posts/hot-{}", n * 7 % HOT)).await);
    }
    isr.cache().drained().await;
    assert!(isr.cache().stats().bytes <= MEMORY, "{:?}", isr.cache().stats());
    (hits * 1000 / paths, resident().saturating_sub(before))
}

fn assert_unharmed((per_mille, grown): (usize, u64)) {
    assert!(per_mille >= 990, "{per_mille} of a thousand requests for hot pages were hits");
    assert!(grown <= MEMORY + MEMORY / 5, "resident memory grew by {grown} bytes, {MEMORY} are configured");
}

#[tokio::test]
#[ignore = "needs a minute; run by .ci/run"]
async fn a_million_unknown_paths_evict_no_hot_page_and_stay_within_memory() {
    let paths = std::env::var(PATHS).map_or(1_000_000, |paths| paths.parse().expect("it is a number"));

    assert_unharmed(flood(IsrLayer::builder(), paths).await);
    assert_unharmed(flood(IsrLayer::builder().new_keys_per_second(u32::MAX), paths).await);
}

/// In a process of its own, since memory of other tests would be counted too.
#[test]
fn fifty_thousand_unknown_paths_evict_no_hot_page_and_stay_within_memory() {
    let test = "flood::a_million_unknown_paths_evict_no_hot_page_and_stay_within_memory";
    let program = std::env::current_exe().expect("this program has a path");

    let ran = Command::new(program)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(PATHS, "50000")
        .output()
        .expect("this program runs again");

    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
