//! Recorded requests, for the tests of authenticators.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::{AuthRequest, Authenticate, Verdict};

/// The time at which the vectors were signed, in milliseconds since the Unix epoch.
pub(super) const SIGNED_AT: u64 = 1_790_000_000_123;

/// A request as it was recorded.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) uri: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) received_at: Duration,
}

impl Recorded {
    pub(super) fn new(headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        Self {
            uri: "/api/revalidate",
            headers,
            body: body.to_owned(),
            received_at: Duration::from_millis(SIGNED_AT),
        }
    }

    pub(super) fn later(mut self, by: Duration) -> Self {
        self.received_at += by;
        self
    }

    pub(super) fn earlier(mut self, by: Duration) -> Self {
        self.received_at -= by;
        self
    }

    pub(super) fn to(mut self, uri: &'static str) -> Self {
        self.uri = uri;
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(super) fn verdict(&self, authenticator: &impl Authenticate) -> Verdict {
        let uri: Uri = self.uri.parse().unwrap();
        let header = |(name, value): &(&'static str, String)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        let headers: HeaderMap = self.headers.iter().map(header).collect();
        let request = AuthRequest::new(&Method::POST, &uri, &headers, self.body.as_bytes());
        authenticator.verify(&request.with_received_at(SystemTime::UNIX_EPOCH + self.received_at))
    }

    pub(super) fn is_accepted_by(&self, authenticator: &impl Authenticate) -> bool {
        self.verdict(authenticator).is_accepted()
    }

    /// Asserts that the request is accepted as it is, and refused with another body, with another
    /// secret, and if any of these headers is missing or empty.
    pub(super) fn assert_only_accepted_whole<A: Authenticate>(
        &self,
        right: &A,
        other: &A,
        needed: &[&str],
    ) {
        assert!(self.is_accepted_by(right), "as it was recorded");
        assert!(!self.is_accepted_by(other), "with another secret");
        let changed = Self {
            body: format!("{} ", self.body),
            ..self.clone()
        };
        assert!(!changed.is_accepted_by(right), "with another body");
        for name in needed {
            assert!(
                !self.clone().without(name).is_accepted_by(right),
                "without {name}"
            );
            assert!(
                !self.clone().with_empty(name).is_accepted_by(right),
                "with an empty {name}"
            );
        }
    }

    fn with_empty(mut self, name: &str) -> Self {
        for (known, value) in &mut self.headers {
            if known == &name {
                value.clear();
            }
        }
        self
    }
}
