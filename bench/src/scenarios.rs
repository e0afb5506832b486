//! The scenarios: each sets up its service, checks that the service does what the scenario's name
//! says, then sends its requests.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body as AxumBody;
use axum::routing::get as route;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use isr_layer::store::{Found, Mark, Store, StoreError, Write};
use isr_layer::{Cache, IsrLayer, Page, Policy, Purge};
use tower::layer::util::Identity;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::request::{Template, read, send};
use crate::{BoxError, calls, values};

/// The body of the rows without axum.
type Plain = Full<Bytes>;

/// The 10 KB of each page's body.
static PAGE: [u8; 10 * 1024] = [b'x'; 10 * 1024];

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

const POSTS: Page =
    Page::new("/posts/{slug}").with_policy(Policy::new().revalidate(Duration::from_secs(3600)));

/// The path of the requests, one of [`POSTS`].
const POST: &str = "/posts/hello-world";

/// A path below a page of [`POSTS`] that is not a page itself.
const BELOW_POST: &str = "/posts/hello-world/edit";

/// The pages of [`miss`]. They are short: the hash of a long body would hide all other work, and its
/// encodings would be made meanwhile.
const QUOTES: Page = Page::new("/quotes/{number}");

/// The beginning of the paths of [`QUOTES`].
const QUOTE: &str = "/quotes/";

/// A path that is not a page, and whose response states its lifetime.
const ARTICLE: &str = "/articles/hello-world";

/// Runs the scenario of that name with this number of requests.
pub(crate) async fn run(scenario: &str, requests: u64) -> Result<(), BoxError> {
    let account = Template::browser_get("/account");
    let below = Template::browser_get(BELOW_POST);
    match scenario {
        "request" => request(requests).await,
        "floor" => floor(requests).await,
        "axum-route" => drive::<AxumBody, _, _>(axum_route(), &post(), requests).await,
        "hit" => hit::<Plain, _, _>(isr()?.layer(service_fn(page)), requests).await,
        "hit-store" => {
            hit::<Plain, _, _>(isr_with_store()?.layer(service_fn(page)), requests).await
        }
        "hit-wrap" => hit::<AxumBody, _, _>(isr()?.wrap(router()), requests).await,
        "hit-router-layer" => hit::<AxumBody, _, _>(router().layer(isr()?), requests).await,
        "hit-router-layer-served" => {
            hit::<AxumBody, _, _>(router().layer(isr()?).with_state(()), requests).await
        }
        "hit-hosts" => hit::<Plain, _, _>(isr_for_hosts()?.layer(service_fn(page)), requests).await,
        "hit-head" => hit_head(requests).await,
        "hit-304" => hit_not_modified(requests).await,
        // Browsers accept the first list without TLS and the second one with it.
        "hit-gzip" => hit_encoded("gzip, deflate", "gzip", requests).await,
        "hit-br" => hit_encoded("gzip, deflate, br, zstd", "br", requests).await,
        "hit-by-headers" => hit_by_headers(requests).await,
        "miss-plain" => drive_quotes(&mut service_fn(page), requests).await,
        "miss" => miss(requests).await,
        "purge" => purge(requests).await,
        "hit-after-purge" => hit_after_purge(requests).await,
        "uncached-below-page-plain" => {
            drive::<Plain, _, _>(service_fn(page), &below, requests).await
        }
        "uncached-below-page" => {
            drive::<Plain, _, _>(isr()?.layer(service_fn(page)), &below, requests).await
        }
        "uncached-plain" => drive::<Plain, _, _>(service_fn(page), &account, requests).await,
        "uncached-layer" => {
            drive::<Plain, _, _>(isr()?.layer(service_fn(page)), &account, requests).await
        }
        "uncached-wrap-plain" => drive::<AxumBody, _, _>(router(), &account, requests).await,
        "uncached-wrap" => drive::<AxumBody, _, _>(isr()?.wrap(router()), &account, requests).await,
        "uncached-router-layer-plain" => {
            drive::<AxumBody, _, _>(router().layer(Identity::new()), &account, requests).await
        }
        "uncached-router-layer" => {
            drive::<AxumBody, _, _>(router().layer(isr()?), &account, requests).await
        }
        "value-key" => values::key(requests),
        "value-hit" => values::hit(requests).await,
        "value-hit-kept" => values::hit_kept(requests).await,
        "call-request" => calls::request(requests).await,
        "call-plain" => calls::plain(requests).await,
        "call-hit" => calls::hit(requests).await,
        "call-uncached" => calls::uncached(requests).await,
        _ => Err("no such scenario".into()),
    }
}

/// The reference row: makes a request and reads a body, nothing else.
async fn request(requests: u64) -> Result<(), BoxError> {
    let post = post();
    for _ in 0..requests {
        black_box(black_box(&post).make::<Plain>());
        read(Full::new(Bytes::from_static(&PAGE))).await?;
    }
    Ok(())
}

/// The floor: the least work of any cache, a response without headers from a map.
async fn floor(requests: u64) -> Result<(), BoxError> {
    let pages = HashMap::from([(POST.to_owned(), Bytes::from_static(&PAGE))]);
    let service = service_fn(|request: Request<Plain>| {
        let body = pages.get(request.uri().path()).cloned().unwrap_or_default();
        ready(Ok::<_, Infallible>(Response::new(Full::new(body))))
    });
    drive::<Plain, _, _>(service, &post(), requests).await
}

/// The reference for hits: the cheapest route that axum can serve itself, with the headers of a
/// hit.
fn axum_route() -> Router {
    const HEADERS: [(HeaderName, HeaderValue); 5] = [
        (CONTENT_TYPE, HTML),
        (
            ETAG,
            HeaderValue::from_static("\"0f343b0931126a20f133d67c2b018a3b\""),
        ),
        (AGE, HeaderValue::from_static("7")),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=0, must-revalidate"),
        ),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    Router::new().route(
        "/posts/{slug}",
        route(|| ready((HEADERS, Bytes::from_static(&PAGE)))),
    )
}

async fn hit_head(requests: u64) -> Result<(), BoxError> {
    let mut service = isr()?.layer(service_fn(page));
    warm::<Plain, _, _>(&mut service).await?;
    let mut head = post();
    head.method = Method::HEAD;
    let answer = send::<Plain, _, _>(&mut service, &head).await?;
    let length = answer.headers().get(CONTENT_LENGTH).cloned();
    ensure(
        answer.status() == StatusCode::OK,
        "HEAD is not answered 200",
    )?;
    ensure(
        length == Some(HeaderValue::from(PAGE.len())),
        "HEAD does not tell the page's length",
    )?;
    ensure(
        read(answer.into_body()).await? == 0,
        "HEAD is answered with a body",
    )?;
    drive::<Plain, _, _>(service, &head, requests).await
}

async fn hit_not_modified(requests: u64) -> Result<(), BoxError> {
    let mut service = isr()?.layer(service_fn(page));
    let etag = warm::<Plain, _, _>(&mut service)
        .await?
        .remove(ETAG)
        .ok_or("a hit has no ETag")?;
    let mut conditional = post();
    conditional.headers.append(IF_NONE_MATCH, etag);
    let answer = send::<Plain, _, _>(&mut service, &conditional).await?;
    ensure(
        answer.status() == StatusCode::NOT_MODIFIED,
        "the right tag is not answered 304",
    )?;
    drive::<Plain, _, _>(service, &conditional, requests).await
}

/// Hits in an encoding, which was made beforehand.
async fn hit_encoded(accepted: &'static str, coding: &str, requests: u64) -> Result<(), BoxError> {
    let mut service = isr()?.layer(service_fn(page));
    warm::<Plain, _, _>(&mut service).await?;
    let mut browser = post();
    browser
        .headers
        .append(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
    let (head, body) = send::<Plain, _, _>(&mut service, &browser)
        .await?
        .into_parts();
    ensure(is_hit(&head.headers), "an encoded answer is no hit")?;
    ensure(
        head.headers
            .get(CONTENT_ENCODING)
            .is_some_and(|is| is == coding),
        "the answer is in another encoding",
    )?;
    ensure(
        head.headers.contains_key(VARY),
        "an encoded answer does not vary",
    )?;
    ensure(
        read(body).await? < PAGE.len(),
        "an encoded answer is no smaller",
    )?;
    drive::<Plain, _, _>(service, &browser, requests).await
}

/// Hits of a route that is not a page. The service has the type of the rows above: one more type
/// would make these rows more expensive, since a function that is called from one place only is
/// inlined there.
async fn hit_by_headers(requests: u64) -> Result<(), BoxError> {
    let mut service = IsrLayer::builder()
        .pages([POSTS])
        .cache_by_headers(true)
        .build()?
        .layer(service_fn(page));
    let article = Template::browser_get(ARTICLE);
    read(
        send::<Plain, _, _>(&mut service, &article)
            .await?
            .into_body(),
    )
    .await?;
    let again = send::<Plain, _, _>(&mut service, &article).await?;
    ensure(
        is_hit(again.headers()),
        "what says how long it lasts is not kept",
    )?;
    drive::<Plain, _, _>(service, &article, requests).await
}

/// Misses: each request is for another page, which is rendered and stored. Memory is full from the
/// beginning, so each stored page evicts one; it is small, since with a large heap the same work
/// costs 300 instructions more or less from run to run.
async fn miss(requests: u64) -> Result<(), BoxError> {
    let mut service = IsrLayer::builder()
        .pages([QUOTES])
        .trust_extensions()
        .max_entries(32)
        .new_keys_per_second(u32::MAX)
        .build()?
        .layer(service_fn(page));
    drive_quotes(&mut service, requests).await?;
    let next = service.ready().await?.call(quote(requests)?).await?;
    ensure(
        next.headers()
            .get("cache-status")
            .is_some_and(|status| status == "isr; fwd=uri-miss; stored"),
        "a new page is no miss that is stored",
    )?;
    let last = service.ready().await?.call(quote(requests - 1)?).await?;
    ensure(is_hit(last.headers()), "the last miss was not stored")
}

/// Sends requests for [`QUOTES`], each for another page, and reads each response to its end.
async fn drive_quotes<S, R>(service: &mut S, requests: u64) -> Result<(), BoxError>
where
    S: Service<Request<Plain>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    for number in 0..requests {
        let ready = service.ready().await.map_err(Into::into)?;
        let answer = pin!(ready.call(black_box(quote(number)?)));
        read(answer.await.map_err(Into::into)?.into_body()).await?;
    }
    Ok(())
}

/// A request for one of [`QUOTES`].
fn quote(number: u64) -> Result<Request<Plain>, BoxError> {
    let mut request = post().make();
    *request.uri_mut() = format!("{QUOTE}{number}").try_into()?;
    Ok(request)
}

/// The baseline of [`hit_after_purge`]: the purges alone.
async fn purge(requests: u64) -> Result<(), BoxError> {
    let isr = isr()?;
    let mut service = isr.layer(service_fn(page));
    warm::<Plain, _, _>(&mut service).await?;
    for _ in 0..requests {
        purge_another_tag(&isr.cache()).await;
    }
    Ok(())
}

/// Purges a tag that the page does not carry, before each hit.
async fn hit_after_purge(requests: u64) -> Result<(), BoxError> {
    let isr = isr()?;
    let mut service = isr.layer(service_fn(page));
    warm::<Plain, _, _>(&mut service).await?;
    let cache = isr.cache();
    let before = async || purge_another_tag(&cache).await;
    drive_after::<Plain, _, _>(&mut service, &post(), requests, before).await?;
    warm::<Plain, _, _>(&mut service).await?;
    Ok(())
}

async fn purge_another_tag(cache: &Cache) {
    black_box(cache.revalidate(Purge::tag("another")).await);
}

/// Sends hits, after it has made sure that a request is one.
async fn hit<B, S, R>(mut service: S, requests: u64) -> Result<(), BoxError>
where
    B: Default,
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    warm(&mut service).await?;
    drive(service, &post(), requests).await
}

/// Sends the requests one after the other and reads each response to its end.
async fn drive<B, S, R>(service: S, request: &Template, requests: u64) -> Result<(), BoxError>
where
    B: Default,
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    drive_after(service, request, requests, async || {}).await
}

/// Does the work of [`drive`], with `before` ahead of each request. The future stays where it is
/// made, as in a server.
async fn drive_after<B, S, R>(
    mut service: S,
    request: &Template,
    requests: u64,
    before: impl AsyncFn(),
) -> Result<(), BoxError>
where
    B: Default,
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    for _ in 0..requests {
        before().await;
        let answer = pin!(
            service
                .ready()
                .await
                .map_err(Into::into)?
                .call(black_box(request).make())
        );
        match answer.await {
            Ok(answer) => read(answer.into_body()).await?,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(())
}

/// Requests the page until it is a hit with all headers that the budget includes. Returns these
/// headers.
async fn warm<B, S, R>(service: &mut S) -> Result<HeaderMap, BoxError>
where
    B: Default,
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    for _ in 0..100 {
        let (head, body) = send(service, &post()).await?.into_parts();
        ensure(read(body).await? == PAGE.len(), "the page is not whole")?;
        if is_hit(&head.headers) {
            for name in [ETAG, AGE, CACHE_CONTROL, CONTENT_TYPE, VARY] {
                ensure(
                    head.headers.contains_key(&name),
                    &format!("a hit has no {name}"),
                )?;
            }
            encoded(service).await?;
            return Ok(head.headers);
        }
        tokio::task::yield_now().await;
    }
    Err("the page never becomes a hit".into())
}

/// Waits until the page's encodings are made: that work is done once and is not part of a request's
/// cost.
async fn encoded<B, S, R>(service: &mut S) -> Result<(), BoxError>
where
    B: Default,
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
{
    let mut browser = post();
    browser
        .headers
        .append(ACCEPT_ENCODING, HeaderValue::from_static("br"));
    for _ in 0..10_000 {
        if send(service, &browser)
            .await?
            .headers()
            .contains_key(CONTENT_ENCODING)
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err("the page is never encoded".into())
}

fn is_hit(headers: &HeaderMap) -> bool {
    let status = headers
        .get("cache-status")
        .and_then(|value| value.to_str().ok());
    status.is_some_and(|status| status.starts_with("isr; hit"))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), BoxError> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn post() -> Template {
    Template::browser_get(POST)
}

/// A layer with a store behind memory, which a hit must not notice.
fn isr_with_store() -> Result<IsrLayer, BoxError> {
    Ok(IsrLayer::builder()
        .pages([POSTS])
        .trust_extensions()
        .build_id("bench")
        .store(Forgetful::default())
        .build()?)
}

/// A store that keeps no page, and gives each purge a number.
#[derive(Default)]
struct Forgetful(AtomicU64);

impl Store for Forgetful {
    fn join(&self, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn get(&self, _: &[u8]) -> Result<Option<Found>, StoreError> {
        Ok(None)
    }

    async fn write(&self, _: Vec<Write>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn record(&self, _: &[Mark]) -> Result<u64, StoreError> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn isr() -> Result<IsrLayer, BoxError> {
    Ok(IsrLayer::builder()
        .pages([POSTS])
        .trust_extensions()
        .build()?)
}

/// Makes a layer for several hosts, one of which the requests are for.
fn isr_for_hosts() -> Result<IsrLayer, BoxError> {
    const HOSTS: [&str; 4] = [
        "example.com",
        "www.example.com",
        "blog.example.com",
        "shop.example.com",
    ];
    Ok(IsrLayer::builder().pages([POSTS]).hosts(HOSTS).build()?)
}

/// The inner service of the rows without axum.
fn page(request: Request<Plain>) -> Ready<Result<Response<Plain>, Infallible>> {
    let path = request.uri().path();
    let length = if path.starts_with(QUOTE) {
        100
    } else {
        PAGE.len()
    };
    let mut response = Response::new(Full::new(Bytes::from_static(&PAGE[..length])));
    response.headers_mut().append(CONTENT_TYPE, HTML);
    if path == ARTICLE {
        response
            .headers_mut()
            .append(CACHE_CONTROL, HeaderValue::from_static("s-maxage=3600"));
        response.headers_mut().append(
            ETAG,
            HeaderValue::from_static("\"0f343b0931126a20f133d67c2b018a3b\""),
        );
    }
    ready(Ok(response))
}

/// The application of the rows with axum.
fn router() -> Router {
    let page = || ready(([(CONTENT_TYPE, HTML)], Bytes::from_static(&PAGE)));
    Router::new()
        .route("/posts/{slug}", route(page))
        .route("/account", route(page))
}
