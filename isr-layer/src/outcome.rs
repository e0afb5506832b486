//! What happened to a request and why: one vocabulary for header, log and metric.

use std::fmt;

/// What happened to a request for a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered from memory, fresh.
    Hit,
    /// Answered from memory with a page that is stale or kept for want of a better one, without waiting.
    StaleHit(Reason),
    /// Rendered for this request, or waited for, and stored.
    Stored { forward: Forward, collapsed: bool },
    /// Rendering failed; the last good page was answered.
    StaleIfError { reason: Reason, collapsed: bool },
    /// Rendered for this request and not stored, or failed with nothing to fall back on.
    Unstored {
        forward: Forward,
        reason: Reason,
        collapsed: bool,
    },
    /// A failure remembered from before was answered; nothing was rendered.
    NegativeHit(Reason),
}

/// Why a request had to go to the inner service (RFC 9211, 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// Nothing was stored.
    UriMiss,
    /// Something was stored, for requests that differ in a field that `Vary` names.
    VaryMiss,
    /// What was stored could not be used as it was.
    Stale,
    /// The cache was not asked.
    Bypass,
}

/// Why something was not simply fresh and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Past its time, or marked by a purge.
    Stale,
    /// The render gave a status that counts as a failure.
    FailedStatus,
    /// The inner service gave an error instead of an answer.
    ServiceError,
    /// The handler panicked.
    Panic,
    /// The render took longer than its limit.
    Timeout,
    /// The body failed midway.
    Cut,
    /// A call whose `grpc-status` is not 0.
    GrpcStatus,
    /// A call's request that failed midway.
    RequestCut,
    /// A 200 without a body.
    Empty,
    /// A call's answer that is anything but one message, not compressed.
    NotOneMessage,
    /// A status that is never stored.
    Status,
    /// The answer sets a cookie.
    SetCookie,
    /// The handler said `no-store`, `private` or `no-cache`.
    CacheControl,
    /// The answer varies on a header that the page does not declare.
    Vary,
    /// The body is larger than the page's limit.
    TooLarge,
    /// `context::no_store()` was called.
    NoStore,
    /// The page's own function did not run: something else answered at its path.
    HandlerNotRun,
    /// A render failed a moment ago and is not tried again yet.
    Backoff,
    /// In header mode: the answer does not say how long it is good, or it is no longer.
    Lifetime,
    /// In header mode: the request says who asks, and the answer does not say that it is for all.
    Authorization,
    /// In header mode: the request may be answered with less than the whole.
    Request,
    /// The page got too many new keys within a second.
    NewKeyLimit,
    /// The answer has more header fields than are stored.
    TooManyHeaders,
    /// The client may see drafts.
    Draft,
    /// The page's `params` do not list the path, and it has no others.
    NotInParams,
}

impl Reason {
    /// The word in the `detail` of `Cache-Status`, in logs and in receipts.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::FailedStatus => "failed-status",
            Self::ServiceError => "service-error",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::Cut => "body-cut",
            Self::GrpcStatus => "grpc-status",
            Self::RequestCut => "request-cut",
            Self::NotOneMessage => "not-one-message",
            Self::Empty => "empty-body",
            Self::Status => "status",
            Self::SetCookie => "set-cookie",
            Self::CacheControl => "cache-control",
            Self::Vary => "vary",
            Self::TooLarge => "too-large",
            Self::NoStore => "no-store",
            Self::HandlerNotRun => "handler-not-run",
            Self::Backoff => "backoff",
            Self::Lifetime => "no-lifetime",
            Self::Authorization => "authorization",
            Self::Request => "request",
            Self::NewKeyLimit => "new-key-limit",
            Self::TooManyHeaders => "too-many-headers",
            Self::Draft => "draft",
            Self::NotInParams => "not-in-params",
        }
    }
}

impl Forward {
    const fn as_str(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
        }
    }
}

/// The member of `Cache-Status` (RFC 9211) for an outcome; `ttl` in seconds where an entry has one.
pub(crate) struct CacheStatus {
    pub(crate) outcome: Outcome,
    pub(crate) ttl: Option<i64>,
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("isr")?;
        let collapsed = match self.outcome {
            Outcome::Hit => return self.hit(f),
            Outcome::StaleHit(reason) => {
                self.hit(f)?;
                return write!(f, "; detail={}", reason.as_str());
            }
            Outcome::NegativeHit(reason) => return write!(f, "; hit; detail={}", reason.as_str()),
            Outcome::Stored { forward, collapsed } => {
                write!(f, "; fwd={}; stored", forward.as_str())?;
                collapsed
            }
            Outcome::StaleIfError { reason, collapsed } => {
                write!(f, "; fwd=stale; detail={}", reason.as_str())?;
                collapsed
            }
            Outcome::Unstored {
                forward,
                reason,
                collapsed,
            } => {
                write!(f, "; fwd={}; detail={}", forward.as_str(), reason.as_str())?;
                collapsed
            }
        };
        if collapsed {
            f.write_str("; collapsed")
        } else {
            Ok(())
        }
    }
}

impl CacheStatus {
    fn hit(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("; hit")?;
        self.ttl.map_or(Ok(()), |ttl| write!(f, "; ttl={ttl}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hit_and_fwd_exclude_each_other() {
        let forward = Forward::UriMiss;
        let reason = Reason::SetCookie;
        for (outcome, text) in [
            (Outcome::Hit, "isr; hit; ttl=42"),
            (
                Outcome::StaleHit(Reason::Stale),
                "isr; hit; ttl=42; detail=stale",
            ),
            (
                Outcome::Stored {
                    forward,
                    collapsed: false,
                },
                "isr; fwd=uri-miss; stored",
            ),
            (
                Outcome::Stored {
                    forward: Forward::Stale,
                    collapsed: true,
                },
                "isr; fwd=stale; stored; collapsed",
            ),
            (
                Outcome::StaleIfError {
                    reason: Reason::Panic,
                    collapsed: false,
                },
                "isr; fwd=stale; detail=panic",
            ),
            (
                Outcome::Unstored {
                    forward,
                    reason,
                    collapsed: false,
                },
                "isr; fwd=uri-miss; detail=set-cookie",
            ),
            (
                Outcome::NegativeHit(Reason::Backoff),
                "isr; hit; detail=backoff",
            ),
        ] {
            let status = CacheStatus {
                outcome,
                ttl: Some(42),
            }
            .to_string();

            assert_eq!(status, text);
            assert!(
                status.contains("; hit") != status.contains("; fwd="),
                "{status}"
            );
        }
    }
}
