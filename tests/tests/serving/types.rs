//! Tests that the layer requires `Send` of a service's types, and never `Sync`.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use isr_layer::body::RequestBody;
use isr_tests::{Site, ask, get};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::{A, Plain};

/// A service that is not `Sync`; nor are its bodies, its error and its future.
#[derive(Clone, Debug)]
struct Lonely {
    asked: Cell<u32>,
}

#[derive(Debug)]
struct LonelyError {
    _cell: Cell<u32>,
}

type LonelyBody = RequestBody<UnsyncBoxBody<Bytes, Infallible>>;

impl Service<Request<LonelyBody>> for Lonely {
    type Response = Response<UnsyncBoxBody<Bytes, Infallible>>;
    type Error = LonelyError;
    type Future = Ready<Result<Self::Response, LonelyError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LonelyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<LonelyBody>) -> Self::Future {
        self.asked.set(self.asked.get() + 1);
        if request.uri().path() == "/error" {
            return ready(Err(LonelyError {
                _cell: Cell::new(0),
            }));
        }
        ready(Ok(Response::new(
            Full::new(Bytes::from("alone")).boxed_unsync(),
        )))
    }
}

#[tokio::test]
async fn nothing_of_a_service_has_to_be_sync() {
    let service = crate::isr([A]).layer(Lonely {
        asked: Cell::new(0),
    });

    let first = ask(&service, get::<LonelyBody>("/a")).await;
    let second = ask(&service, get::<LonelyBody>("/a")).await;
    let error = service.oneshot(get::<LonelyBody>("/error")).await;

    assert_eq!((first.text(), second.cache_status()), ("alone", "isr; hit"));
    assert!(error.is_err());
}

/// A service that fails outside its future: its second call panics, and while it is down it is
/// never ready.
#[derive(Clone, Debug)]
struct Abrupt {
    site: Site,
    down: Arc<AtomicBool>,
}

impl Service<Request<Plain>> for Abrupt {
    type Response = Response<isr_tests::SiteBody>;
    type Error = isr_tests::SiteError;
    type Future = <Site as Service<Request<Plain>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), isr_tests::SiteError>> {
        Poll::Ready(if self.down.load(Ordering::SeqCst) {
            Err(isr_tests::SiteError)
        } else {
            Ok(())
        })
    }

    fn call(&mut self, request: Request<Plain>) -> Self::Future {
        assert!(self.site.renders() == 0, "the call itself panics");
        self.site.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_call_itself_is_a_500_and_disables_nothing() {
    let site = Site::new();
    let service = crate::isr([A]).layer(Abrupt {
        site: site.clone(),
        down: Arc::default(),
    });
    ask(&service, get::<Plain>("/other")).await;

    let answer = ask(&service, get::<Plain>("/a")).await;

    assert_eq!(
        (answer.status.as_u16(), answer.cache_status()),
        (500, "isr; fwd=uri-miss; detail=panic")
    );
    assert_eq!(
        ask(&service, get::<Plain>("/a")).await.cache_status(),
        "isr; hit; detail=backoff"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_no_longer_ready_fails_a_background_render_and_the_page_stays() {
    let site = Site::new();
    let isr = crate::isr([A]);
    let down = Arc::new(AtomicBool::new(false));
    let service = isr.layer(Abrupt {
        site,
        down: down.clone(),
    });
    ask(&service, get::<Plain>("/a")).await;
    down.store(true, Ordering::SeqCst);

    let receipt = isr.cache().revalidate(isr_layer::Purge::path("/a")).await;

    assert_eq!(
        receipt.receipts()[0].status(),
        isr_layer::purge::SelectorStatus::Failed
    );
    down.store(false, Ordering::SeqCst);
    assert_eq!(
        ask(&service, get::<Plain>("/a")).await.cache_status(),
        "isr; hit; ttl=0; detail=backoff"
    );
}

#[tokio::test]
async fn the_layer_stands_in_a_service_builder_with_others_on_both_sides() {
    let site = Site::new();
    let service = ServiceBuilder::new()
        .map_request(|mut request: Request<Plain>| {
            request
                .headers_mut()
                .insert("x-added", http::HeaderValue::from_static("1"));
            request
        })
        .layer(crate::trusting([A]))
        .concurrency_limit(2)
        .service(site.clone());

    ask(&service, get::<Plain>("/a")).await;
    let hit = ask(&service, get::<Plain>("/a")).await;

    assert_eq!((hit.cache_status(), site.renders()), ("isr; hit", 1));
    assert!(site.seen()[0].headers.is_empty());
}

#[tokio::test]
async fn an_optional_layer_and_a_boxed_service_work() {
    let site = Site::new();
    let service = ServiceBuilder::new()
        .layer(crate::trusting([A]))
        .service(site.clone())
        .boxed_clone();

    for _ in 0..2 {
        ask(&service, get::<Plain>("/a")).await;
    }

    assert_eq!(site.renders(), 1);
}

#[tokio::test]
async fn futures_and_bodies_can_be_sent_to_other_tasks() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let site = Site::new();
    let mut service = crate::isr([A]).layer(site);

    let response = is_send(service.call(get::<Plain>("/a"))).await.unwrap();
    let text = tokio::spawn(isr_tests::body_text(is_send(response)))
        .await
        .unwrap();

    assert_eq!(text, "/a v1");
}

#[tokio::test]
async fn a_wrapped_application_makes_services_and_each_says_for_what_it_is_one() {
    let app = crate::isr([A]).wrap(Site::new().for_axum());
    let mut make = app.into_make_service();

    let mut made = make.call(()).await.unwrap();
    let mut service = made.as_service();
    let answer = service
        .ready()
        .await
        .unwrap()
        .call(get::<axum::body::Body>("/a"))
        .await
        .unwrap();

    assert_eq!(
        answer.headers()["cache-status"],
        "isr; fwd=uri-miss; stored"
    );
}
