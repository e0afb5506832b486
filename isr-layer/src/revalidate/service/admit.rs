//! Admits a request: by its head as far as that decides, and by its raw body.

use bytes::Bytes;
use http::header::{HOST, ORIGIN};
use http::{HeaderName, HeaderValue, request};
use http_body::Body;

use super::RevalidateService;
use crate::clock;
use crate::revalidate::auth::{Admission, AuthRequest};
use crate::revalidate::reading::Sender;
use crate::revalidate::response::Refusal;
use crate::revalidate::{body, connection};

/// Fetch Metadata: how the site of the page that sent a request relates to this one.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl RevalidateService {
    /// Reads the body, unless the head tells already that the request is not admitted.
    pub(super) async fn read<B: Body>(
        &self,
        head: &request::Parts,
        body: B,
    ) -> Result<Bytes, Refusal> {
        let judged = self.authenticators.judge_head(&auth_request(head, &[]));
        if judged == Some(false) {
            return Err(self.record_failure(head));
        }

        let sender = Sender {
            is_admitted: judged == Some(true),
            peer: connection::peer(&head.extensions),
        };
        let read = match body::check(&head.headers) {
            Ok(()) => body::read(body, &self.readings, sender).await,
            Err(refusal) => Err(refusal),
        };
        read.map_err(|refusal| match sender.is_admitted {
            true => refusal,
            // Without a credential, a body that wastes time or memory is as bad as a guess. One
            // that gave way may yet be valid, and is told to come again.
            false => match (self.record_failure(head), refusal) {
                (_, busy @ Refusal::Busy) => busy,
                (too_many @ Refusal::TooMany { .. }, _) => too_many,
                (_, refusal) => refusal,
            },
        })
    }

    /// Counts a failure of the client, and returns the [`Refusal`] to respond with.
    fn record_failure(&self, head: &request::Parts) -> Refusal {
        let peer = connection::peer(&head.extensions);
        self.limits.record_failure(peer, clock::now())
    }

    pub(super) fn admit(&self, head: &request::Parts, body: &[u8]) -> Result<Admission, Refusal> {
        let request = auth_request(head, body);
        let Some(admission) = self.authenticators.admit(&request) else {
            return Err(self.record_failure(head));
        };

        if self.authenticators.is_ambient(admission.credential) {
            check_site(head)?;
        }

        // Counted after admission: a client without the secret cannot use up a credential's calls.
        self.limits
            .record_call(admission.credential, clock::now())?;
        Ok(admission)
    }
}

/// Returns the request as an authenticator sees it. Senders sign the URI that they requested; a
/// nested router has cut off its prefix.
fn auth_request<'a>(head: &'a request::Parts, body: &'a [u8]) -> AuthRequest<'a> {
    let uri = connection::original_uri(&head.extensions).unwrap_or(&head.uri);
    AuthRequest::new(&head.method, uri, &head.headers, body)
}

/// Refuses a request that a page of another site made a browser send. No page can set the headers
/// that tell.
fn check_site(head: &request::Parts) -> Result<(), Refusal> {
    let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter().peekable();
    let is_own = match sites.peek() {
        Some(_) => sites.all(|site| site == "same-origin" || site == "none"),
        // Not all browsers send that, and none does to a site without TLS.
        None => {
            let mut origins = head.headers.get_all(ORIGIN).iter();
            origins.all(|origin| is_of_host(origin, head))
        }
    };
    if is_own {
        Ok(())
    } else {
        Err(Refusal::CrossSite)
    }
}

fn is_of_host(origin: &HeaderValue, head: &request::Parts) -> bool {
    let origin = origin.to_str().ok().and_then(|url| url.split_once("://"));
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    // HTTP/2 has it in the URI.
    let host = head
        .uri
        .authority()
        .map_or(host, |host| Some(host.as_str()));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}
