//! Admission: decides which responses may be stored, in pure functions with a truth table.

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, SET_COOKIE, VARY};
use http::{StatusCode, response};

use super::freshness::Lifetime;
use crate::outcome::Reason;
use crate::page::Policy;
use crate::render::context::HandlerHints;

/// The reason why a response is not stored and served to all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotStored {
    /// The response is a failure: the last good page stays, and the next try waits.
    Failed(Reason),
    /// The response is good for its own client only: the old entry is dropped.
    Uncacheable(Reason),
}

impl NotStored {
    pub(crate) fn reason(self) -> Reason {
        let (Self::Failed(reason) | Self::Uncacheable(reason)) = self;
        reason
    }
}

/// Checks whether the head of a response lets it be stored, provided that [`body`] agrees.
/// `handler_ran` is true if the page's own handler ran.
pub(crate) fn head(
    policy: &Policy,
    vary: &[HeaderName],
    parts: &response::Parts,
    handler_ran: bool,
) -> Result<(), NotStored> {
    // A failure stays one even if the handler did not run: it must not drop the last good page.
    if is_failure(parts.status) {
        return Err(NotStored::Failed(Reason::FailedStatus));
    }

    let reason = if !handler_ran {
        Reason::HandlerNotRun
    } else if !is_stored(parts.status, policy) {
        Reason::Status
    } else if parts.headers.contains_key(SET_COOKIE) {
        Reason::SetCookie
    } else if forbids_storing(&parts.headers) {
        Reason::CacheControl
    } else if undeclared_vary(&parts.headers, vary).next().is_some() {
        Reason::Vary
    } else if has_too_many_fields(&parts.headers) {
        Reason::TooManyHeaders
    } else {
        return Ok(());
    };
    Err(NotStored::Uncacheable(reason))
}

/// Checks whether a response may be stored whose head allows it, by its body and by the handler's
/// calls of [`context`](crate::context).
pub(crate) fn body(
    policy: &Policy,
    status: StatusCode,
    length: usize,
    hints: &HandlerHints,
) -> Result<(), NotStored> {
    if hints.no_store {
        Err(NotStored::Uncacheable(Reason::NoStore))
    } else if let Some(reason) = hints.reads.not_kept {
        Err(NotStored::Uncacheable(reason))
    } else if status == StatusCode::OK && length == 0 && !policy.allow_empty {
        Err(NotStored::Failed(Reason::Empty))
    } else {
        Ok(())
    }
}

/// Returns whether there are more fields than are stored: they are kept in memory and copied for
/// every response.
pub(crate) fn has_too_many_fields(fields: &HeaderMap) -> bool {
    const FIELDS: usize = 64;
    const BYTES: usize = 16 * 1024;
    let bytes = || {
        fields
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum::<usize>()
    };
    fields.len() > FIELDS || bytes() > BYTES
}

/// Returns the lifetime of a stored response: the lower of the policy's and the handler's, and a
/// shorter one for what is not found, such as a 404.
pub(crate) fn lifetime(policy: &Policy, is_not_found: bool, hints: &HandlerHints) -> Lifetime {
    let declared = Lifetime {
        revalidate: policy.revalidate,
        expire: policy.expire,
    };

    let lifetime = declared.lowest(Lifetime {
        revalidate: hints.revalidate,
        expire: hints.expire,
    });

    if is_not_found {
        let longest = policy.not_found_revalidate;
        return Lifetime::ending_after(
            lifetime
                .fresh_for()
                .map_or(longest, |fresh| fresh.min(longest)),
        );
    }
    lifetime
}

/// Returns true if the status says that there is no such page.
pub(super) fn is_not_found(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE)
}

fn is_failure(status: StatusCode) -> bool {
    status.is_server_error()
        || status.is_informational()
        || matches!(status.as_u16(), 206 | 304 | 408 | 425 | 429)
}

fn is_stored(status: StatusCode, policy: &Policy) -> bool {
    match status.as_u16() {
        200 | 301 | 308 | 404 | 410 => true,
        203 | 302 | 307 => policy.allow_temporary,
        _ => false,
    }
}

fn forbids_storing(headers: &HeaderMap) -> bool {
    let is_forbidding = |directive: &[u8]| {
        let name = directive
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        [&b"no-store"[..], b"private", b"no-cache"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word))
    };
    members(headers, &CACHE_CONTROL).any(is_forbidding)
}

/// Returns the headers that the response varies by and that are not in the key.
/// `Accept-Encoding` is ours to negotiate: no render sees it, so identity is stored.
pub(crate) fn undeclared_vary(
    headers: &HeaderMap,
    declared: &[HeaderName],
) -> impl Iterator<Item = String> {
    members(headers, &VARY).filter_map(|member| {
        let is_known = declared
            .iter()
            .any(|name| member.eq_ignore_ascii_case(name.as_str().as_bytes()));
        let varies =
            !member.is_empty() && !is_known && !member.eq_ignore_ascii_case(b"accept-encoding");
        varies.then(|| String::from_utf8_lossy(member).to_ascii_lowercase())
    })
}

/// Iterates over the members of a comma-separated field, over all its lines.
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn parts(status: u16, headers: &[(&'static str, &'static str)]) -> response::Parts {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap().into_parts().0
    }

    fn admitted(
        policy: Policy,
        status: u16,
        headers: &[(&'static str, &'static str)],
    ) -> Result<(), NotStored> {
        head(
            &policy,
            &[HeaderName::from_static("accept-language")],
            &parts(status, headers),
            true,
        )
    }

    #[test]
    fn the_table_of_statuses() {
        let failed = Err(NotStored::Failed(Reason::FailedStatus));
        let refused = Err(NotStored::Uncacheable(Reason::Status));
        for (status, expected) in [
            (200, Ok(())),
            (301, Ok(())),
            (308, Ok(())),
            (404, Ok(())),
            (410, Ok(())),
            (201, refused),
            (203, refused),
            (204, refused),
            (302, refused),
            (303, refused),
            (307, refused),
            (400, refused),
            (401, refused),
            (403, refused),
            (422, refused),
            (100, failed),
            (206, failed),
            (304, failed),
            (408, failed),
            (425, failed),
            (429, failed),
            (500, failed),
            (502, failed),
            (503, failed),
            (599, failed),
        ] {
            assert_eq!(admitted(Policy::new(), status, &[]), expected, "{status}");
        }
        for status in [203, 302, 307] {
            assert_eq!(
                admitted(Policy::new().allow_temporary(true), status, &[]),
                Ok(()),
                "{status}"
            );
        }
    }

    #[test]
    fn the_table_of_headers() {
        let cache_control = Err(NotStored::Uncacheable(Reason::CacheControl));
        let vary = Err(NotStored::Uncacheable(Reason::Vary));
        for (name, value, expected) in [
            (
                "set-cookie",
                "a=b",
                Err(NotStored::Uncacheable(Reason::SetCookie)),
            ),
            ("cache-control", "no-store", cache_control),
            ("cache-control", "public, Private", cache_control),
            ("cache-control", "private=\"x, y\"", cache_control),
            ("cache-control", "max-age=0, no-cache", cache_control),
            ("cache-control", "max-age=60", Ok(())),
            ("cache-control", "x-private", Ok(())),
            ("vary", "*", vary),
            ("vary", "Cookie", vary),
            ("vary", "Accept-Language, Accept-Encoding", Ok(())),
            ("vary", "accept-language, origin", vary),
        ] {
            assert_eq!(
                admitted(Policy::new(), 200, &[(name, value)]),
                expected,
                "{name}: {value}"
            );
        }
        let lines = [
            ("cache-control", "max-age=60"),
            ("cache-control", "no-store"),
        ];
        assert_eq!(admitted(Policy::new(), 200, &lines), cache_control);
    }

    #[test]
    fn more_fields_than_are_stored_are_refused() {
        let refused = Err(NotStored::Uncacheable(Reason::TooManyHeaders));
        let with = |fields: &[usize]| {
            let mut parts = parts(200, &[]);
            for (at, &length) in fields.iter().enumerate() {
                let name = HeaderName::try_from(format!("x-{at:02}")).unwrap();
                parts
                    .headers
                    .insert(name, "v".repeat(length).try_into().unwrap());
            }
            head(&Policy::new(), &[], &parts, true)
        };

        assert_eq!(with(&[1; 64]), Ok(()));
        assert_eq!(with(&[1; 65]), refused);
        assert_eq!(with(&[4092; 4]), Ok(()));
        assert_eq!(with(&[4092, 4092, 4092, 4093]), refused);
    }

    #[test]
    fn an_answer_of_another_function_is_not_stored_and_a_failure_stays_one() {
        let of = |status| head(&Policy::new(), &[], &parts(status, &[]), false);

        assert_eq!(of(200), Err(NotStored::Uncacheable(Reason::HandlerNotRun)));
        assert_eq!(of(500), Err(NotStored::Failed(Reason::FailedStatus)));
    }

    #[test]
    fn an_empty_200_has_failed_unless_it_is_allowed() {
        let hints = HandlerHints::default();

        assert_eq!(
            body(&Policy::new(), StatusCode::OK, 0, &hints),
            Err(NotStored::Failed(Reason::Empty))
        );
        assert_eq!(
            body(&Policy::new().allow_empty(true), StatusCode::OK, 0, &hints),
            Ok(())
        );
        assert_eq!(
            body(&Policy::new(), StatusCode::NOT_FOUND, 0, &hints),
            Ok(())
        );
        let no_store = HandlerHints {
            no_store: true,
            ..HandlerHints::default()
        };
        assert_eq!(
            body(&Policy::new(), StatusCode::OK, 5, &no_store),
            Err(NotStored::Uncacheable(Reason::NoStore))
        );
    }

    #[test]
    fn the_lowest_lifetime_wins_and_a_404_lives_shortly() {
        let secs = Duration::from_secs;
        let policy = Policy::new().revalidate(secs(60)).expire(secs(100));
        let hints = HandlerHints {
            revalidate: Some(secs(5)),
            expire: Some(secs(500)),
            ..HandlerHints::default()
        };

        let page = lifetime(&policy, false, &hints);
        let gone = |policy| lifetime(&policy, true, &HandlerHints::default());

        assert_eq!(
            page,
            Lifetime {
                revalidate: Some(secs(5)),
                expire: Some(secs(100))
            }
        );
        assert_eq!(gone(policy), Lifetime::ending_after(secs(10)));
        assert_eq!(gone(Policy::new()), Lifetime::ending_after(secs(10)));
        assert_eq!(
            gone(Policy::new().revalidate(secs(3))),
            Lifetime::ending_after(secs(3))
        );
        assert_eq!(
            gone(Policy::new().expire(secs(3))),
            Lifetime::ending_after(secs(3))
        );
    }

    /// Lists before they are written: the members of each line.
    type ParamLists = Vec<Vec<String>>;

    fn lists(member: &'static str) -> impl Strategy<Value = ParamLists> {
        prop::collection::vec(prop::collection::vec(member, 0..4), 0..3)
    }

    fn written(name: HeaderName, lists: &ParamLists, comma: &str) -> HeaderMap {
        let line = |members: &Vec<String>| members.join(comma).parse().unwrap();
        lists
            .iter()
            .map(|members| (name.clone(), line(members)))
            .collect()
    }

    fn comma() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![",", ", ", " ,\t", ", ,"])
    }

    proptest! {
        /// A second implementation has nothing to parse: it looks at the members that were written
        /// into the lists.
        #[test]
        fn whoever_is_told_to_keep_it_to_himself_stores_nothing(
            lists in lists("(no-store|No-Cache|PRIVATE|private=\"a\"|public|max-age=1|no-storeroom|x-private|no-cache=\"b\")"),
            comma in comma(),
        ) {
            let forbids = |member: &String| {
                let member = member.to_ascii_lowercase();
                ["no-store", "no-cache", "private", "private=\"a\"", "no-cache=\"b\""]
                    .contains(&&*member)
            };

            let forbidden = forbids_storing(&written(CACHE_CONTROL, &lists, comma));

            prop_assert_eq!(forbidden, lists.iter().flatten().any(forbids));
        }

        #[test]
        fn what_varies_on_anything_else_than_is_declared_is_told(
            lists in lists("(accept-encoding|Accept-Language|ORIGIN|origin|\\*|x-theme|X-Them)"),
            comma in comma(),
            declared in prop::collection::vec(
                prop::sample::select(vec!["accept-language", "origin", "x-theme"]),
                0..3
            ),
        ) {
            let names = declared
                .iter()
                .map(|name| HeaderName::from_static(name))
                .collect::<Vec<_>>();

            let headers = written(VARY, &lists, comma);
            let varies = undeclared_vary(&headers, &names).next().is_some();

            let is_known = |name: &str| name == "accept-encoding" || declared.contains(&name);
            prop_assert_eq!(
                varies,
                !lists.iter().flatten().all(|name| is_known(&name.to_ascii_lowercase()))
            );
        }
    }
}
