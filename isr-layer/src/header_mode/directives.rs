//! Directives of cache control that a shared cache obeys (RFC 9111, 5.2.2; RFC 5861).
//!
//! Two grammars fill them in: [`cache_control`](super::cache_control) and
//! [`targeted`](super::targeted).

/// Directives of one response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
    pub(super) must_understand: bool,
    /// Seconds. An argument that is not a number counts as zero, since the response is then stale
    /// (RFC 9111, 4.2.1).
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
    /// True if read from a targeted field: then `Expires` does not count either (RFC 9213, 2.2).
    pub(super) is_targeted: bool,
}

impl Directives {
    /// Notes a directive by its name in lower case, and its argument if that is a number.
    pub(super) fn note(&mut self, name: &[u8], seconds: Option<u64>) {
        match name {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"max-age" => first(&mut self.max_age, seconds),
            b"s-maxage" => first(&mut self.s_maxage, seconds),
            b"stale-while-revalidate" => first(&mut self.stale_while_revalidate, seconds),
            b"stale-if-error" => first(&mut self.stale_if_error, seconds),
            _ => {}
        }
    }
}

/// Keeps the first of several values (RFC 9111, 4.2.1).
fn first(value: &mut Option<u64>, seconds: Option<u64>) {
    value.get_or_insert(seconds.unwrap_or(0));
}
