//! The interface of authenticators: a pure function from the raw request to a [`Verdict`].

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "hmac")]
use std::time::Duration;
use std::time::SystemTime;

use http::header::AsHeaderName;
use http::{HeaderMap, Method, Uri};

use crate::clock;

/// Decides whether a request may revalidate, from its raw bytes alone.
///
/// The check is synchronous: the request is in memory, and a call is decided before anything of it
/// is parsed. If the keys rotate, put the authenticator behind an `ArcSwap` and let a task exchange
/// it. A closure is an authenticator by [`from_fn`].
///
/// ```
/// use isr_layer::auth::{AuthRequest, Authenticate, Verdict};
///
/// /// Trusts the check of a proxy in front.
/// struct CheckedByProxy;
///
/// impl Authenticate for CheckedByProxy {
///     fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
///         match request.header("x-client-verified") {
///             Some("SUCCESS") => Verdict::accepted(),
///             _ => Verdict::rejected(),
///         }
///     }
///
///     // The body does not matter, so a request of somebody else is refused before it is read.
///     fn verify_head(&self, head: &AuthRequest<'_>) -> Option<Verdict> {
///         Some(self.verify(head))
///     }
///
///     fn challenge(&self) -> String {
///         "ClientCertificate".to_owned()
///     }
/// }
/// ```
pub trait Authenticate: Send + Sync + 'static {
    /// Checks `request`. Every failure should take equally long: an early one tells what was wrong.
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict;

    /// Decides by the head alone, before the body is read: the body of `request` is empty. `None`,
    /// the default, if the body matters. A request that no body could save is best rejected here:
    /// then its sender cannot make the endpoint read.
    fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
        let _ = request;
        None
    }

    /// True if the query parameter, or the member of the JSON body, called `name` carries the
    /// credential, and so is not part of the command. Default `false`.
    fn is_credential(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Returns the challenge that a 401 has in `WWW-Authenticate` (RFC 9110, 11.6.1), such as
    /// `Bearer`. Default `Custom`.
    fn challenge(&self) -> String {
        "Custom".to_owned()
    }

    /// True if a browser may add the credential by itself, as it does with a cookie, a client
    /// certificate or a password of HTTP Basic. Then a request that a page of another site made a
    /// browser send gets 403. Default `true`.
    ///
    /// ```
    /// use isr_layer::auth::{AuthRequest, Authenticate, Verdict};
    ///
    /// /// Checks a token that only the caller's own code can add.
    /// struct ByToken;
    ///
    /// impl Authenticate for ByToken {
    ///     fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
    ///         match request.header("x-token") {
    ///             // Compare in constant time, and not with a literal.
    ///             Some("token") => Verdict::accepted(),
    ///             _ => Verdict::rejected(),
    ///         }
    ///     }
    ///
    ///     fn is_ambient(&self) -> bool {
    ///         false
    ///     }
    /// }
    /// ```
    fn is_ambient(&self) -> bool {
        true
    }
}

/// Implements the trait for a pointer to an authenticator.
macro_rules! pointers {
    ($($pointer:ident)*) => {$(
        impl<T: Authenticate + ?Sized> Authenticate for $pointer<T> {
            fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
                (**self).verify(request)
            }

            fn verify_head(&self, request: &AuthRequest<'_>) -> Option<Verdict> {
                (**self).verify_head(request)
            }

            fn is_credential(&self, name: &str) -> bool {
                (**self).is_credential(name)
            }

            fn challenge(&self) -> String {
                (**self).challenge()
            }

            fn is_ambient(&self) -> bool {
                (**self).is_ambient()
            }
        }
    )*};
}

pointers!(Box Arc);

/// Makes an authenticator of a function.
///
/// ```
/// use isr_layer::IsrLayer;
/// use isr_layer::auth::{self, AuthRequest, Verdict};
///
/// # fn main() -> Result<(), isr_layer::Error> {
/// let checked_by_proxy = auth::from_fn(|request| match request.header("x-client-verified") {
///     Some("SUCCESS") => Verdict::accepted(),
///     _ => Verdict::rejected(),
/// });
/// let endpoint = IsrLayer::builder().build()?.revalidate_service(checked_by_proxy);
/// # drop(endpoint);
/// # Ok(())
/// # }
/// ```
pub fn from_fn<F>(verify: F) -> FromFn<F>
where
    F: Fn(&AuthRequest<'_>) -> Verdict + Send + Sync + 'static,
{
    FromFn { verify }
}

/// The authenticator that [`from_fn`] makes.
#[derive(Clone, Copy)]
pub struct FromFn<F> {
    verify: F,
}

impl<F> Authenticate for FromFn<F>
where
    F: Fn(&AuthRequest<'_>) -> Verdict + Send + Sync + 'static,
{
    fn verify(&self, request: &AuthRequest<'_>) -> Verdict {
        (self.verify)(request)
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

/// A raw request for an authenticator: nothing of it is parsed or decoded.
#[derive(Clone, Debug)]
pub struct AuthRequest<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
    received_at: SystemTime,
}

impl<'a> AuthRequest<'a> {
    /// Makes a request that is received now.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            method,
            uri,
            headers,
            body,
            received_at: SystemTime::UNIX_EPOCH + clock::unix_time(),
        }
    }

    /// Sets the time of receipt, for tests with recorded signatures.
    #[must_use]
    pub fn with_received_at(mut self, time: SystemTime) -> Self {
        self.received_at = time;
        self
    }

    /// Returns the method.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the URI as the client sent it, before a router stripped a prefix.
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// Returns a rejection if one of these headers is missing, for signatures that need them.
    #[cfg(feature = "hmac")]
    pub(super) fn without_any_of<N: AsHeaderName>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Option<Verdict> {
        let mut headers = names.into_iter().map(|name| self.header(name));
        headers.any(|value| value.is_none()).then(Verdict::rejected)
    }

    /// Returns the headers.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the value of a header that occurs exactly once and is text.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).into_iter();
        let only = values.next()?;
        if values.next().is_some() {
            // A proxy in front may have read the other one.
            return None;
        }
        only.to_str().ok()
    }

    /// Returns the body, byte for byte.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Returns the time of receipt.
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }

    /// Returns the time of receipt since the Unix epoch, as signatures state it.
    #[cfg(feature = "hmac")]
    pub(super) fn unix_time(&self) -> Duration {
        self.received_at
            // A clock before 1970 matches no signature.
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    }
}

/// The decision of an authenticator.
#[derive(Clone, Debug)]
#[must_use = "a verdict that is not returned admits no request"]
pub struct Verdict {
    pub(super) accepted: bool,
    pub(super) credential: usize,
    pub(super) delivery: Option<String>,
}

impl Verdict {
    /// Accepts the request: it proves that its sender knows a secret.
    pub fn accepted() -> Self {
        Self {
            accepted: true,
            credential: 0,
            delivery: None,
        }
    }

    /// Rejects the request. The sender gets one response for every reason.
    pub fn rejected() -> Self {
        Self {
            accepted: false,
            credential: 0,
            delivery: None,
        }
    }

    /// Accepts the request if a secret, named by its place, matched it.
    pub(super) fn by_secret(place: Option<usize>) -> Self {
        match place {
            Some(credential) => Self {
                credential,
                ..Self::accepted()
            },
            None => Self::rejected(),
        }
    }

    /// Names the credential by its place among several: each has its own rate.
    pub fn credential(mut self, place: usize) -> Self {
        self.credential = place;
        self
    }

    /// Sets the sender's own, signed id of this delivery. An acknowledged delivery is not carried
    /// out again.
    pub fn delivery_id(mut self, id: impl Into<String>) -> Self {
        self.delivery = Some(id.into());
        self
    }

    /// True if the request was accepted.
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }
}
