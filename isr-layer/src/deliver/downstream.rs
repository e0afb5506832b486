//! Tells caches in front of us how long they may keep a page: not at all by default, its whole
//! lifetime for a CDN.

use std::time::Duration;

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};

use super::cache_status::replace_status;
use super::headers::{
    NO_STORE, is_for_caches, is_grpc, mark_unstored, remove_all, says_how_to_cache,
};
use super::surrogate::{DEFAULT_MAX_KEYS_BYTES, SurrogateKeys};
use crate::entry::{Lifetime, told_seconds};
use crate::error::Error;
use crate::outcome::CacheStatus;

/// The `Cache-Control` of a stored page whose handler sent none. No other cache keeps the page, so
/// that a purge is seen everywhere at once.
const ALWAYS_REVALIDATE: HeaderValue =
    HeaderValue::from_static("public, max-age=0, must-revalidate");

/// The field that only CDNs read (RFC 9213).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The permission that caches in front of the application get to keep stored pages, for
/// [`IsrLayerBuilder::downstream`].
///
/// The default, `Downstream::default()`, lets no cache keep a page without asking:
/// `Cache-Control: public, max-age=0, must-revalidate`. A purge is then seen everywhere at once,
/// and asking costs a 304.
///
/// These rules hold for every choice, in this order:
///
/// 1. No cache may keep a page that a purge has marked and that is still served while it is
///    rendered again: it leaves with `public, max-age=0, must-revalidate`, and without any field
///    that allows more, whatever its handler said.
/// 2. Otherwise the handler's own `Cache-Control` wins, and nothing is added to it.
/// 3. A response that is not stored keeps the `Cache-Control` of its handler, or gets `no-store`.
/// 4. No cache may keep a page without a lifetime (`revalidate = false`, no `expire`): only a purge
///    makes it stale, and nothing would tell a CDN of the purge. A handler that knows better says
///    so itself.
///
/// ```
/// use isr_layer::{Downstream, IsrLayer, Page, Policy};
/// use std::time::Duration;
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use http_body_util::Full;
/// # use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// const HOME: Page = Page::new("/")
///     .with_policy(
///         Policy::new()
///             .revalidate(Duration::from_secs(60))
///             .expire(Duration::from_secs(3600))
///             .tags(&["posts"]),
///     );
///
/// let downstream = Downstream::cdn().cdn_cache_control(true).surrogate_keys("Cache-Tag");
/// let isr = IsrLayer::builder().pages([HOME]).downstream(downstream).build()?;
/// # let service = isr.layer(service_fn(async |_: Request<Full<Bytes>>| {
/// #     Ok::<_, std::convert::Infallible>(Response::new(Full::from("a page")))
/// # }));
/// let response = service.oneshot(Request::new(Full::default())).await?;
///
/// assert_eq!(response.headers()["cache-control"], "public, max-age=0, must-revalidate");
/// assert_eq!(
///     response.headers()["cdn-cache-control"],
///     "public, max-age=60, stale-while-revalidate=3540",
/// );
/// assert_eq!(response.headers()["cache-tag"], "posts");
/// # Ok(())
/// # }
/// ```
///
/// [`IsrLayerBuilder::downstream`]: crate::IsrLayerBuilder::downstream
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Downstream {
    /// True if shared caches may keep a page.
    is_shared: bool,
    /// True if only CDNs may, told in a field of their own.
    is_cdn_field: bool,
    surrogate_keys: Option<SurrogateKeys>,
    max_keys_bytes: Option<usize>,
}

/// The caches that may keep a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    None,
    /// Every shared cache, by `Cache-Control`.
    SharedCaches,
    /// CDNs alone, by a field of their own.
    Cdns,
}

/// The fields that one entry sends to caches in front of us.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    /// The directives that let caches keep the page; `None` if no cache may keep it.
    cache_control: Option<(HeaderName, HeaderValue)>,
    tags: Option<(HeaderName, HeaderValue)>,
    /// True if the tags do not fit: no cache may keep what no purge by tag would find there.
    pub(crate) lacks_tags: bool,
}

impl Downstream {
    /// Lets shared caches keep a page for its lifetime:
    /// `public, max-age=0, must-revalidate, s-maxage=…, stale-while-revalidate=…`. Browsers still
    /// ask each time.
    ///
    /// `s-maxage` is the page's whole lifetime, and is equal in all its responses. Every response
    /// also has its `Age`, so the remaining time is right however late a cache asks
    /// (RFC 9111, 4.2); a stale response has used it up. `stale-while-revalidate` is the time
    /// between `revalidate` and `expire`. It is left out without `expire`, so no cache in front of
    /// us serves a page past its end.
    ///
    /// `must-revalidate` keeps browsers, some of which know `stale-while-revalidate` too, from
    /// showing a purged page. Some CDNs obey it as well and serve nothing stale: with
    /// [`cdn_cache_control`](Self::cdn_cache_control), browsers and CDNs each get their own field.
    pub const fn cdn() -> Self {
        Self {
            is_shared: true,
            is_cdn_field: false,
            surrogate_keys: None,
            max_keys_bytes: None,
        }
    }

    /// Offers the page in `CDN-Cache-Control` (RFC 9213), which only CDNs read: `public, max-age=…,
    /// stale-while-revalidate=…`. `Cache-Control` then keeps all other caches from storing the
    /// page. Default `false`.
    pub fn cdn_cache_control(mut self, on: bool) -> Self {
        self.is_cdn_field = on;
        self
    }

    /// Sends the entry's tags in the header `name`, so that a purge by tag can be passed on to the
    /// CDN: `Surrogate-Key` (Fastly), `Cache-Tag` (Cloudflare, Google), `Edge-Cache-Tag` (Akamai),
    /// `xkey` (Varnish).
    ///
    /// Keys are separated by spaces if the name ends in `key` or `keys`, by commas otherwise. In a
    /// tag, `,`, `%` and every byte that is not visible ASCII are percent-encoded, so that
    /// different tags stay different. `Cache-Groups` is a List of Strings, where white space and
    /// `,` stay as they are (RFC 9875).
    ///
    /// If a tag is over 1,024 bytes, or all of them are over the limit of
    /// [`max_surrogate_keys_bytes`](Self::max_surrogate_keys_bytes), the header is left out, the
    /// log says so, and no cache may keep the page, whatever its handler said: a page that cannot
    /// be purged by tag must not be kept. A header of that name that the handler sent stays as it
    /// is.
    ///
    /// [`build`](crate::IsrLayerBuilder::build) refuses an invalid header name.
    pub fn surrogate_keys(mut self, name: &str) -> Self {
        self.surrogate_keys = Some(SurrogateKeys::named(name));
        self
    }

    /// Limits the header of [`surrogate_keys`](Self::surrogate_keys), in bytes. Default 3 KiB: a
    /// stock nginx refuses a response whose whole head is larger than 4 KiB (`proxy_buffer_size`).
    /// Fastly and Cloudflare take 16 KiB.
    ///
    /// ```
    /// use isr_layer::Downstream;
    ///
    /// let fastly = Downstream::cdn()
    ///     .surrogate_keys("Surrogate-Key")
    ///     .max_surrogate_keys_bytes(16 * 1024);
    /// ```
    pub fn max_surrogate_keys_bytes(mut self, bytes: usize) -> Self {
        self.max_keys_bytes = Some(bytes);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.surrogate_keys
            .as_ref()
            .map_or(Ok(()), SurrogateKeys::check)
    }

    /// Returns the fields for an entry with this lifetime; `tags` is called only if tags are sent.
    pub(crate) fn offer<T>(&self, lifetime: Lifetime, tags: impl FnOnce() -> T) -> Offer
    where
        T: IntoIterator<Item: AsRef<str>>,
    {
        let max_bytes = self.max_keys_bytes.unwrap_or(DEFAULT_MAX_KEYS_BYTES);
        let keys = self.surrogate_keys.as_ref();

        match keys.map(|keys| keys.field(tags(), max_bytes)) {
            None => Offer {
                cache_control: self.cache_control(lifetime),
                ..Offer::default()
            },
            Some(Ok(tags)) => Offer {
                cache_control: self.cache_control(lifetime),
                tags,
                ..Offer::default()
            },
            Some(Err(_)) => Offer {
                lacks_tags: true,
                ..Offer::default()
            },
        }
    }

    fn keeper(&self) -> Keeper {
        match (self.is_cdn_field, self.is_shared) {
            (true, _) => Keeper::Cdns,
            (false, true) => Keeper::SharedCaches,
            (false, false) => Keeper::None,
        }
    }

    fn cache_control(&self, lifetime: Lifetime) -> Option<(HeaderName, HeaderValue)> {
        let keeper = self.keeper();
        let words = match keeper {
            Keeper::None => return None,
            Keeper::SharedCaches => "public, max-age=0, must-revalidate, s-maxage",
            Keeper::Cdns => "public, max-age",
        };

        let fresh = lifetime.fresh_for()?;
        let stale = lifetime
            .expire
            .map_or(Duration::ZERO, |end| end.saturating_sub(fresh));
        let stale = told_seconds(stale);

        let mut value = format!("{words}={}", told_seconds(fresh));
        if stale > 0 {
            value.push_str(&format!(", stale-while-revalidate={stale}"));
        }
        let name = if keeper == Keeper::Cdns {
            CDN_CACHE_CONTROL
        } else {
            CACHE_CONTROL
        };
        HeaderValue::try_from(value).ok().map(|value| (name, value))
    }
}

impl Offer {
    /// Adds the offer to the handler's headers.
    pub(crate) fn put(self, headers: &mut HeaderMap) {
        if self.lacks_tags {
            return take_back(headers);
        }
        if let Some((name, value)) = self.tags {
            headers.entry(name).or_insert(value);
        }

        if says_how_to_cache(headers) || is_grpc(headers) {
            return;
        }
        headers.insert(CACHE_CONTROL, ALWAYS_REVALIDATE);
        if let Some((name, value)) = self.cache_control
            // The handler's own `CDN-Cache-Control` wins, as its `Cache-Control` does.
            && (name == CACHE_CONTROL || !headers.contains_key(&name))
        {
            headers.insert(name, value);
        }
    }
}

/// Lets no cache keep a response, because a purge has marked it, or could not find it there. Its
/// handler's own word ends too: a cache in front would keep the response for its whole lifetime,
/// and nothing would tell it.
pub(crate) fn take_back(headers: &mut HeaderMap) {
    // A 412 and a 416 forbid more than this already.
    if is_grpc(headers) || headers.get(CACHE_CONTROL) == Some(&NO_STORE) {
        return;
    }
    remove_all(headers, is_for_caches);
    headers.insert(CACHE_CONTROL, ALWAYS_REVALIDATE);
}

/// Marks a response that shows a draft.
pub(crate) fn mark_draft(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    keep_private(headers);
    mark_unstored(headers, status);
}

/// Marks a response of the page for paths that are not found: the path may be listed soon, so no
/// cache may keep it.
pub(crate) fn mark_not_found(headers: &mut HeaderMap, status: Option<&CacheStatus>) {
    remove_all(headers, is_for_caches);
    headers.insert(CACHE_CONTROL, NO_STORE);
    replace_status(headers, status);
}

/// Forbids every cache to keep a response, whatever its handler said: the response is for one
/// client only.
fn keep_private(headers: &mut HeaderMap) {
    remove_all(headers, is_for_caches);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn headers_of(
        downstream: &Downstream,
        lifetime: Lifetime,
        own: &[(&'static str, &'static str)],
    ) -> HeaderMap {
        let mut headers: HeaderMap = own
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        downstream
            .offer(lifetime, || vec!["posts", "post:1"])
            .put(&mut headers);
        headers
    }

    fn lifetime(revalidate: Option<u32>, expire: Option<u32>) -> Lifetime {
        Lifetime {
            revalidate: revalidate.map(|n| n * SECOND),
            expire: expire.map(|n| n * SECOND),
        }
    }

    #[test]
    fn the_table_of_lifetimes() {
        let always_ask = "public, max-age=0, must-revalidate";
        let cdn = |rest: &str| format!("{always_ask}, s-maxage={rest}");
        for (revalidate, expire, expected) in [
            (None, None, always_ask.to_owned()),
            (Some(60), None, cdn("60")),
            (Some(60), Some(100), cdn("60, stale-while-revalidate=40")),
            (Some(10), Some(10), cdn("10")),
            (None, Some(100), cdn("100")),
        ] {
            let lifetime = lifetime(revalidate, expire);

            assert_eq!(
                headers_of(&Downstream::cdn(), lifetime, &[])["cache-control"],
                expected
            );
            assert_eq!(
                headers_of(&Downstream::default(), lifetime, &[])["cache-control"],
                always_ask
            );
        }
    }

    #[test]
    fn the_handlers_own_word_wins_and_nothing_is_added_to_it() {
        let downstream = Downstream::cdn().cdn_cache_control(true);
        let lifetime = lifetime(Some(60), None);

        let own = headers_of(&downstream, lifetime, &[("cache-control", "max-age=5")]);
        let targeted = headers_of(&downstream, lifetime, &[("cdn-cache-control", "max-age=5")]);

        assert_eq!(own["cache-control"], "max-age=5");
        assert!(!own.contains_key("cdn-cache-control"));
        assert_eq!(targeted["cdn-cache-control"], "max-age=5");
        assert_eq!(targeted["cache-control"], ALWAYS_REVALIDATE);
    }

    #[test]
    fn what_cannot_be_purged_by_tag_is_kept_by_nobody() {
        let downstream = Downstream::cdn().surrogate_keys("Surrogate-Key");
        let mut headers = HeaderMap::new();

        downstream
            .offer(lifetime(Some(60), None), || vec!["x".repeat(1025)])
            .put(&mut headers);

        assert!(!headers.contains_key("surrogate-key"));
        assert_eq!(headers["cache-control"], ALWAYS_REVALIDATE);
    }

    #[test]
    fn an_answer_for_one_client_tells_no_cache_to_keep_it() {
        let mut headers = headers_of(
            &Downstream::cdn().cdn_cache_control(true),
            lifetime(Some(60), None),
            &[],
        );
        headers.insert("surrogate-control", HeaderValue::from_static("max-age=60"));
        headers.insert(
            "netlify-cdn-cache-control",
            HeaderValue::from_static("max-age=60"),
        );

        keep_private(&mut headers);

        assert_eq!(headers.len(), 1);
        assert_eq!(headers["cache-control"], "private, no-store");
    }
}
