//! The outcome of a request and its reason: one vocabulary for header, log and metric.

use std::fmt;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Served from memory, fresh.
    Hit,
    /// Served from memory without waiting, stale or kept for want of a better page.
    StaleHit(Reason),
    /// Served from memory after a store behind it was asked; stale for that reason, if it is.
    Loaded(Option<Reason>),
    /// Rendered for this request, or for another that this one joined, and stored. The reason, if
    /// there is one, says why a store behind memory could not be asked before.
    Stored {
        forward: Forward,
        reason: Option<Reason>,
        collapsed: bool,
    },
    /// Rendering failed: the last good page was served.
    StaleIfError { reason: Reason, collapsed: bool },
    /// Rendered for this request and not stored, or failed without a page to fall back on.
    Unstored {
        forward: Forward,
        reason: Reason,
        collapsed: bool,
    },
    /// Served a failure that is remembered from before: nothing was rendered.
    NegativeHit(Reason),
    /// Nothing was served, and the client wanted no request to the inner service.
    NotForwarded(Reason),
}

/// The reason why a request went to the inner service (RFC 9211, 2.2).
///
/// The guide `serving` has a row for each, which a test compares with these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// Nothing was stored.
    UriMiss,
    /// An entry was stored, for requests that differ in a field that `Vary` names.
    VaryMiss,
    /// The stored entry could not be served as it was.
    Stale,
    /// Memory was not asked.
    Bypass,
}

/// Declares [`Reason`] with the word of each reason, so that neither can be without the other.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// The reason why a response was not simply fresh and stored.
        ///
        /// The words are public API: an operator's filters on logs and on `Cache-Status` name them.
        /// The guide `serving` has the table of all of them, which a test compares with this list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the word in the `detail` of `Cache-Status`, in logs and in receipts.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

reasons! {
    /// Past its `revalidate`.
    StaleTime = "stale-time",
    /// Marked by a purge.
    StaleMark = "stale-mark",
    /// A purge or an unsafe request came while the response was made.
    Overtaken = "overtaken",
    /// A render failed a moment ago, and the next one waits.
    Backoff = "backoff",
    /// The handler responded with a status that counts as a failure.
    FailedStatus = "failed-status",
    /// The inner service returned an error in place of a response.
    ServiceError = "service-error",
    /// The handler panicked.
    Panic = "panic",
    /// The render took longer than its limit.
    Timeout = "timeout",
    /// The render of the page waits for this very request.
    Loop = "loop",
    /// The body failed midway.
    Cut = "body-cut",
    /// The body of a 200 is empty.
    Empty = "empty-body",
    /// The `grpc-status` of a gRPC response is not 0.
    GrpcStatus = "grpc-status",
    /// A gRPC response is anything but one uncompressed message.
    NotOneMessage = "not-one-message",
    /// The body of a gRPC request failed midway.
    RequestCut = "request-cut",
    /// A response with this status is never stored.
    Status = "status",
    /// The response sets a cookie.
    SetCookie = "set-cookie",
    /// The handler said `no-store`, `private` or `no-cache`.
    CacheControl = "cache-control",
    /// The response varies by a header that the page does not declare.
    Vary = "vary",
    /// The body is larger than the page's limit.
    TooLarge = "too-large",
    /// The response has more header fields than are stored.
    TooManyHeaders = "too-many-headers",
    /// The response was made of values that have more than 1,024 tags.
    TooManyTags = "too-many-tags",
    /// The response was made of a value that could not be loaded anew.
    DataFailed = "data-failed",
    /// The response was made of a value of another layer, whose purges this one does not know.
    OtherLayer = "other-layer",
    /// The handler called `context::no_store()`.
    NoStore = "no-store",
    /// The page's own function did not run: another route or a middleware responded at its path.
    HandlerNotRun = "handler-not-run",
    /// The page got too many new keys within a second.
    NewKeyLimit = "new-key-limit",
    /// The page's `params` do not list the path, and the page has no others.
    NotInParams = "not-in-params",
    /// The layer is behind a router, and no rule says which extensions its renders may see.
    BehindRouter = "behind-router",
    /// The client may see drafts.
    Draft = "draft",
    /// In header mode: the response gives no lifetime, or the lifetime is over.
    Lifetime = "no-lifetime",
    /// In header mode: the request has credentials or cookies, and the response is not marked as
    /// for everybody.
    Authorization = "authorization",
    /// In header mode: the request asks for less than the whole response, or says `no-store`.
    Request = "request",
    /// In header mode: the request says `only-if-cached`, and nothing can be served.
    OnlyIfCached = "only-if-cached",
    /// In header mode: so much was being read at once that there was no room for the body.
    Crowded = "crowded",
    /// A store behind memory took too long.
    StoreSlow = "store-slow",
    /// A store behind memory failed, or is being left alone because it did.
    StoreError = "store-error",
}

impl Outcome {
    /// Returns the outcome of a response from an entry that this request waited to be loaded, if
    /// `is_loaded`.
    pub(crate) fn of_entry(self, is_loaded: bool) -> Self {
        match self {
            Self::Hit if is_loaded => Self::Loaded(None),
            Self::StaleHit(reason) if is_loaded => Self::Loaded(Some(reason)),
            other => other,
        }
    }

    /// True if the response was made for this request, and not for one that it joined.
    pub(crate) fn is_made_for_its_request(&self) -> bool {
        matches!(
            self,
            Self::Stored {
                collapsed: false,
                ..
            } | Self::Unstored {
                collapsed: false,
                ..
            }
        )
    }
}

impl Reason {
    /// True if only a client's own request can have a response: a render would lack the part of it
    /// that the response depends on.
    pub(crate) const fn needs_client(self) -> bool {
        matches!(self, Self::HandlerNotRun | Self::Vary)
    }
}

/// The cause of a stale entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Staleness {
    /// Its lifetime is over.
    Time,
    /// A purge marked it.
    Mark,
}

impl From<Staleness> for Reason {
    fn from(staleness: Staleness) -> Self {
        match staleness {
            Staleness::Time => Self::StaleTime,
            Staleness::Mark => Self::StaleMark,
        }
    }
}

impl Forward {
    #[cfg(test)]
    const ALL: &[Self] = &[Self::UriMiss, Self::VaryMiss, Self::Stale, Self::Bypass];

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
    /// The name of this cache.
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) ttl: Option<i64>,
}

impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        let collapsed = match self.outcome {
            Outcome::Hit => return self.hit(f),
            Outcome::StaleHit(reason) => {
                self.hit(f)?;
                return detail(f, Some(reason));
            }
            Outcome::Loaded(reason) => {
                self.hit(f)?;
                f.write_str("; isr-from=store")?;
                return detail(f, reason);
            }
            Outcome::NegativeHit(reason) => return write!(f, "; hit; detail={}", reason.as_str()),
            Outcome::Stored {
                forward,
                reason,
                collapsed,
            } => {
                write!(f, "; fwd={}; stored", forward.as_str())?;
                detail(f, reason)?;
                collapsed
            }
            Outcome::StaleIfError { reason, collapsed } => {
                write!(f, "; fwd=stale; detail={}", reason.as_str())?;
                collapsed
            }
            Outcome::NotForwarded(reason) => return write!(f, "; detail={}", reason.as_str()),
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

fn detail(f: &mut fmt::Formatter<'_>, reason: Option<Reason>) -> fmt::Result {
    reason.map_or(Ok(()), |reason| write!(f, "; detail={}", reason.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Returns the first word in code of each row of a table in the guide.
    fn first_words(heading: &str) -> impl Iterator<Item = &'static str> {
        let guide = include_str!("guide/serving.md");
        let (_, table) = guide.split_once(heading).expect("the table is there");
        let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
        rows.filter_map(|row| row.split('`').nth(1))
    }

    /// The words are API, so the guide has a row for each of them, and for nothing else.
    #[test]
    fn the_guide_documents_every_word() {
        let words = first_words("| `detail` | reason |");

        assert!(words.eq(Reason::ALL.iter().map(|reason| reason.as_str())));
    }

    /// Members are API, too: the guide has a row for each that an outcome can have.
    #[test]
    fn the_guide_documents_every_member() {
        let reason = Reason::Backoff;
        let mut outcomes = vec![
            Outcome::Hit,
            Outcome::StaleHit(reason),
            Outcome::NegativeHit(reason),
            Outcome::Loaded(None),
            Outcome::Loaded(Some(reason)),
        ];
        for collapsed in [false, true] {
            outcomes.push(Outcome::StaleIfError { reason, collapsed });
            for &forward in Forward::ALL {
                for reason in [None, Some(reason)] {
                    outcomes.push(Outcome::Stored {
                        forward,
                        reason,
                        collapsed,
                    });
                }
                outcomes.push(Outcome::Unstored {
                    forward,
                    reason,
                    collapsed,
                });
            }
        }

        let mut sent = BTreeSet::new();
        for outcome in outcomes {
            let ttl = Some(42);
            let status = CacheStatus {
                name: "isr",
                outcome,
                ttl,
            }
            .to_string();
            sent.extend(status.split("; ").skip(1).map(name_of_member));
        }

        let documented = first_words("| member | meaning |").map(str::to_owned);
        assert_eq!(documented.collect::<BTreeSet<_>>(), sent);
    }

    /// Returns the name of a member; each value of `fwd` counts as a member of its own.
    fn name_of_member(member: &str) -> String {
        match member.split_once('=') {
            Some((name, _)) if name != "fwd" => name.to_owned(),
            _ => member.to_owned(),
        }
    }

    #[test]
    fn hit_and_fwd_exclude_each_other() {
        let (forward, reason) = (Forward::UriMiss, Reason::SetCookie);
        let stored = |forward, reason, collapsed| Outcome::Stored {
            forward,
            reason,
            collapsed,
        };
        for (outcome, text) in [
            (Outcome::Hit, "isr; hit; ttl=42"),
            (
                Outcome::StaleHit(Reason::StaleTime),
                "isr; hit; ttl=42; detail=stale-time",
            ),
            (Outcome::Loaded(None), "isr; hit; ttl=42; isr-from=store"),
            (stored(forward, None, false), "isr; fwd=uri-miss; stored"),
            (
                stored(forward, Some(Reason::StoreSlow), false),
                "isr; fwd=uri-miss; stored; detail=store-slow",
            ),
            (
                stored(Forward::Stale, None, true),
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
                name: "isr",
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
