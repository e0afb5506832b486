//! What an operator is told in the log. One test, since what is said once is said once a process.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use isr_layer::{IsrLayer, static_page};
use isr_tests::{ask, get};

#[static_page("/registered-here")]
async fn lonely() -> &'static str {
    "a page"
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while logging").extend_from_slice(bytes);
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
        text.lines().filter(|line| line.contains("WARN") && line.contains(words)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_page_that_runs_outside_its_render_is_told_once_by_name_and_paths() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let other = isr_layer::Page::new("/mounted-there").handler("other", "elsewhere.rs", 1, 1);
    let isr = IsrLayer::builder().pages([lonely::PAGE, other]).build().expect("the pages fit together");
    let service = isr.wrap(Router::new().route("/mounted-there", route(lonely)));

    for _ in 0..3 {
        assert_eq!(ask(&service, get::<Body>("/mounted-there")).await.text(), "a page");
    }

    let warnings = log.warnings_with("outside its own render");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for words in ["/registered-here", "lonely at", "/mounted-there"] {
        assert!(warnings[0].contains(words), "{words} in {}", warnings[0]);
    }
}
