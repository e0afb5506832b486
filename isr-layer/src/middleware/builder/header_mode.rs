//! The settings of HTTP caching: routes that are not pages, cached by the headers of their
//! responses.

use http::header::HeaderName;

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Caches GET routes that are not pages, too, by the headers of their responses, as a shared
    /// cache does (RFC 9111, RFC 5861). Lifetimes and stale windows come from the headers alone.
    /// Default `false`. These responses get half of the memory.
    ///
    /// In this order:
    ///
    /// 1. A fresh response is served from memory.
    /// 2. A stale one is served within `stale-while-revalidate`, and fetched again in the
    ///    background.
    /// 3. Otherwise the first client's own request goes to the handler. Others of its kind that ask
    ///    meanwhile get that response if it was stored and its `Vary` matches. Requests are of one
    ///    kind if they have credentials in the same fields, and the same values in all fields that
    ///    a stored response varies by.
    /// 4. Within `stale-if-error` a stale response replaces 500, 502, 503, 504 and a failure, unless
    ///    it is a 5xx itself.
    /// 5. An unsafe request (POST, PUT, DELETE and so on) removes what is stored for its URL, unless
    ///    its response is 1xx, 4xx or 5xx. It also does so if its client leaves before there is a
    ///    response.
    ///
    /// The handler gets the client's whole request, and `Vary` alone distinguishes responses. The
    /// promise that one client's request cannot change the response of others holds for pages, not
    /// here. But a request that fails or is refused rests only requests like it; the guide tells
    /// [the rules]. A response that sets a cookie is not stored. No response is encoded: it is sent
    /// in the encoding of its handler, and an encoded one is stored only with
    /// `Vary: Accept-Encoding`.
    ///
    /// A request with `Authorization` or `Cookie` shares a response only if that says `public` or
    /// `s-maxage`, or, for `Authorization`, `must-revalidate`. With `max-age` alone its response is
    /// not stored.
    ///
    /// A request with `Cache-Control: no-store` is served from memory or passed on, and its
    /// response is not stored. One with `only-if-cached` gets a 504 if nothing can be served.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    ///
    /// let isr = IsrLayer::builder().cache_by_headers(true).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    ///
    /// [the rules]: https://docs.rs/isr-layer/latest/isr_layer/guide/serving/index.html#caching-by-headers
    pub fn cache_by_headers(mut self, on: bool) -> Self {
        self.config.cache_by_headers = on;
        self
    }

    /// Names the response fields that this cache reads before `Cache-Control` and `Expires`, with
    /// [`cache_by_headers`](Self::cache_by_headers). By default there are none.
    ///
    /// Only the first field that is present, not empty and a dictionary of structured fields counts
    /// (RFC 9213, 2.2). All of them are passed on to the client unchanged. `CDN-Cache-Control` is
    /// meant for caches that the origin's owner runs as a CDN. Name it where this layer is such a
    /// cache, as in a reverse proxy, and not where a CDN in front of this layer is to read it.
    ///
    /// ```
    /// use http::HeaderName;
    /// use isr_layer::IsrLayer;
    ///
    /// let cdn = HeaderName::from_static("cdn-cache-control");
    /// let isr = IsrLayer::builder().cache_by_headers(true).targeted_cache_control([cdn]).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn targeted_cache_control(mut self, fields: impl IntoIterator<Item = HeaderName>) -> Self {
        self.config.targets.extend(fields);
        self
    }
}
