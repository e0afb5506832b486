//! gRPC calls: a unary method of tonic with a message of 1 KB each way, without the layer and
//! behind it.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use isr_layer::{IsrLayer, Page, Policy};
use prost::Message;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::BoxError;
use crate::request::read;

const PATH: &str = "/catalog.v1.Catalog/GetProduct";
const GET: Page = Page::new(PATH)
    .with_policy(Policy::new().revalidate(Duration::from_secs(3600)))
    .with_unary(true);
const TEXT: usize = 1024;

/// The message of requests and responses.
#[derive(Clone, PartialEq, Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

/// A call, made once; each request is a copy of it.
struct Call {
    body: Bytes,
}

impl Call {
    fn new() -> Self {
        let message = text().encode_to_vec();
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_u32(u32::try_from(message.len()).unwrap_or_default());
        body.put_slice(&message);
        Self {
            body: body.freeze(),
        }
    }

    fn make(&self) -> Request<Body> {
        let mut request = Request::new(Body::new(Full::new(self.body.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static(PATH);
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        request
            .headers_mut()
            .insert(TE, HeaderValue::from_static("trailers"));
        request
    }
}

/// The reference row: makes a call and reads the body of a response, nothing else.
pub(crate) async fn request(requests: u64) -> Result<(), BoxError> {
    let call = Call::new();
    for _ in 0..requests {
        black_box(black_box(&call).make());
        read(Full::new(call.body.clone())).await?;
    }
    Ok(())
}

/// The method without the layer: the work of tonic's generated code after it has found the method.
pub(crate) async fn plain(requests: u64) -> Result<(), BoxError> {
    drive(service_fn(method), requests).await
}

/// Hits.
pub(crate) async fn hit(requests: u64) -> Result<(), BoxError> {
    let isr = IsrLayer::builder().pages([GET]).build()?;
    let mut service = isr.layer(service_fn(method));
    let call = Call::new();
    let first = service.ready().await?.call(call.make()).await?;
    if read(first.into_body()).await? != call.body.len() {
        return Err("the answer is not whole".into());
    }
    let second = service.ready().await?.call(call.make()).await?;
    let status = second
        .headers()
        .get("cache-status")
        .map(HeaderValue::as_bytes);
    if !status.is_some_and(|status| status.starts_with(b"isr; hit")) {
        return Err("the second call is no hit".into());
    }
    drive(service, requests).await
}

/// Calls of a method that is not a page.
pub(crate) async fn uncached(requests: u64) -> Result<(), BoxError> {
    let isr = IsrLayer::builder()
        .pages([Page::new("/catalog.v1.Catalog/GetAnother").with_unary(true)])
        .build()?;
    drive(isr.layer(service_fn(method)), requests).await
}

async fn drive<S, R>(mut service: S, requests: u64) -> Result<(), BoxError>
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: http_body::Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let call = Call::new();
    for _ in 0..requests {
        let ready = service.ready().await.map_err(Into::into)?;
        let answer = ready
            .call(black_box(&call).make())
            .await
            .map_err(Into::into)?;
        read(answer.into_body()).await?;
    }
    Ok(())
}

async fn method(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let answer = async |_: tonic::Request<Text>| Ok(tonic::Response::new(text()));
    let mut grpc = Grpc::new(ProstCodec::<Text, Text>::default());
    Ok(grpc.unary(service_fn(answer), request).await)
}

fn text() -> Text {
    Text {
        text: "x".repeat(TEXT),
    }
}
