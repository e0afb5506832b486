//! Builds calls to the endpoint as bytes on the wire, and parses the bytes of the responses.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use isr_tests::Answer;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::SECRET;

/// A request that is not sent yet.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Makes a POST without a credential.
    pub(crate) fn anonymous(body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            target: "/api/revalidate".to_owned(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Makes a POST with the right secret.
    pub(crate) fn post(body: impl Into<Vec<u8>>) -> Self {
        Self::anonymous(body).bearer(SECRET)
    }

    /// Makes a GET without a credential.
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::anonymous("").method("GET").to(target)
    }

    pub(crate) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn to(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    pub(crate) fn bearer(self, secret: &str) -> Self {
        self.header("authorization", format!("Bearer {secret}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the whole request as sent over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        if self.method != "GET" {
            bytes.extend(format!("content-length: {}\r\n", self.body.len()).bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    /// Returns the head without `content-length` and without the empty line that ends it.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head.into_bytes()
    }
}

/// Sends bytes, and reads the response until the server closes the connection.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    // The server may respond and close before it has read all bytes.
    let _ = stream.write_all(bytes).await;
    rest(stream).await
}

/// Reads the response until the server closes the connection.
pub(crate) async fn rest(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    parse(&bytes)
}

/// Returns the body as JSON.
pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("the answer has a head");
    let head = std::str::from_utf8(&bytes[..end]).expect("the head is text");
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok());
    let fields = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            let name = name
                .parse::<HeaderName>()
                .expect("the server writes valid names");
            (
                name,
                value.parse::<HeaderValue>().expect("and valid values"),
            )
        });
    let mut headers = HeaderMap::new();
    fields.for_each(|(name, value)| _ = headers.append(name, value));
    Answer {
        status: status.unwrap_or(StatusCode::IM_A_TEAPOT),
        headers,
        body: Bytes::copy_from_slice(&bytes[end + 4..]),
        trailers: None,
    }
}
