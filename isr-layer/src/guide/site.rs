// Helpers of the examples in the guides. This file is not a module: each example includes it, in
// hidden lines.

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

/// A site whose pages show how often they were rendered.
struct Site {
    service: BoxCloneService<Request<Full<Bytes>>, Response<isr_layer::body::IsrBody<Full<Bytes>>>, Infallible>,
}

impl Site {
    fn new(isr: &isr_layer::IsrLayer) -> Self {
        Self::tagging(isr, |_path| {})
    }

    /// Makes a site that calls `tag` during each render, with the path.
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

    /// Requests `path` and returns the text of the response.
    async fn visit(&self, path: &str) -> String {
        let request = Request::get(path).body(Full::default()).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }
}

/// Posts a body to the endpoint and returns the JSON of the response.
async fn deliver(endpoint: &isr_layer::webhook::RevalidateService, headers: &[(&str, &str)], body: &str) -> Value {
    let mut request = Request::post("/api/revalidate").header("content-type", "application/json");
    for (name, value) in headers {
        request
            .headers_mut()
            .unwrap()
            .insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let response = endpoint.clone().oneshot(request).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// Sends a request to an axum application, and reads the body of the response.
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

/// Sends a GET request for `path`.
async fn get<S, B>(app: &S, path: &str) -> Response<String>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Returns the `Cache-Status` of the response for `path`, or an empty text.
async fn status<S, B>(app: &S, path: &str) -> String
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let response = get(app, path).await;
    response.headers().get("cache-status").map_or("", |value| value.to_str().unwrap()).to_owned()
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

/// Returns the milliseconds since the Unix epoch.
fn now() -> u128 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()
}

/// A directory for one example, which is removed at its end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new() -> Self {
        let nanos = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let name = format!("isr-guide-{}-{nanos}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
