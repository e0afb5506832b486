//! The cookie of draft mode: the time at which it ends, and a signature of that time.

use std::fmt;
use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::error::{Error, ErrorKind};
use crate::revalidate::auth::{Secret, Secrets, is_signed, sign};

/// The default name. With `__Host-` browsers refuse the cookie unless this very host set it, over
/// TLS, for all of its paths.
pub(crate) const DEFAULT_NAME: &str = "__Host-isr-draft";

/// The attributes: for every path, hidden from scripts, over TLS only. Also for a frame inside
/// another site, as the preview of a content system is; there the cookie belongs to that site
/// alone, so that browsers that block third-party cookies keep it.
const ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=None; Partitioned";

/// Makes a code that was made here useless elsewhere, even if the secret is used elsewhere too.
const PURPOSE: &[u8] = b"isr-layer draft 1\0";

/// The maximum number of cookies of our name that are checked per request.
const MAX_COOKIES: usize = 4;

/// The settings of draft mode: a client sees drafts if its cookie is signed with one of the
/// [`Secrets`].
pub(crate) struct Draft {
    secrets: Secrets,
    cookie: String,
}

impl Draft {
    /// Creates the settings from the builder's.
    ///
    /// # Errors
    ///
    /// If the secret is too short or too long, or the cookie's name is invalid.
    pub(crate) fn new(secret: Secret, cookie: String) -> Result<Self, Error> {
        let is_name = !cookie.is_empty() && cookie.bytes().all(is_token);
        if !is_name {
            let what = format!(
                "invalid cookie name `{cookie}` in `draft_cookie`: expected a name such as \
                 `{DEFAULT_NAME}`"
            );
            return Err(Error::new(ErrorKind::Configuration, what));
        }
        Ok(Self {
            secrets: Secrets::new(secret)?,
            cookie,
        })
    }

    /// Returns whether `presented` is the secret.
    pub(super) fn is_secret(&self, presented: &str) -> bool {
        self.secrets.has(presented.as_bytes())
    }

    /// Returns whether a request has a cookie that we signed and whose time is not over. `now` is
    /// the time since the Unix epoch.
    pub(super) fn is_shown(&self, headers: &HeaderMap, now: Duration) -> bool {
        let lines = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok());
        let ours = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then_some(value)
        });

        // Unless the name begins with `__Host-`, a sibling host can set a cookie of that name: a
        // forged one must not hide a good one.
        ours.take(MAX_COOKIES)
            .any(|value| self.is_valid(value, now))
    }

    /// Returns the `Set-Cookie` for a cookie that ends `lasting` after `now`.
    pub(super) fn set_cookie(&self, now: Duration, lasting: Duration) -> Option<HeaderValue> {
        let end = now.saturating_add(lasting).as_secs().to_string();
        let code = sign(&self.secrets, &self.message(&end));
        let (name, seconds) = (&self.cookie, lasting.as_secs());
        HeaderValue::try_from(format!(
            "{name}={end}.{code}; Max-Age={seconds}; {ATTRIBUTES}"
        ))
        .ok()
    }

    /// Returns the `Set-Cookie` that removes the cookie.
    pub(super) fn clear_cookie(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("{}=; Max-Age=0; {ATTRIBUTES}", self.cookie)).ok()
    }

    fn is_valid(&self, value: &str, now: Duration) -> bool {
        let Some((end, code)) = value.split_once('.') else {
            return false;
        };
        // The signature covers the text: of all ways to write one number, only the signed is valid.
        is_signed(&self.secrets, &self.message(end), code)
            && end.parse::<u64>().is_ok_and(|end| now.as_secs() < end)
    }

    fn message<'a>(&'a self, end: &'a str) -> [&'a [u8]; 4] {
        [PURPOSE, self.cookie.as_bytes(), b"\0", end.as_bytes()]
    }
}

/// Returns whether a byte may occur in a cookie's name, which is a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("cookie", &self.cookie)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    fn draft(secret: &str, name: &str) -> Draft {
        Draft::new(secret.into(), name.to_owned()).unwrap()
    }

    fn ours() -> Draft {
        draft("a secret of more than 24 bytes", DEFAULT_NAME)
    }

    /// Returns the pair of a `Set-Cookie`, as a browser sends it back.
    fn pair(draft: &Draft) -> String {
        let set = draft.set_cookie(NOW, HOUR).unwrap();
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn is_shown(draft: &Draft, lines: &[&str], now: Duration) -> bool {
        let headers = lines
            .iter()
            .map(|line| (COOKIE, HeaderValue::try_from(*line).unwrap()))
            .collect();
        draft.is_shown(&headers, now)
    }

    #[test]
    fn the_cookie_is_good_until_its_end_wherever_it_stands() {
        let pair = pair(&ours());

        assert!(is_shown(&ours(), &[&pair], NOW));
        assert!(is_shown(
            &ours(),
            &["a=b", &format!("c=d;{pair};  e=f")],
            NOW
        ));
        assert!(is_shown(
            &ours(),
            &[&pair],
            NOW + HOUR - Duration::from_secs(1)
        ));
        assert!(!is_shown(&ours(), &[&pair], NOW + HOUR));
        assert!(!is_shown(&ours(), &[], NOW));
    }

    #[test]
    fn another_secret_another_name_or_another_end_makes_another_code() {
        let pair = pair(&ours());
        let (end, code) = pair.split_once('=').unwrap().1.split_once('.').unwrap();
        let later = end.parse::<u64>().unwrap() + 1;

        assert!(!is_shown(
            &draft("another secret of that length", DEFAULT_NAME),
            &[&pair],
            NOW
        ));
        for forged in [
            format!("{later}.{code}"),
            format!("0{end}.{code}"),
            format!("+{end}.{code}"),
            format!("{end}."),
            format!("{end}.{}", &code[1..]),
            format!("{end}.{code}.{code}"),
            end.to_owned(),
            String::new(),
        ] {
            assert!(
                !is_shown(&ours(), &[&format!("{DEFAULT_NAME}={forged}")], NOW),
                "{forged}"
            );
        }
        let renamed = draft("a secret of more than 24 bytes", "draft");
        assert!(!is_shown(&renamed, &[&format!("draft={end}.{code}")], NOW));
    }

    #[test]
    fn a_cookie_among_forged_ones_is_found_and_many_are_not_tried() {
        let (pair, forged) = (pair(&ours()), format!("{DEFAULT_NAME}=1.x; "));

        assert!(is_shown(
            &ours(),
            &[&format!("{}{pair}", forged.repeat(3))],
            NOW
        ));
        assert!(!is_shown(
            &ours(),
            &[&format!("{}{pair}", forged.repeat(4))],
            NOW
        ));
    }

    #[test]
    fn a_short_secret_and_a_name_that_is_none_are_refused() {
        let refused = |secret: &str, name: &str| {
            Draft::new(secret.into(), name.to_owned())
                .unwrap_err()
                .kind()
        };

        assert_eq!(
            refused("twenty-three bytes long", "draft"),
            ErrorKind::Secret
        );
        assert_eq!(
            refused("a secret of more than 24 bytes", "a b"),
            ErrorKind::Configuration
        );
        assert_eq!(
            refused("a secret of more than 24 bytes", ""),
            ErrorKind::Configuration
        );
    }

    #[test]
    fn debug_prints_no_secret() {
        assert!(!format!("{:?}", ours()).contains("secret of"));
    }

    proptest! {
        #[test]
        fn no_text_is_a_cookie_of_ours(text in "[!-~]{0,80}") {
            let cookie = format!("{DEFAULT_NAME}={text}");

            prop_assert!(!is_shown(&ours(), &[&cookie], NOW), "{}", cookie);
        }
    }
}
