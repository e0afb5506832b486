//! A client that knows nothing of gRPC: it sends and reads calls as HTTP/2 frames.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client;
use http::{HeaderMap, Method, Request, StatusCode};
use prost::Message;
use tokio::net::TcpStream;

use crate::proto::Query;

/// A request; each of its parts is sent as one DATA frame.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    method: Method,
    path: &'static str,
    headers: HeaderMap,
    parts: Vec<Bytes>,
    trailers: Option<HeaderMap>,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frames {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) data: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Raw {
    pub(crate) fn call(path: &'static str, body: Bytes) -> Self {
        let call = Self {
            method: Method::POST,
            path,
            headers: HeaderMap::new(),
            parts: vec![body],
            trailers: None,
        };
        call.with("content-type", "application/grpc")
            .with("te", "trailers")
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers
            .insert(name, value.parse().expect("it is a header"));
        self
    }

    pub(crate) fn parts(mut self, parts: Vec<Bytes>) -> Self {
        self.parts = parts;
        self
    }

    pub(crate) fn trailers(mut self, name: &'static str, value: &'static str) -> Self {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, value.parse().expect("it is a header"));
        self.trailers = Some(trailers);
        self
    }
}

impl Frames {
    pub(crate) fn cache_status(&self) -> &str {
        self.headers
            .get("cache-status")
            .map_or("", |value| value.to_str().expect("it is text"))
    }

    /// Removes the header that differs from second to second.
    pub(crate) fn without_date(mut self) -> Self {
        self.headers.remove("date");
        self
    }
}

/// Returns a query with its gRPC frame.
pub(crate) fn query(id: &str) -> Bytes {
    framed(
        0,
        &Query {
            id: id.to_owned(),
            padding: Vec::new(),
        }
        .encode_to_vec(),
    )
}

pub(crate) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(flag);
    body.put_u32(u32::try_from(message.len()).expect("it is short"));
    body.put_slice(message);
    body.freeze()
}

/// Sends a request on a connection of its own and reads the response.
pub(crate) async fn send(address: SocketAddr, raw: Raw) -> Frames {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let (mut client, connection) = client::handshake(stream).await.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let mut request = Request::new(());
    *request.method_mut() = raw.method;
    *request.uri_mut() = format!("http://{address}{}", raw.path)
        .parse()
        .expect("it is a URI");
    *request.headers_mut() = raw.headers;
    let ends_at_once = raw.parts.is_empty() && raw.trailers.is_none();
    let (response, mut body) = client
        .send_request(request, ends_at_once)
        .expect("it is sent");
    let last = raw
        .parts
        .len()
        .checked_sub(1)
        .filter(|_| raw.trailers.is_none());
    for (at, part) in raw.parts.into_iter().enumerate() {
        body.send_data(part, Some(at) == last).expect("it is sent");
    }
    if let Some(trailers) = raw.trailers {
        body.send_trailers(trailers).expect("they are sent");
    }
    let (head, mut body) = response.await.expect("it is answered").into_parts();
    let mut data = BytesMut::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.expect("the body comes to its end");
        body.flow_control()
            .release_capacity(chunk.len())
            .expect("it was received");
        data.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await.expect("the stream comes to its end");
    Frames {
        status: head.status,
        headers: head.headers,
        data: data.freeze(),
        trailers,
    }
}
