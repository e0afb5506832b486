//! The endpoint as a Tower service: one straight line from the raw request to the response.

mod admit;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::auth::Authenticators;
use super::limits::{Limits, Rates};
use super::reading::Readings;
use super::replay::Replays;
use super::response::{self, Acknowledged, Outcome, Refusal};
use super::{Webhook, command};
use crate::invalidation::{Purge, Receipt};
use crate::{Cache, Error, ErrorKind, clock, observe};

/// The revalidation endpoint: a Tower service that purges pages for authenticated requests.
///
/// [`IsrLayer::revalidate_service`](crate::IsrLayer::revalidate_service) makes one; mount it
/// wherever a Tower service fits.
///
/// The endpoint accepts POST and PUT with JSON: at most 1 MiB and 1,000 selectors, or 10,000 if all
/// are tags that are only marked, of at most 1,024 octets each, as a path and a tag have. A
/// selector that cannot be taken is refused in its own receipt, and costs the others nothing; if
/// there are no others, the call is refused.
///
/// ```json
/// { "path": "/posts/a" }
/// { "paths": ["/", "/posts/a"], "tags": ["posts"], "mode": "stale" }
/// { "page": "/posts/{slug}", "params": { "slug": "my-first-post" } }
/// { "prefix": "/docs/", "only_cached": true, "dry_run": true, "settle": 1.5 }
/// { "all": true }
/// { "path": "/posts/a", "host": "one.example" }
/// ```
///
/// The [guide] has a row for every member.
///
/// [guide]: https://docs.rs/isr-layer/latest/isr_layer/guide/cms/index.html#members-of-a-body
///
/// Every response has `Cache-Control: no-store` and one of these statuses:
///
/// | status | reason |
/// |---|---|
/// | 200 | carried out: `revalidated` is true if no selector failed or was unknown |
/// | 400, 413, 415 | malformed, over a limit, or encoded |
/// | 401 | no credential or a wrong one, with one response for every reason |
/// | 403 | a browser sent it for a page of another site, and may have added the credential |
/// | 405, 408 | the method is not allowed; the body took longer than 5 seconds |
/// | 422 | the payload of a webhook lacks a field that its mapping needs |
/// | 429 | too many failures from this address, or too many calls by this credential |
/// | 500 | every render failed; the last good pages stay |
/// | 503 | the bodies that are being read have 16 MiB, and this one has to give way |
///
/// A page of another site can make a browser send the password of HTTP Basic that the browser
/// remembers. For this and every [ambient](crate::auth::Authenticate::is_ambient) credential,
/// `Sec-Fetch-Site` must be `same-origin` or `none`; without it, an `Origin` must be this host.
///
/// A request whose head tells that it has no credential is refused before its body is read. A body
/// of a client without one that is too long, too slow or no JSON is a failure too: after ten in a
/// minute its address gets 429. A valid credential is never refused for the failures of others.
///
/// The body of a 200 has the members of the [`Receipt`]: `receipts` has the outcome of each
/// selector. Errors are problem details (RFC 9457), with a `message` beside them.
///
/// ```
/// use isr_layer::auth::{Bearer, Hmac};
/// use isr_layer::IsrLayer;
/// use isr_layer::webhook::Webhook;
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let isr = IsrLayer::builder().build()?;
///
/// // curl --json '{"path": "/posts/a"}' -H 'Authorization: Bearer …' \
/// //     https://example.com/api/revalidate
/// let own = isr.revalidate_service(Bearer::new("from `openssl rand -base64 32`")?);
///
/// let sanity = isr
///     .revalidate_service(Hmac::sanity("from `openssl rand -base64 32`")?)
///     .webhook(Webhook::sanity().path_if_present("/posts/{/slug/current}"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a service does nothing until it is mounted"]
pub struct RevalidateService {
    engine: Arc<dyn Engine>,
    authenticators: Authenticators,
    methods: Methods,
    webhook: Option<Webhook>,
    limits: Arc<Limits>,
    replays: Arc<Replays>,
    readings: Arc<Readings>,
}

/// The part of a [`Cache`] that the endpoint uses. Tests put another engine in its place.
pub(super) trait Engine: Send + Sync + 'static {
    fn revalidate(&self, purge: Purge) -> Pin<Box<dyn Future<Output = Receipt> + Send + '_>>;
}

impl Engine for Cache {
    fn revalidate(&self, purge: Purge) -> Pin<Box<dyn Future<Output = Receipt> + Send + '_>> {
        Box::pin(Cache::revalidate(self, purge))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Methods {
    WithBody,
    WithBodyOrGet,
}

/// The part of a request that names the selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CommandSource {
    Body,
    Query,
}

impl RevalidateService {
    /// Creates the endpoint of `cache`, for requests that `authenticators` accept.
    pub(crate) fn new(cache: Cache, authenticators: impl Into<Authenticators>) -> Self {
        Self::with_engine(Arc::new(cache), authenticators.into())
    }

    fn with_engine(engine: Arc<dyn Engine>, authenticators: Authenticators) -> Self {
        Self {
            engine,
            authenticators,
            methods: Methods::WithBody,
            webhook: None,
            limits: Arc::new(Limits::new(Rates::default())),
            replays: Arc::default(),
            readings: Arc::default(),
        }
    }

    /// Accepts GET, too: `?path=/posts/a&tag=posts`, with the secret where the authenticator looks
    /// for it. Default `false`.
    ///
    /// Every page, image or link can make a browser send a GET, and every proxy and log on the way
    /// sees a secret in its query. With a password of HTTP Basic, a link on a page of another site
    /// gets 403.
    pub fn allow_get(mut self, on: bool) -> Self {
        self.methods = if on {
            Methods::WithBodyOrGet
        } else {
            Methods::WithBody
        };
        self
    }

    /// Accepts the webhooks of a content system in place of our own JSON. Mount a second service
    /// for requests of your own.
    ///
    /// # Errors
    ///
    /// If a template does not parse, or the mapping has no rule.
    pub fn webhook(mut self, webhook: Webhook) -> Result<Self, Error> {
        self.webhook = Some(webhook.checked()?);
        Ok(self)
    }

    /// Limits the failures of one address in a minute: wrong credentials, and bodies without one
    /// that are refused. Beyond it the address gets 429. Default 10.
    ///
    /// The service must know the address: under axum, serve with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// # Errors
    ///
    /// If the limit is zero.
    pub fn max_failures_per_minute(mut self, failures: u32) -> Result<Self, Error> {
        check_limit("max_failures_per_minute", failures)?;
        self.limits = Arc::new(Limits::new(Rates {
            failures,
            ..self.limits.rates()
        }));
        Ok(self)
    }

    /// Limits the calls by one credential in a minute. Beyond it a call gets 429. Default 6,000.
    ///
    /// # Errors
    ///
    /// If the limit is zero.
    pub fn max_calls_per_minute(mut self, calls: u32) -> Result<Self, Error> {
        check_limit("max_calls_per_minute", calls)?;
        self.limits = Arc::new(Limits::new(Rates {
            calls,
            ..self.limits.rates()
        }));
        Ok(self)
    }

    async fn respond<B: Body>(self, request: Request<B>) -> Response<Full<Bytes>> {
        match self.carry_out(request).await {
            Ok(outcome) => response::outcome(&outcome, clock::unix_millis()),
            Err(refusal) => {
                let status = refusal.status();
                if let Some(count) = self.limits.count_refusal(status, clock::now()) {
                    observe::revalidation_refused(status, count);
                }
                response::refusal(&refusal, || self.authenticators.challenge())
            }
        }
    }

    async fn carry_out<B: Body>(&self, request: Request<B>) -> Result<Outcome, Refusal> {
        let (head, body) = request.into_parts();
        let source = self.methods.source(&head.method)?;

        // Signatures cover the raw bytes, so the body is authenticated before it is parsed.
        let body = match source {
            CommandSource::Query => Bytes::new(),
            CommandSource::Body => self.read(&head, body).await?,
        };
        let admission = self.admit(&head, &body)?;

        // A sender repeats a delivery whose response it did not receive: it was purged already.
        if let Some(before) = self.replays.acknowledged(&admission) {
            return Ok(Outcome::Replayed(before));
        }

        let purge = self.parse(source, &head, &body)?;
        drop(body);
        if purge.is_empty() {
            return Ok(Outcome::Nothing);
        }

        // A purge that failed is not remembered, so that the sender's retry is carried out.
        let receipt = self.engine.revalidate(purge).await;
        if let Some(acknowledged) = Acknowledged::of(&receipt) {
            self.replays.remember(&admission, acknowledged);
        }
        Ok(Outcome::Done(receipt))
    }

    fn parse(
        &self,
        source: CommandSource,
        head: &request::Parts,
        body: &[u8],
    ) -> Result<Purge, Refusal> {
        let is_credential = |name: &str| self.authenticators.is_credential(name);
        match (source, &self.webhook) {
            (CommandSource::Query, _) => {
                command::from_query(head.uri.query().unwrap_or_default(), is_credential)
            }
            (CommandSource::Body, Some(webhook)) => webhook.purge(&head.headers, body),
            (CommandSource::Body, None) => command::from_json(body, is_credential),
        }
    }
}

fn check_limit(setting: &str, limit: u32) -> Result<(), Error> {
    if limit == 0 {
        let message = format!("`{setting}` must be at least 1");
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(())
}

impl Methods {
    fn source(self, method: &Method) -> Result<CommandSource, Refusal> {
        match (self, method) {
            (_, &Method::POST | &Method::PUT) => Ok(CommandSource::Body),
            (Self::WithBodyOrGet, &Method::GET) => Ok(CommandSource::Query),
            (Self::WithBody, _) => Err(Refusal::Method { allow: "POST, PUT" }),
            (Self::WithBodyOrGet, _) => Err(Refusal::Method {
                allow: "GET, POST, PUT",
            }),
        }
    }
}

impl<B> Service<Request<B>> for RevalidateService
where
    B: Body + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

impl fmt::Debug for RevalidateService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevalidateService").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "axum-0_8"))]
mod axum_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
#[cfg(feature = "hmac")]
mod signed_tests;
#[cfg(test)]
mod tests;
