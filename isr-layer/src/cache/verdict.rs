//! Decides whose response it is that may not be stored: the page's, or another route's that the
//! page's pattern matches. A pure function.

use http::StatusCode;

use super::negative_cache::Backoff;
use crate::entry::NotStored;
use crate::outcome::Reason;

/// The one that a response belongs to that is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The page itself.
    Page(NotStored),
    /// Another route, which needs its client's own request. Left alone for this [`Backoff`].
    OtherRoute(Backoff),
    /// The page, or another route that fails without its client: that client's own request tells,
    /// as [`Undecided`](super::undecided::Undecided) says.
    Unknown,
}

/// The knowledge of a render that tells pages and other routes apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// True if the page said that it runs.
    pub(super) handler_ran: bool,
    /// True if the page's route says that before it extracts arguments.
    pub(super) is_mounted: bool,
    /// True if the inner service was ready and had the request.
    pub(super) was_asked: bool,
    /// True if a page is stored at this key that may be served.
    pub(super) has_page: bool,
    pub(super) is_grpc: bool,
}

/// Decides whose response it is. `status` is the response's, if there was one.
pub(super) fn verdict(why: NotStored, status: Option<StatusCode>, seen: Circumstances) -> Verdict {
    let reason = why.reason();
    if reason == Reason::HandlerNotRun {
        return Verdict::OtherRoute(Backoff::OTHER_ROUTE);
    }

    // A page at this key has shown that the path is the page's: a middleware failed.
    let is_failure = matches!(why, NotStored::Failed(_));
    let is_the_pages = seen.handler_ran || seen.is_grpc || seen.has_page || !seen.was_asked;
    if !is_failure || is_the_pages {
        return Verdict::Page(why);
    }

    if !seen.is_mounted {
        return Verdict::Unknown;
    }
    let took_too_long = reason == Reason::Timeout;
    let is_error = status.is_none_or(|status| status.is_server_error());
    Verdict::OtherRoute(match is_error && !took_too_long {
        true => Backoff::FAILING_ROUTE,
        false => Backoff::OTHER_ROUTE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTED: Circumstances = Circumstances {
        handler_ran: false,
        is_mounted: true,
        was_asked: true,
        has_page: false,
        is_grpc: false,
    };

    fn failed(status: u16, seen: Circumstances) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        verdict(NotStored::Failed(Reason::FailedStatus), Some(status), seen)
    }

    #[test]
    fn without_check_in_a_response_is_another_routes_if_the_pages_route_checks_in() {
        let short = Verdict::OtherRoute(Backoff::FAILING_ROUTE);
        let long = Verdict::OtherRoute(Backoff::OTHER_ROUTE);

        for (status, expected) in [
            (206, long),
            (304, long),
            (408, long),
            (429, long),
            (500, short),
            (503, short),
        ] {
            assert_eq!(failed(status, MOUNTED), expected, "{status}");
        }
        let without_response = |reason| verdict(NotStored::Failed(reason), None, MOUNTED);
        assert_eq!(without_response(Reason::Panic), short);
        assert_eq!(without_response(Reason::Cut), short);
        assert_eq!(without_response(Reason::Timeout), long);
    }

    #[test]
    fn a_response_that_is_no_failure_says_by_itself_whose_it_is() {
        let other = NotStored::Uncacheable(Reason::HandlerNotRun);
        let own = NotStored::Uncacheable(Reason::SetCookie);

        assert_eq!(
            verdict(other, Some(StatusCode::OK), MOUNTED),
            Verdict::OtherRoute(Backoff::OTHER_ROUTE)
        );
        assert_eq!(
            verdict(own, Some(StatusCode::OK), MOUNTED),
            Verdict::Page(own)
        );
    }

    #[test]
    fn a_failure_of_a_page_that_is_mounted_by_hand_may_be_another_routes() {
        let by_hand = Circumstances {
            is_mounted: false,
            ..MOUNTED
        };

        assert_eq!(failed(500, by_hand), Verdict::Unknown);
        assert_eq!(failed(429, by_hand), Verdict::Unknown);
    }

    #[test]
    fn a_failure_is_the_pages_if_it_ran_or_is_stored_or_if_nothing_was_asked() {
        let own = Verdict::Page(NotStored::Failed(Reason::FailedStatus));

        for seen in [
            Circumstances {
                handler_ran: true,
                ..MOUNTED
            },
            Circumstances {
                has_page: true,
                ..MOUNTED
            },
            Circumstances {
                is_grpc: true,
                ..MOUNTED
            },
            Circumstances {
                was_asked: false,
                ..MOUNTED
            },
        ] {
            assert_eq!(failed(503, seen), own, "{seen:?}");
        }
    }
}
