//! Tests the warnings in the log. Each test has pages of its own, since some warnings appear only
//! once per page and process.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use http_body_util::Full;
use isr_layer::{IsrLayer, Mode, Page, Policy, Purge, context, static_page};
use isr_tests::{Reply, Site, ask, get};
use tower::Layer;
use tracing::Instrument;

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .init();
    log
});

#[static_page("/registered-here")]
async fn lonely() -> &'static str {
    "a page"
}

/// Keeps the log's lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nobody panics while logging")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn warnings_with(&self, words: &str) -> Vec<String> {
        let bytes = self.0.lock().expect("nobody panics while logging").clone();
        let text = String::from_utf8(bytes).expect("the log is text");
        text.lines()
            .filter(|line| line.contains("WARN") && line.contains(words))
            .map(str::to_owned)
            .collect()
    }
}

#[tokio::test]
async fn a_page_that_runs_outside_its_render_is_told_once_by_name_and_paths() {
    LazyLock::force(&LOG);
    let other = Page::new("/mounted-there").__handler("other", "elsewhere.rs", 1, 1);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([lonely::PAGE, other])
        .build()
        .expect("the pages fit together");
    let service = isr.wrap(Router::new().route("/mounted-there", route(lonely)));

    for _ in 0..3 {
        assert_eq!(
            ask(&service, get::<Body>("/mounted-there")).await.text(),
            "a page"
        );
    }

    let warnings = LOG.warnings_with("outside its own render");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for words in ["/registered-here", "lonely at", "/mounted-there"] {
        assert!(warnings[0].contains(words), "{words} in {}", warnings[0]);
    }
    let refused = LOG.warnings_with("path=\"/mounted-there\"");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("did not run"), "{}", refused[0]);
}

#[static_page("/covering/{slug}")]
async fn covering() -> &'static str {
    "a page"
}

#[tokio::test]
async fn each_route_below_a_page_is_told_once_by_its_path() {
    LazyLock::force(&LOG);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([covering::PAGE])
        .build()
        .expect("one page");
    let other = || route(async || http::StatusCode::TOO_MANY_REQUESTS);
    let routes = isr_layer::routes![covering]
        .route("/covering/search", other())
        .route("/covering/account", other());
    let service = isr.wrap(routes);

    for _ in 0..3 {
        for path in ["/covering/search", "/covering/account", "/covering/page"] {
            ask(&service, get::<Body>(path)).await;
        }
    }

    for path in ["/covering/search", "/covering/account"] {
        let told = LOG.warnings_with(&format!("path=\"{path}\""));
        assert_eq!(told.len(), 1, "{told:?}");
        for words in ["covering at", "did not run", "except"] {
            assert!(told[0].contains(words), "{words} in {}", told[0]);
        }
    }
    assert!(LOG.warnings_with("/covering/page").is_empty());
}

#[tokio::test]
async fn a_header_that_a_response_varies_by_is_told_by_name() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let policy = isr_layer::Policy::new().vary(&["accept-language"]);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/varying").with_policy(policy)])
        .build()
        .expect("one page");
    let service = isr.layer(site.clone());
    let vary = "Origin, accept-language, accept-encoding, X-Theme";
    site.act(Reply::page().header("vary", vary));

    for _ in 0..3 {
        ask(&service, get::<Full<bytes::Bytes>>("/varying")).await;
    }

    let told = LOG.warnings_with("path=\"/varying\"");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("vary=\"origin, x-theme\""), "{}", told[0]);
}

#[tokio::test]
async fn a_refusal_is_told_once_a_page_and_reason() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let pages = [Page::new("/refused/{n}"), Page::new("/refused-too")];
    let isr = IsrLayer::builder()
        .without_registered()
        .pages(pages)
        .build()
        .expect("the pages fit together");
    let service = isr.layer(site.clone());

    for (name, value) in [
        ("set-cookie", "id=1"),
        ("cache-control", "private"),
        ("set-cookie", "id=2"),
    ] {
        site.act(Reply::page().header(name, value));
        let _ = isr
            .cache()
            .revalidate(Purge::all().mode(Mode::Expire))
            .await;
        for path in ["/refused/1", "/refused/2", "/refused-too", "/refused-too"] {
            ask(&service, get::<Full<bytes::Bytes>>(path)).await;
        }
    }

    for reason in ["set-cookie", "cache-control"] {
        let told = LOG.warnings_with(&format!("reason=\"{reason}\""));
        let of = |page: &str| told.iter().filter(|line| line.contains(page)).count();
        assert_eq!(
            (of("/refused/{n}"), of("/refused-too"), told.len()),
            (1, 1, 2),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_render_is_told_each_time_with_its_path_and_reason() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/failing/{n}")])
        .build()
        .expect("one page");
    let service = isr.layer(site.clone());
    site.act(Reply::status(503));

    for _ in 0..3 {
        // The second request gets the remembered failure and renders nothing.
        ask(&service, get::<Full<bytes::Bytes>>("/failing/1")).await;
        ask(&service, get::<Full<bytes::Bytes>>("/failing/1")).await;
        let _ = isr
            .cache()
            .revalidate(Purge::path("/failing/1").mode(Mode::Expire))
            .await;
    }

    let told = LOG.warnings_with("/failing/1");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told.iter()
            .all(|line| line.contains("reason=\"failed-status\" status=503")),
        "{told:?}"
    );
}

#[tokio::test]
async fn behind_a_router_one_warning_says_that_nothing_is_stored_and_what_to_do() {
    LazyLock::force(&LOG);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/routed/{n}")])
        .build()
        .expect("one page");
    let app = Router::new()
        .route("/routed/{n}", route(async || "a page"))
        .layer(isr);

    for path in ["/routed/1", "/routed/2", "/routed/1"] {
        ask(&app, get::<Body>(path)).await;
    }

    let told = LOG.warnings_with("behind a router");
    assert_eq!(told.len(), 1, "{told:?}");
    for words in [
        "nothing is stored",
        "isr.wrap",
        "keep_extension",
        "trust_extensions",
    ] {
        assert!(told[0].contains(words), "{words} in {}", told[0]);
    }
}

#[tokio::test]
async fn a_tag_that_is_not_taken_is_told_once_a_page() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let declared = Policy::new().tags(&["a-name-that-is-longer-for:{n}"]);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([
            Page::new("/odd-tags/{n}"),
            Page::new("/long-tags/{n}").with_policy(declared),
        ])
        .build()
        .expect("the pages fit together");
    let service = isr.layer(site.clone());
    site.script(|seen, _| {
        if seen.uri.path().starts_with("/odd-tags/") {
            context::tag("");
            context::tag("a\nb");
        }
        Reply::page().into()
    });

    for slug in ["1", "2", &"s".repeat(1_010), &"t".repeat(1_010)] {
        for page in ["/odd-tags", "/long-tags"] {
            ask(
                &service,
                get::<Full<bytes::Bytes>>(&format!("{page}/{slug}")),
            )
            .await;
        }
    }

    let told = LOG.warnings_with("tag");
    for page in ["/odd-tags/{n}", "/long-tags/{n}"] {
        let of_page = told.iter().filter(|line| line.contains(page));
        assert_eq!(of_page.count(), 1, "{page}: {told:?}");
    }
}

/// Clients choose the ids: each made-up one was a line of the log.
#[tokio::test]
async fn a_method_that_finds_nothing_is_no_failure() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/catalog.v1.Told/Get").with_unary(true)])
        .build()
        .expect("one method");
    let service = isr.layer(site.clone());
    site.act(
        Reply::page()
            .empty()
            .header("content-type", "application/grpc")
            .header("grpc-status", "5"),
    );

    for id in 0..3_u8 {
        let message = bytes::Bytes::copy_from_slice(&[0, 0, 0, 0, 1, id]);
        let call = http::Request::post("/catalog.v1.Told/Get")
            .header("content-type", "application/grpc")
            .body(Full::new(message))
            .expect("it is a request");
        ask(&service, call).await;
    }

    assert_eq!(site.renders(), 3);
    assert_eq!(LOG.warnings_with("catalog.v1.Told"), Vec::<String>::new());
}

/// Logs from inside a page, as its queries do.
#[static_page("/logging/{n}", revalidate = 10)]
async fn logging(axum::extract::Path(n): axum::extract::Path<String>) -> &'static str {
    tokio::task::yield_now().await;
    tracing::warn!("inside of page {n}");
    "a page"
}

#[tokio::test(start_paused = true)]
async fn a_page_rendered_for_a_client_logs_in_that_clients_span_and_a_refresh_in_its_own() {
    LazyLock::force(&LOG);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([logging::PAGE])
        .build()
        .expect("one page");
    let service = isr.wrap(isr_layer::routes![logging]);
    let visit = async |id: u64, path| {
        let span = tracing::info_span!("request", id);
        ask(&service, get::<Body>(path)).instrument(span).await
    };

    visit(71, "/logging/seen").await;
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    visit(72, "/logging/seen").await;
    isr.cache().drained().await;
    let _ = isr.cache().revalidate(Purge::path("/logging/purged")).await;

    let told = LOG.warnings_with("inside of page seen");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("request{id=71}"), "{}", told[0]);
    let own_span = "isr.render{route=\"/logging/{n}\" path=\"/logging/seen\" purpose=\"refresh\"}";
    assert!(
        told[1].contains(own_span) && !told[1].contains("request{"),
        "{}",
        told[1]
    );
    let told = LOG.warnings_with("inside of page purged");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("purpose=\"on_demand\""), "{}", told[0]);
}

#[tokio::test]
async fn a_function_of_hosts_that_panics_is_told_once() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/hosts-by")])
        .hosts_by(|_| panic!("told to panic"))
        .build()
        .expect("the page fits");
    let service = isr.layer(site.clone());

    for _ in 0..3 {
        let mut request = get::<Full<bytes::Bytes>>("/hosts-by");
        let host = http::HeaderValue::from_static("one.example");
        request.headers_mut().insert("host", host);
        ask(&service, request).await;
    }

    let told = LOG.warnings_with("hosts_by");
    assert_eq!((told.len(), site.renders()), (1, 3), "{told:?}");
}

#[tokio::test]
async fn a_function_of_a_header_that_fails_is_told_once() {
    LazyLock::force(&LOG);
    let site = Site::new();
    let policy = Policy::new().vary(&["x-told-once"]);
    let isr = IsrLayer::builder()
        .without_registered()
        .pages([Page::new("/functions").with_policy(policy)])
        .vary_by("x-told-once", |_| "no\nheader")
        .build()
        .expect("the page fits");
    let service = isr.layer(site.clone());

    for _ in 0..3 {
        ask(&service, get::<Full<bytes::Bytes>>("/functions")).await;
    }

    let told = LOG.warnings_with("x-told-once");
    assert_eq!((told.len(), site.renders()), (1, 3), "{told:?}");
}
