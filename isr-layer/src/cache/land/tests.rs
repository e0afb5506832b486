//! What is kept for the sake of an entry's encodings.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Weak, mpsc};

use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::IsrLayer;
use crate::key::Key;
use crate::page::Page;

/// Pages wait for a processor to be encoded. A flood rendered faster than they were, and each waited in memory though it
/// had been evicted long before.
#[test]
fn a_page_that_was_evicted_is_not_kept_for_its_encodings() {
    const ROOM: u64 = 10;
    let isr = IsrLayer::builder().pages([Page::new("/{slug}")]).max_entries(ROOM).build().unwrap();
    let service = isr.layer(service_fn(|_: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::new(Bytes::from(vec![b'x'; 2_000])));
        response.headers_mut().insert(CONTENT_TYPE, "text/plain".parse().unwrap());
        ready(Ok::<_, Infallible>(response))
    }));
    let entry = |path: &str| -> Weak<Entry> {
        let key = Key::bare(isr.core.registry.find(path).unwrap(), path).remove(0);
        isr.core.memory.get_key(&key).as_ref().map(Arc::downgrade).expect("the page is stored")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_time().build();

    runtime.unwrap().block_on(async {
        // The one thread that could encode has something else to do.
        let (go_on, until) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || until.recv());
        let mut entries = Vec::new();
        for at in 0..50 {
            let path = format!("/{at}");
            let request = Request::get(&path).body(Full::default()).unwrap();
            drop(service.clone().oneshot(request).await.unwrap());
            entries.push(entry(&path));
        }
        tokio::task::yield_now().await;
        let waiting = isr.core.tasks.running();
        let kept = entries.iter().filter(|entry| entry.strong_count() > 0).count();
        drop(go_on);
        let _ = busy.await;

        assert!(waiting > isr.core.memory.len(), "{waiting} pages wait for their encodings");
        assert_eq!(kept, isr.core.memory.len(), "what is kept is what memory keeps");
    });
}
