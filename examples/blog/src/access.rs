//! Decides who may write: the one secret, and the sessions of editors who entered it in the login
//! form. Counts the wrong secrets of each address.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::guesses::Guesses;

/// Lifetime of a session after the login.
pub(crate) const SESSION: Duration = Duration::from_secs(8 * 60 * 60);
/// Largest number of sessions; a new session beyond it ends the oldest one.
const MAX_SESSIONS: usize = 64;
const COOKIE: &str = "blog_session";

/// Decides who may write. Clones share their sessions and their count of wrong secrets.
#[derive(Clone)]
pub(crate) struct Access {
    secret: Fingerprint,
    sessions: Arc<Mutex<VecDeque<Session>>>,
    guesses: Arc<Mutex<Guesses>>,
}

/// The hash of a secret. Comparing hashes takes equally long for every input, and hides the length
/// of the secret.
#[derive(Clone, Copy)]
struct Fingerprint([u8; 32]);

struct Session {
    token: Fingerprint,
    ends: Instant,
}

impl Access {
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            secret: Fingerprint::of(secret.as_bytes()),
            sessions: Arc::default(),
            guesses: Arc::default(),
        }
    }

    pub(crate) fn is_secret(&self, given: &str) -> bool {
        self.secret.matches(given.as_bytes()).into()
    }

    /// Returns whether the request has `Authorization: Bearer <secret>`.
    pub(crate) fn has_bearer(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get(header::AUTHORIZATION)
            .map_or(&b""[..], |value| value.as_bytes());
        let (scheme, token) = given.split_at_checked(7).unwrap_or((b"", given));
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(self.secret.matches(token))
    }

    /// Counts a wrong secret, or a missing one, of an address. Returns the seconds to wait if there
    /// were too many in a minute. Only what was found wrong is counted, so the right secret is
    /// accepted whatever others behind the same address have sent.
    pub(crate) fn record_wrong(&self, peer: IpAddr, now: Instant) -> Option<u64> {
        let mut guesses = self.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.record(peer, now)
    }

    /// Starts a session and returns the value of its `Set-Cookie`.
    pub(crate) fn log_in(&self, now: Instant) -> Result<String, getrandom::Error> {
        let token = random_hex()?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.ends > now);
        sessions.truncate(MAX_SESSIONS - 1);
        sessions.push_front(Session {
            token: Fingerprint::of(token.as_bytes()),
            ends: now + SESSION,
        });
        Ok(cookie(&token, SESSION))
    }

    /// Ends the request's session and returns the `Set-Cookie` that removes it from the browser.
    pub(crate) fn log_out(&self, headers: &HeaderMap) -> String {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = session_token(headers) {
            sessions.retain(|session| !bool::from(session.token.matches(token)));
        }
        cookie("", Duration::ZERO)
    }

    pub(crate) fn has_session(&self, headers: &HeaderMap, now: Instant) -> bool {
        let Some(token) = session_token(headers) else {
            return false;
        };
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let current = sessions.iter().filter(|session| session.ends > now);
        current
            .fold(Choice::from(0), |found, session| {
                found | session.token.matches(token)
            })
            .into()
    }
}

impl Fingerprint {
    fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    fn matches(&self, given: &[u8]) -> Choice {
        self.0.ct_eq(&Self::of(given).0)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// Returns 32 random bytes of the operating system in hexadecimal.
pub(crate) fn random_hex() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn session_token(headers: &HeaderMap) -> Option<&[u8]> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token.as_bytes())
}

/// Makes a `Set-Cookie`. `Strict`: the browser sends the cookie from our own pages only, so a form
/// on another site arrives without it.
fn cookie(token: &str, age: Duration) -> String {
    format!(
        "{COOKIE}={token}; Path=/admin; HttpOnly; SameSite=Strict; Max-Age={}",
        age.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    fn cookie_of(set_cookie: &str) -> HeaderMap {
        let pair = set_cookie.split(';').next().unwrap();
        headers(header::COOKIE, &format!("theme=dark; {pair}"))
    }

    #[test]
    fn only_the_exact_secret_is_accepted_as_bearer() {
        let access = Access::new("correct horse");
        let says = |value: &str| access.has_bearer(&headers(header::AUTHORIZATION, value));

        assert!(says("Bearer correct horse") && says("bearer correct horse"));
        for wrong in [
            "",
            "Bearer ",
            "Bearer",
            "correct horse",
            "Bearer correct horse2",
            "Basic correct horse",
        ] {
            assert!(!says(wrong), "{wrong:?}");
        }
        assert!(!access.has_bearer(&HeaderMap::new()));
    }

    #[test]
    fn a_session_begins_with_a_login_and_ends_with_a_logout() {
        let access = Access::new("secret");
        let now = Instant::now();
        let cookie = cookie_of(&access.log_in(now).unwrap());
        assert!(access.has_session(&cookie, now));

        access.log_out(&cookie);

        assert!(!access.has_session(&cookie, now));
    }

    #[test]
    fn a_session_ends_by_itself() {
        let access = Access::new("secret");
        let now = Instant::now();

        let cookie = cookie_of(&access.log_in(now).unwrap());

        assert!(!access.has_session(&cookie, now + SESSION));
    }

    #[test]
    fn a_made_up_token_is_no_session() {
        let access = Access::new("secret");
        let now = Instant::now();
        access.log_in(now).unwrap();

        for made_up in ["blog_session=", "blog_session=00", "other=1", ""] {
            assert!(!access.has_session(&headers(header::COOKIE, made_up), now));
        }
    }

    #[test]
    fn the_oldest_session_makes_room_for_a_new_one() {
        let access = Access::new("secret");
        let now = Instant::now();
        let cookies: Vec<_> = (0..=MAX_SESSIONS)
            .map(|_| cookie_of(&access.log_in(now).unwrap()))
            .collect();

        let alive = cookies
            .iter()
            .filter(|cookie| access.has_session(cookie, now))
            .count();

        assert_eq!(alive, MAX_SESSIONS);
        assert!(!access.has_session(&cookies[0], now));
    }

    #[test]
    fn the_cookie_stays_out_of_scripts_and_of_other_sites_requests() {
        let cookie = Access::new("secret").log_in(Instant::now()).unwrap();

        assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"));
    }

    #[test]
    fn debug_output_holds_no_secret() {
        assert_eq!(format!("{:?}", Access::new("secret")), "Access { .. }");
    }
}
