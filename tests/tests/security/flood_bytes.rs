//! Tests that resident memory stays within its bound, whatever part of requests and responses a
//! flood makes large.

use std::convert::Infallible;
use std::iter::repeat_with;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use isr_layer::{IsrLayer, IsrLayerBuilder, Page, Policy, context};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::Plain;
use crate::flood::{forget_peak, in_own_process, peak, single_threaded};

const MEMORY: u64 = 64 << 20;
/// The variable that tells a process the name of its flood.
const KIND: &str = "ISR_FLOOD";

const TAGGED: Page = Page::new("/posts/{slug}").with_policy(Policy::new().tags(&[
    "posts",
    "post:{slug}",
    "author:{slug}",
]));
const VARIANTS: Page = Page::new("/posts/{slug}").with_policy(
    Policy::new()
        .query(&["q"])
        .tags(&["a:{slug}", "b:{slug}", "c:{slug}", "d:{slug}"]),
);
const PLAIN: Page = Page::new("/posts/{slug}");
const QUERY: Page = Page::new("/posts/{slug}").with_policy(Policy::new().query(&["q"]));
const VARY: Page = Page::new("/posts/{slug}").with_policy(Policy::new().vary(&["x-tenant"]));

/// One flood. Each key is new.
struct Flood {
    name: &'static str,
    /// The number of keys that fill memory more than once.
    keys: usize,
    page: Page,
    layer: fn(IsrLayerBuilder) -> IsrLayerBuilder,
    /// Makes a request for the key of a number, and tells how many went before.
    request: fn(usize, usize) -> Request<Plain>,
    respond: fn(&str) -> Response<Plain>,
    /// The number of requests for each key.
    requests: usize,
}

const FLOODS: [Flood; 14] = [
    Flood {
        name: "small pages",
        keys: 40_000,
        page: PLAIN,
        layer: open,
        request: |n, _| get(&format!("/posts/{n}")),
        respond: |_| page("a page"),
        requests: 2,
    },
    Flood {
        name: "declared tags",
        keys: 20_000,
        page: TAGGED,
        layer: open,
        request: |n, _| get(&format!("/posts/{}", long(n, 1_000))),
        respond: |_| page("a page"),
        requests: 2,
    },
    Flood {
        name: "new keys over the limit",
        keys: 20_000,
        page: TAGGED,
        layer: |builder| builder,
        request: |n, _| get(&format!("/posts/{}", long(n, 1_000))),
        respond: |_| page("a page"),
        requests: 1,
    },
    Flood {
        name: "keys over the limit that come again",
        keys: 10_000,
        page: TAGGED,
        layer: |builder| builder,
        request: |n, _| get(&format!("/posts/{}", long(n, 1_000))),
        respond: |_| page("a page"),
        requests: 2,
    },
    Flood {
        name: "late tags",
        keys: 6_000,
        page: PLAIN,
        layer: open,
        request: |n, _| get(&format!("/posts/{n}")),
        respond: |path| {
            for tag in 0..20 {
                context::tag(format!("{path}:{tag}:{}", "t".repeat(900)));
            }
            page("a page")
        },
        requests: 2,
    },
    Flood {
        name: "tags of a page that is gone",
        keys: 14_000,
        page: VARIANTS,
        layer: open,
        // The first variant is asked for once, and evicted before the second.
        request: |n, before| {
            let variant = before.min(1);
            get(&format!("/posts/{}?q={variant}", long(n, 1_000)))
        },
        respond: |_| page("a page"),
        requests: 4,
    },
    Flood {
        name: "headers",
        keys: 8_000,
        page: PLAIN,
        layer: open,
        request: |n, _| get(&format!("/posts/{n}")),
        respond: |path| {
            let mut response = page("a page");
            for n in 0..20 {
                let name = HeaderName::try_from(format!("x-long-{n}")).expect("it is a name");
                response.headers_mut().insert(name, value(path, 500));
            }
            response
        },
        requests: 2,
    },
    Flood {
        name: "members of caches behind",
        keys: 18_000,
        page: PLAIN,
        layer: open,
        request: |n, _| get(&format!("/posts/{n}")),
        respond: |path| {
            let mut response = html(path, 100);
            let earlier = value("origin; detail=", 1_000);
            response.headers_mut().insert("cache-status", earlier);
            response
        },
        requests: 2,
    },
    Flood {
        name: "pages with encodings",
        keys: 6_000,
        page: PLAIN,
        layer: open,
        request: |n, _| get(&format!("/posts/{n}")),
        respond: |path| html(path, 4_000),
        requests: 2,
    },
    Flood {
        name: "declared headers",
        keys: 12_000,
        page: VARY,
        layer: open,
        request: |n, _| {
            let mut request = get("/posts/one");
            let tenant = value(&n.to_string(), 4_000);
            request.headers_mut().insert("x-tenant", tenant);
            request
        },
        respond: |_| page("a page"),
        requests: 2,
    },
    Flood {
        name: "declared queries",
        keys: 12_000,
        page: QUERY,
        layer: open,
        request: |n, _| get(&format!("/posts/one?q={}", long(n, 4_000))),
        respond: |_| page("a page"),
        requests: 2,
    },
    Flood {
        name: "hosts",
        keys: 26_000,
        page: TAGGED,
        layer: |builder| open(builder).hosts(["*.example.com"]),
        request: |n, _| {
            let mut request = get("/posts/one");
            let host = format!("{}.example.com", long(n, 50));
            let host = HeaderValue::try_from(host).expect("it is a value");
            request.headers_mut().insert("host", host);
            request
        },
        respond: |_| page("a page"),
        requests: 2,
    },
    Flood {
        name: "failing pages",
        keys: 3_000,
        page: TAGGED,
        layer: open,
        request: |n, _| get(&format!("/posts/{}", long(n, 1_000))),
        respond: |_| {
            let mut response = long_page(15_000);
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        },
        requests: 2,
    },
    Flood {
        name: "pages that may not be stored",
        keys: 3_000,
        page: TAGGED,
        layer: open,
        request: |n, _| get(&format!("/posts/{}", long(n, 1_000))),
        respond: |_| {
            let mut response = long_page(15_000);
            let private = HeaderValue::from_static("a=b");
            response.headers_mut().insert("set-cookie", private);
            response
        },
        requests: 2,
    },
];

fn open(builder: IsrLayerBuilder) -> IsrLayerBuilder {
    builder.new_keys_per_second(u32::MAX)
}

fn get(uri: &str) -> Request<Plain> {
    Request::get(uri)
        .body(Plain::default())
        .expect("the path is one")
}

/// Returns a text of `octets` that no other `n` has.
fn long(n: usize, octets: usize) -> String {
    format!("{n}-{}", "s".repeat(octets))
}

fn value(text: &str, octets: usize) -> HeaderValue {
    HeaderValue::try_from(format!("{text}{}", "v".repeat(octets))).expect("it is a value")
}

fn page(body: &str) -> Response<Plain> {
    Response::new(Plain::from(body.to_owned()))
}

fn long_page(octets: usize) -> Response<Plain> {
    page(&"x".repeat(octets))
}

/// Makes a page of `octets` whose encodings are half as large.
fn html(path: &str, octets: usize) -> Response<Plain> {
    let mut random = fastrand::Rng::with_seed(path.len() as u64);
    let digits = repeat_with(|| char::from(random.digit(16) as u8 + b'0'));
    let mut response = page(&digits.take(octets).collect::<String>());
    let text = HeaderValue::from_static("text/html");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// Floods a site and returns the largest growth of resident memory.
async fn flood(flood: &Flood) -> u64 {
    forget_peak();
    let before = peak();
    let builder = IsrLayer::builder().without_registered().pages([flood.page]);
    let isr = (flood.layer)(builder)
        .max_memory_bytes(MEMORY)
        .build()
        .expect("all of it is accepted");
    let respond = flood.respond;
    let mut service = isr.layer(service_fn(move |request: Request<Plain>| async move {
        Ok::<_, Infallible>(respond(request.uri().path()))
    }));

    let keys = flood.keys;
    for n in 0..keys {
        for before in 0..flood.requests {
            let service = service.ready().await.expect("the origin never fails");
            let response = service.call((flood.request)(n, before)).await;
            drop(response.expect("the origin never fails"));
        }
    }
    isr.cache().drained().await;

    let metrics = isr.cache().metrics();
    let grown = peak().saturating_sub(before);
    println!(
        "{:32} {keys} keys, {} entries, {} MiB counted, {:.1} MiB resident",
        flood.name,
        metrics.entries(),
        metrics.bytes() >> 20,
        grown as f64 / f64::from(1 << 20),
    );
    assert!(metrics.bytes() <= MEMORY, "{metrics:?}");
    grown
}

/// Runs [`one_flood`] for each flood in a process of its own. `test` is the test that calls this,
/// which such a process runs again.
fn assert_bounded(test: &str, is_usual: fn(&str) -> bool) {
    if let Ok(name) = std::env::var(KIND) {
        return one_flood(&name);
    }
    let floods = FLOODS.iter().filter(|flood| is_usual(flood.name));
    let failed = floods.filter_map(|flood| in_own_process(test, &[(KIND, flood.name)]).err());
    let failed = failed.collect::<Vec<_>>();

    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn one_flood(name: &str) {
    let one = FLOODS.iter().find(|flood| flood.name == name);
    let one = one.expect("there is such a flood");

    let grown = single_threaded().block_on(flood(one));

    assert!(
        grown <= MEMORY + MEMORY / 5,
        "{name}: resident memory grew by {grown} bytes, {MEMORY} are configured"
    );
}

#[test]
fn whatever_a_flood_makes_large_resident_memory_stays_within_its_bound() {
    let test = "flood_bytes::whatever_a_flood_makes_large_resident_memory_stays_within_its_bound";
    // The others are alike, and need more time.
    assert_bounded(test, |name| {
        [
            "late tags",
            "tags of a page that is gone",
            "new keys over the limit",
            "headers",
        ]
        .contains(&name)
    });
}

#[test]
#[ignore = "needs minutes; run by .ci/run"]
fn whatever_a_long_flood_makes_large_resident_memory_stays_within_its_bound() {
    let test =
        "flood_bytes::whatever_a_long_flood_makes_large_resident_memory_stays_within_its_bound";
    assert_bounded(test, |_| true);
}
