// What the examples of the guides share. It is no module: each example includes it, hidden from the reader.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::body::Body;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

const SECRET: &str = "a secret of more than 24 bytes";

/// A site whose every page says how often it was rendered.
struct Site {
    service: BoxCloneService<Request<Full<Bytes>>, Response<isr_layer::body::IsrBody<Full<Bytes>>>, Infallible>,
}

impl Site {
    fn new(isr: &isr_layer::IsrLayer) -> Self {
        Self::tagging(isr, |_path| {})
    }

    /// With something to be done while a path is rendered.
    fn tagging(isr: &isr_layer::IsrLayer, tag: impl Fn(&str) + Clone + Send + 'static) -> Self {
        let renders = Arc::new(Mutex::new(HashMap::new()));
        let pages = service_fn(move |request: Request<Full<Bytes>>| {
            let (renders, tag) = (renders.clone(), tag.clone());
            async move {
                let path = request.uri().path().to_owned();
                tag(&path);
                let mut renders = renders.lock().unwrap();
                let version = renders.entry(path).or_insert(0);
                *version += 1;
                Ok(Response::new(Full::from(format!("version {version}"))))
            }
        });
        Self { service: BoxCloneService::new(isr.layer(pages)) }
    }

    /// The text at `path`.
    async fn visit(&self, path: &str) -> String {
        let request = Request::get(path).body(Full::default()).unwrap();
        let answer = self.service.clone().oneshot(request).await.unwrap();
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }
}

/// Posts a body to the endpoint and gives the JSON it answers.
async fn deliver(endpoint: &isr_layer::webhook::RevalidateService, headers: &[(&str, &str)], body: &str) -> Value {
    let mut request = Request::post("/api/revalidate").header("content-type", "application/json");
    for (name, value) in headers {
        request
            .headers_mut()
            .unwrap()
            .insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let answer = endpoint.clone().oneshot(request).await.unwrap();
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// What an axum application answers, its body read whole.
async fn ask<S, B>(app: &S, request: Request<Body>) -> Response<String>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

async fn get<S, B>(app: &S, path: &str) -> Response<String>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

/// What the answer for `path` says happened.
async fn status<S, B>(app: &S, path: &str) -> String
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let answer = get(app, path).await;
    answer.headers().get("cache-status").map_or("", |value| value.to_str().unwrap()).to_owned()
}

fn hmac_sha256(key: &str, message: &str) -> Vec<u8> {
    use hmac::{KeyInit, Mac};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Milliseconds since the Unix epoch.
fn now() -> u128 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()
}
