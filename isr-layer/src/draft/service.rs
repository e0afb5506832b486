//! The service that turns draft mode on and off for one browser.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
};
use http::{Method, Request, Response, StatusCode, request};
use http_body_util::Full;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tower_service::Service;

use crate::cache::Core;
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::observe;
use crate::page::canonical;
use crate::revalidate::{Limits, Rates, Refusal, peer, refusal};

/// The default time for which a cookie lasts: a working day.
const DEFAULT_LASTING: Duration = Duration::from_secs(8 * 3600);

/// The characters that are percent-encoded in the query of a redirect.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\');

/// Turns draft mode on and off for one browser.
///
/// [`IsrLayer::draft_service`](crate::IsrLayer::draft_service) makes one; mount it wherever a Tower
/// service fits.
///
/// | request | response |
/// |---|---|
/// | `GET ?secret=…&path=/posts/a` | 307 to that path, and sets the cookie; 303 for POST |
/// | `GET ?disable&path=/posts/a` | 307 to that path, and removes the cookie; needs no secret |
/// | a path outside this site | 400: there are no redirects to other sites |
/// | no secret or a wrong one | 401; 429 after ten of them in a minute from one address |
/// | another method | 405 |
///
/// Without a path the redirect goes to `/`. The secret may be in `Authorization: Bearer …` instead,
/// where no log sees it. The limit needs the client's address, as that of
/// [`RevalidateService`](crate::webhook::RevalidateService) does: under axum, serve with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
///
/// The cookie is `HttpOnly; Secure; SameSite=None; Partitioned`. So a preview works in a frame of a
/// content system on another site, even in browsers that block third-party cookies. Browsers accept
/// a `Secure` cookie over plain HTTP from `localhost`; Safari does not.
#[derive(Clone)]
#[must_use = "a service does nothing until it is mounted"]
pub struct DraftService {
    core: Arc<Core>,
    limits: Arc<Limits>,
    lasting: Duration,
}

impl DraftService {
    pub(crate) fn new(core: Arc<Core>) -> Result<Self, Error> {
        if core.config.draft.is_none() {
            let what = "draft mode has no secret: call `IsrLayerBuilder::draft` with one";
            return Err(Error::new(ErrorKind::Configuration, what));
        }
        Ok(Self {
            core,
            limits: Arc::new(Limits::new(Rates::default())),
            lasting: DEFAULT_LASTING,
        })
    }

    /// Sets the time for which a browser sees drafts, until it must call the service again. The
    /// default is eight hours.
    ///
    /// One cookie cannot be revoked; a new secret ends all of them.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasting = time;
        self
    }

    fn respond(&self, head: &request::Parts) -> Result<Response<Full<Bytes>>, Refusal> {
        let status = match head.method {
            Method::GET => StatusCode::TEMPORARY_REDIRECT,
            // After a 303 the browser requests the page with GET, not POST (RFC 9110, 15.4.4).
            Method::POST => StatusCode::SEE_OTHER,
            _ => return Err(Refusal::Method { allow: "GET, POST" }),
        };

        let query = DraftQuery::of(head);
        let draft = self
            .core
            .config
            .draft
            .as_ref()
            .ok_or(Refusal::InvalidToken)?;

        // To end draft mode gives no access to anything, so it needs no secret.
        if !query.disable
            && !query
                .secret
                .as_deref()
                .is_some_and(|secret| draft.is_secret(secret))
        {
            return Err(self
                .limits
                .record_failure(peer(&head.extensions), clock::now()));
        }

        let location = local(query.path.as_deref().unwrap_or("/")).ok_or_else(|| {
            Refusal::Malformed("`path` must be a path of this site, such as /posts/a".to_owned())
        })?;
        let cookie = if query.disable {
            draft.clear_cookie()
        } else {
            draft.set_cookie(clock::unix_time(), self.lasting)
        };
        Ok(redirect(status, location, cookie))
    }
}

/// The parameters of a request. The secret may come from the `Authorization` header.
struct DraftQuery<'a> {
    disable: bool,
    secret: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
}

impl<'a> DraftQuery<'a> {
    fn of(head: &'a request::Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let value = |parameter: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == parameter)
                .map(|(_, value)| value)
        };
        let secret = value("secret").or_else(|| bearer(&head.headers).map(Cow::Borrowed));
        Self {
            disable: value("disable").is_some(),
            secret,
            path: value("path"),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Returns the `Location` for a path of this site, or `None` for `//host`, `https:` and their
/// disguises: a redirect to another site would help phishing.
fn local(path: &str) -> Option<HeaderValue> {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    // A canonical path begins with exactly one slash: any other character that a browser would read
    // as a slash is escaped.
    let mut location = canonical(path)?.into_owned();
    if let Some(query) = query {
        location.push('?');
        location.extend(utf8_percent_encode(query, QUERY));
    }
    HeaderValue::try_from(location).ok()
}

fn redirect(
    status: StatusCode,
    location: HeaderValue,
    cookie: Option<HeaderValue>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // The secret was in the URL of this request: the page must not see it as its referrer.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

impl<B> Service<Request<B>> for DraftService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, _) = request.into_parts();
        ready(Ok(self.respond(&head).unwrap_or_else(|refused| {
            let status = refused.status();
            if let Some(count) = self.limits.count_refusal(status, clock::now()) {
                observe::draft_refused(status, count);
            }
            refusal(&refused, || HeaderValue::from_static("Bearer"))
        })))
    }
}

impl fmt::Debug for DraftService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftService")
            .field("lasting", &self.lasting)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_site_is_redirected_to() {
        for (path, location) in [
            ("/", "/"),
            ("/posts/a", "/posts/a"),
            ("/posts/café au lait", "/posts/caf%C3%A9%20au%20lait"),
            ("/a?b=c d&e=//f", "/a?b=c%20d&e=//f"),
            ("/a#b", "/a%23b"),
            ("/\\evil.example", "/%5Cevil.example"),
            ("/\t/evil.example", "/%09/evil.example"),
            ("/%2fevil.example", "/%2Fevil.example"),
            ("/a?\r\nset-cookie: b", "/a?%0D%0Aset-cookie:%20b"),
        ] {
            assert_eq!(
                local(path).unwrap_or_else(|| panic!("{path} is local")),
                location,
                "{path}"
            );
        }
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for path in [
            "",
            "a",
            "//evil.example",
            "///evil.example",
            "https://evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "?a",
            "/a//b",
            "/../a",
            "/%2e%2e/a",
            "/a\0",
        ] {
            assert_eq!(local(path), None, "{path}");
        }
    }
}
