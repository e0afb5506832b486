//! Tests that requests that are not calls of a page pass as if there were no layer.

use bytes::Bytes;
use http::Method;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::frames::{self, Raw, framed};
use crate::proto::Query;
use crate::shop::{Act, GET_PRODUCT, UPDATE_PRODUCT};
use crate::stage::{Stage, bare, query};

/// Sends a request to a server with the layer and to one without. The responses must be equal.
async fn assert_untouched(raw: Raw) {
    let stage = Stage::new().await;
    let (_shop, address) = bare().await;

    let with = frames::send(stage.address, raw.clone())
        .await
        .without_date();
    let without = frames::send(address, raw.clone()).await.without_date();

    assert_eq!(with, without, "{raw:?}");
    assert_eq!(stage.cache.metrics().entries(), 0, "{raw:?}");
}

#[tokio::test]
async fn frames_of_uncached_methods_are_the_same_with_and_without_the_layer() {
    let update = Raw::call(UPDATE_PRODUCT, frames::query("a"));
    assert_untouched(update.clone()).await;
    assert_untouched(update.clone().with("authorization", "Bearer secret")).await;
    assert_untouched(update.clone().with("grpc-timeout", "5S")).await;
    assert_untouched(update.clone().with("grpc-accept-encoding", "gzip")).await;
    assert_untouched(update.clone().with("grpc-encoding", "gzip")).await;
    assert_untouched(update.parts(vec![Bytes::from_static(b"\0\0")])).await;
    assert_untouched(Raw::call(
        "/catalog.v1.Catalog/ListProducts",
        frames::query("a"),
    ))
    .await;
    assert_untouched(
        Raw::call("/catalog.v1.Catalog/Exchange", Bytes::new())
            .parts(vec![frames::query("a"), frames::query("b")]),
    )
    .await;
    assert_untouched(Raw::call(
        "/catalog.v1.Catalog/NoSuchMethod",
        frames::query("a"),
    ))
    .await;
    assert_untouched(Raw::call("/no.such.Service/Method", frames::query("a"))).await;
}

#[tokio::test]
async fn an_odd_call_of_a_cached_method_passes_byte_for_byte() {
    let get = || Raw::call(GET_PRODUCT, frames::query("a"));
    let padding = Query {
        id: "a".to_owned(),
        padding: vec![7; 20_000],
    };
    let large = framed(0, &prost::Message::encode_to_vec(&padding));
    let cut_in_pieces = large
        .chunks(1000)
        .map(Bytes::copy_from_slice)
        .collect::<Vec<_>>();

    assert_untouched(get().parts(vec![framed(1, b"compressed")])).await;
    assert_untouched(get().parts(vec![frames::query("a"), frames::query("b")])).await;
    assert_untouched(get().parts(vec![
        [frames::query("a"), frames::query("b")].concat().into(),
    ]))
    .await;
    assert_untouched(get().parts(vec![large])).await;
    assert_untouched(get().parts(cut_in_pieces)).await;
    assert_untouched(get().parts(vec![])).await;
    assert_untouched(get().parts(vec![Bytes::from_static(b"\0\0\0")])).await;
    assert_untouched(get().parts(vec![Bytes::from_static(b"\0\0\0\0\x09ab")])).await;
    assert_untouched(get().trailers("x-odd", "1")).await;
    assert_untouched(get().with("content-type", "application/grpc-web")).await;
    assert_untouched(get().with("content-type", "application/grpc-web+proto")).await;
    assert_untouched(get().with("content-type", "application/json")).await;
    assert_untouched(get().method(Method::PUT)).await;
    assert_untouched(get().method(Method::GET).parts(vec![])).await;
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message() {
    let stage = Stage::new().await;
    stage.get("abcdef").await.expect("it answers");
    let pieces = frames::query("abcdef")
        .chunks(2)
        .map(Bytes::copy_from_slice)
        .collect();

    let answer = frames::send(
        stage.address,
        Raw::call(GET_PRODUCT, Bytes::new()).parts(pieces),
    )
    .await;

    assert_eq!(answer.cache_status(), "isr; hit; ttl=60");
}

#[tokio::test]
async fn streaming_methods_are_untouched() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let queries = || tokio_stream::iter(["a", "b"].map(|id| query(id).into_inner()));

    let listed = client.list_products(query("p")).await.expect("it answers");
    let listed = listed
        .into_inner()
        .map(|product| product.expect("it comes").id)
        .collect::<Vec<_>>()
        .await;
    let added = client
        .add_products(queries())
        .await
        .expect("it answers")
        .into_inner();
    let exchanged = client.exchange(queries()).await.expect("it answers");
    let exchanged = exchanged
        .into_inner()
        .map(|product| product.expect("it comes").id)
        .collect::<Vec<_>>()
        .await;

    assert_eq!(listed, ["p0", "p1", "p2"]);
    assert_eq!(added.id, "ab");
    assert_eq!(exchanged, ["a", "b"]);
    assert_eq!(stage.cache.metrics().entries(), 0);
}

#[tokio::test]
async fn a_compressed_call_of_a_cached_method_is_not_cached() {
    let stage = Stage::new().await;
    let mut client = stage
        .client()
        .await
        .send_compressed(CompressionEncoding::Gzip);

    let refused = client
        .get_product(query("a"))
        .await
        .expect_err("the server takes no gzip");

    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(stage.cache.metrics().entries(), 0);
}

#[tokio::test]
async fn a_deadline_of_an_uncached_method_holds() {
    let stage = Stage::new().await;
    let (shop, address) = bare().await;
    let call = Raw::call(UPDATE_PRODUCT, frames::query("a")).with("grpc-timeout", "100m");
    stage.shop.act(Act::Hang);
    shop.act(Act::Hang);

    let with = frames::send(stage.address, call.clone())
        .await
        .without_date();
    let without = frames::send(address, call).await.without_date();

    assert_eq!(with, without);
    assert!(with.headers.contains_key("grpc-status"));
}
