//! What an authenticator is: a pure function from the raw request to a verdict.

use std::time::Duration;

use http::header::AsHeaderName;
use http::{HeaderMap, Method, Uri};

use crate::clock;

/// Decides whether a request may revalidate, from its raw bytes alone.
///
/// ```
/// use isr_layer::auth::{Authenticate, SignedRequest, Verdict};
///
/// /// Trusts what a proxy in front has checked.
/// struct CheckedByProxy;
///
/// impl Authenticate for CheckedByProxy {
///     fn verify(&self, request: &SignedRequest<'_>) -> Verdict {
///         match request.header("x-client-verified") {
///             Some("SUCCESS") => Verdict::accepted(),
///             _ => Verdict::rejected(),
///         }
///     }
/// }
/// ```
pub trait Authenticate: Send + Sync + 'static {
    /// Checks `request`. Takes equally long for every failure: an answer that comes early tells what was wrong.
    fn verify(&self, request: &SignedRequest<'_>) -> Verdict;

    /// Whether the query parameter, or the member of the JSON body, called `name` carries the credential: then it is
    /// no part of what is asked for.
    fn has_tag(&self, name: &str) -> bool {
        let _ = name;
        false
    }
}

impl Authenticate for Box<dyn Authenticate> {
    fn verify(&self, request: &SignedRequest<'_>) -> Verdict {
        (**self).verify(request)
    }

    fn has_tag(&self, name: &str) -> bool {
        (**self).has_tag(name)
    }
}

/// The raw request an authenticator sees: nothing of it is parsed or decoded.
#[derive(Clone, Debug)]
pub struct SignedRequest<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
    received_at: Duration,
}

impl<'a> SignedRequest<'a> {
    /// A request received now.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            method,
            uri,
            headers,
            body,
            received_at: clock::unix_time(),
        }
    }

    /// Sets when it was received, as time since the Unix epoch, for tests with recorded signatures.
    #[must_use]
    pub fn received(mut self, since_epoch: Duration) -> Self {
        self.received_at = since_epoch;
        self
    }

    /// The method.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The URI as the client sent it, before a router stripped a prefix.
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The headers.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The value of a header that is there exactly once and is text.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).into_iter();
        let only = values.next()?;
        if values.next().is_some() {
            return None;
        }
        only.to_str().ok()
    }

    /// The body, byte for byte.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// When it was received, as time since the Unix epoch.
    pub fn received_at(&self) -> Duration {
        self.received_at
    }
}

/// What an authenticator found.
#[derive(Clone, Debug)]
#[must_use = "a verdict that is not returned admits nobody"]
pub struct Verdict {
    pub(super) accepted: bool,
    pub(super) credential: usize,
    pub(super) delivery: Option<String>,
}

impl Verdict {
    /// The request proves that its sender knows a secret.
    pub fn accepted() -> Self {
        Self {
            accepted: true,
            credential: 0,
            delivery: None,
        }
    }

    /// It does not. There is one answer for every reason.
    pub fn rejected() -> Self {
        Self {
            accepted: false,
            credential: 0,
            delivery: None,
        }
    }

    /// Accepted by the secret in this place, or rejected.
    pub(super) fn by_secret(place: Option<usize>) -> Self {
        match place {
            Some(credential) => Self {
                credential,
                ..Self::accepted()
            },
            None => Self::rejected(),
        }
    }

    /// Which of several credentials it was: each has its own rate.
    pub fn credential(mut self, place: usize) -> Self {
        self.credential = place;
        self
    }

    /// The sender's own, signed id of this delivery. A delivery acknowledged once is not carried out again.
    pub fn delivery_id(mut self, id: impl Into<String>) -> Self {
        self.delivery = Some(id.into());
        self
    }

    /// Whether it was accepted.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }
}
