//! Tests that NOT_FOUND of a method is final, as a 404 of a page: it replaces the stored response,
//! lives for a short time, and is absent then.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use isr_layer::purge::SelectorStatus;
use isr_layer::{Isr, IsrLayer, Mode, Page, Policy, Purge, context};
use isr_tests::{Answer, Reply, Site, ask, settle};
use tonic::Code;
use tower::Layer;

use crate::frames::framed;
use crate::shop::{Act, GET_PRODUCT};
use crate::stage::{Stage, cache_status};

const PATH: &str = "/catalog.v1.Catalog/Get";
const GRPC: &str = "application/grpc";

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A method behind the layer, whose responses a test chooses.
struct Method {
    site: Site,
    isr: IsrLayer,
    service: Isr<Site>,
}

impl Method {
    fn new(policy: Policy) -> Self {
        let page = Page::new(PATH).with_policy(policy).with_unary(true);
        let isr = IsrLayer::builder()
            .without_registered()
            .pages([page])
            .build()
            .expect("one page");
        let site = Site::new();
        site.act(good());
        let service = isr.layer(site.clone());
        Self { site, isr, service }
    }

    async fn call(&self) -> Answer {
        let request = Request::post(PATH)
            .header("content-type", GRPC)
            .body(Full::<Bytes>::new(framed(0, b"a")))
            .expect("it is a request");
        ask(&self.service, request).await
    }

    async fn purge(&self, mode: Mode) -> isr_layer::purge::SelectorReceipt {
        let purge = Purge::path(PATH).mode(mode);
        self.isr.cache().revalidate(purge).await.receipts()[0].clone()
    }
}

fn good() -> Reply {
    Reply::page()
        .header("content-type", GRPC)
        .chunk(framed(0, b"a product"))
        .trailer("grpc-status", "0")
}

/// NOT_FOUND as methods send it: in the headers alone, or in trailers behind no message.
fn not_found() -> [Reply; 3] {
    let empty = || Reply::page().empty().header("content-type", GRPC);
    [
        empty().header("grpc-status", "5"),
        empty().trailer("grpc-status", "5"),
        empty()
            .header("grpc-status", "0")
            .trailer("grpc-status", "5"),
    ]
}

fn grpc_status(answer: &Answer) -> String {
    let trailers = answer.trailers.as_ref();
    let status = trailers.and_then(|trailers| trailers.get("grpc-status"));
    let status = status.or_else(|| answer.headers.get("grpc-status"));
    status
        .map_or("", |status| status.to_str().expect("it is a number"))
        .to_owned()
}

/// A product was deleted, and its last response was served for ever, whatever was purged.
#[tokio::test(start_paused = true)]
async fn not_found_replaces_the_stored_response_in_every_mode() {
    for reply in not_found() {
        for mode in [Mode::Regenerate, Mode::Stale, Mode::Expire] {
            let method = Method::new(Policy::new());
            method.call().await;
            method.site.act(reply.clone());

            let receipt = method.purge(mode).await;
            let first = method.call().await;
            settle().await;
            let second = method.call().await;

            let first = grpc_status(&first);
            assert_eq!(
                first,
                if mode == Mode::Stale { "0" } else { "5" },
                "{mode:?}"
            );
            assert_eq!(grpc_status(&second), "5", "{mode:?}");
            assert_eq!(second.cache_status(), "isr; hit; ttl=10", "{mode:?}");
            assert_eq!(method.site.renders(), 2, "{mode:?}");
            if mode == Mode::Regenerate {
                assert_eq!(receipt.status(), SelectorStatus::Regenerated);
                assert_eq!(receipt.http().map(|status| status.as_u16()), Some(404));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_meets_not_found_replaces_the_stored_response() {
    let method = Method::new(Policy::new().revalidate(secs(60)));
    method.call().await;
    let [reply, ..] = not_found();
    method.site.act(reply);
    tokio::time::advance(secs(60)).await;

    let stale = method.call().await;
    settle().await;
    let gone = method.call().await;

    assert_eq!(
        (grpc_status(&stale), grpc_status(&gone)),
        ("0".to_owned(), "5".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn not_found_lives_as_long_as_a_404_and_is_then_absent() {
    for (policy, lives) in [
        (Policy::new(), 10),
        (Policy::new().revalidate(secs(3)), 3),
        (Policy::new().expire(secs(3)), 3),
        (Policy::new().not_found_revalidate(secs(60)), 60),
    ] {
        for reply in not_found() {
            let method = Method::new(policy);
            method.site.act(reply);
            let first = method.call().await;

            tokio::time::advance(secs(lives - 1)).await;
            let hit = method.call().await;
            method.site.act(good());
            tokio::time::advance(secs(1)).await;
            let healed = method.call().await;

            assert_eq!(first.cache_status(), "isr; fwd=uri-miss; stored");
            assert_eq!(
                (grpc_status(&hit).as_str(), hit.cache_status()),
                ("5", "isr; hit; ttl=1"),
                "{lives}"
            );
            assert_eq!(grpc_status(&healed), "0", "{lives}");
            assert_eq!(method.site.renders(), 2, "{lives}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn not_found_is_nothing_to_fall_back_on() {
    for mode in [Mode::Stale, Mode::Expire] {
        let method = Method::new(Policy::new());
        let [reply, ..] = not_found();
        method.site.act(reply);
        method.call().await;
        method.site.act(
            Reply::page()
                .empty()
                .header("content-type", GRPC)
                .header("grpc-status", "14"),
        );

        method.purge(mode).await;

        assert_eq!(grpc_status(&method.call().await), "14", "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_good_response_a_regeneration_tells_an_unknown_path() {
    let method = Method::new(Policy::new());
    let [reply, ..] = not_found();
    method.site.act(reply);
    method.call().await;

    let receipt = method.purge(Mode::Regenerate).await;

    assert_eq!(receipt.status(), SelectorStatus::UnknownPath);
    assert_eq!(receipt.http().map(|status| status.as_u16()), Some(404));
}

#[tokio::test(start_paused = true)]
async fn not_found_is_held_to_the_rules_of_every_response() {
    let [in_headers, ..] = not_found();
    let two = Reply::page()
        .header("content-type", GRPC)
        .chunk(framed(0, b"a"))
        .chunk(framed(0, b"b"))
        .trailer("grpc-status", "5");
    let contradicted = in_headers
        .clone()
        .chunk(framed(0, b"a"))
        .trailer("grpc-status", "0");
    for (reply, detail) in [
        (in_headers.clone().header("set-cookie", "a=b"), "set-cookie"),
        (
            in_headers.clone().header("cache-control", "no-store"),
            "cache-control",
        ),
        (two, "not-one-message"),
        (contradicted, "backoff"),
    ] {
        let method = Method::new(Policy::new());
        method.site.act(reply);
        method.call().await;

        let answer = method.call().await;

        let told = answer.cache_status();
        assert!(
            told.ends_with(&format!("detail={detail}")),
            "{detail}: {told}"
        );
    }

    let method = Method::new(Policy::new());
    method.site.script(move |_, _| {
        context::no_store();
        in_headers.clone().into()
    });
    method.call().await;
    assert!(
        method
            .call()
            .await
            .cache_status()
            .ends_with("detail=no-store")
    );
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_a_render_gets_its_not_found() {
    let method = Method::new(Policy::new());
    let [_, in_trailers, _] = not_found();
    method.site.act(in_trailers);

    let (one, two, three) = tokio::join!(method.call(), method.call(), method.call());

    assert!(
        [one, two, three]
            .iter()
            .all(|call| grpc_status(call) == "5")
    );
    assert_eq!(method.site.renders(), 1);
}

#[tokio::test]
async fn a_deleted_product_of_a_tonic_service_is_gone_for_the_next_client() {
    let stage = Stage::new().await;
    stage.get("a").await.expect("it answers");
    stage.shop.act(Act::Fail(Code::NotFound));

    let receipt = stage
        .purge(Purge::path(GET_PRODUCT).mode(Mode::Regenerate))
        .await;
    let gone = stage.get("a").await.expect_err("the product is gone");
    let unknown = stage.get("made-up").await.expect_err("there never was one");
    let again = stage.get("made-up").await.expect_err("it is remembered");
    stage.shop.act(Act::Answer);
    stage
        .purge(Purge::tag("product:a").mode(Mode::Expire))
        .await;
    let back = stage.get("a").await.expect("it was published again");

    assert_eq!(receipt.receipts()[0].status(), SelectorStatus::Regenerated);
    for status in [gone, unknown, again] {
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, "told to fail")
        );
    }
    assert_eq!(stage.shop.executions(), 4);
    assert!(
        cache_status(&back).ends_with("; stored"),
        "{}",
        cache_status(&back)
    );
}
