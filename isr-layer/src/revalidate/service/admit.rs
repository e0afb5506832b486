//! Admits a request: by its head as far as that decides, and by its raw body.

use bytes::Bytes;
use http::request;
use http_body::Body;

use super::RevalidateService;
use crate::clock;
use crate::revalidate::auth::{Admission, AuthRequest};
use crate::revalidate::reading::Sender;
use crate::revalidate::response::Refusal;
use crate::revalidate::{body, connection};

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
