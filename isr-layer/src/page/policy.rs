//! The policy of a page: its lifetimes, its tags, the parts of its key and its limits, as plain
//! data built in `const`.

use std::time::Duration;

/// The rules by which a page is kept: lifetimes, tags, the parts of its key, and limits.
///
/// Every setter is `const`, so that `#[static_page]` and a page built by hand write equal code.
///
/// ```
/// use isr_layer::Policy;
/// use std::time::Duration;
///
/// const POLICY: Policy = Policy::new().revalidate(Duration::from_secs(60)).tags(&["posts"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Policy {
    pub(crate) revalidate: Option<Duration>,
    pub(crate) expire: Option<Duration>,
    pub(crate) not_found_revalidate: Duration,
    pub(crate) jitter: bool,
    pub(crate) tags: &'static [&'static str],
    pub(crate) query: &'static [&'static str],
    pub(crate) vary: &'static [&'static str],
    pub(crate) fallback: Fallback,
    pub(crate) prerender: bool,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) allow_empty: bool,
    pub(crate) allow_temporary: bool,
}

/// The response for parameters that the `params` of a page do not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fallback {
    /// The page is rendered at the first request, as if it had been listed. This is the default.
    #[default]
    Render,
    /// The response is 404 and the handler never runs, even if an entry is left from before.
    NotFound,
}

impl Policy {
    /// Creates a policy for a page that is fresh until it is purged, has no tags, and is keyed by
    /// its path alone.
    ///
    /// By default a 404 or 410 lives for 10 s, a render may take 30 s, and a body may have 8 MiB.
    pub const fn new() -> Self {
        Self {
            revalidate: None,
            expire: None,
            not_found_revalidate: Duration::from_secs(10),
            jitter: false,
            tags: &[],
            query: &[],
            vary: &[],
            fallback: Fallback::Render,
            prerender: true,
            timeout: Duration::from_secs(30),
            max_body: 8 * 1024 * 1024,
            allow_empty: false,
            allow_temporary: false,
        }
    }

    /// Makes the page stale at this age: it is still served, and one render refreshes it in the
    /// background.
    pub const fn revalidate(mut self, after: Duration) -> Self {
        self.revalidate = Some(after);
        self
    }

    /// Stops serving the page at this age, even if rendering fails (RFC 5861 knows no such end).
    ///
    /// The age must be above zero, and not below [`revalidate`](Self::revalidate):
    /// [`build`](crate::IsrLayerBuilder::build) refuses others.
    pub const fn expire(mut self, after: Duration) -> Self {
        self.expire = Some(after);
        self
    }

    /// Sets the lifetime of a stored 404 or 410, and of NOT_FOUND of a gRPC method.
    /// [`revalidate`](Self::revalidate) and [`expire`](Self::expire) limit it too. The default is
    /// 10 s.
    pub const fn not_found_revalidate(mut self, after: Duration) -> Self {
        self.not_found_revalidate = after;
        self
    }

    /// Shortens each lifetime by a random part of up to 10 %, so that pages rendered together do
    /// not go stale together.
    pub const fn jitter(mut self, on: bool) -> Self {
        self.jitter = on;
        self
    }

    /// Tags every entry of the page; `{name}` stands for the decoded parameter of that name.
    ///
    /// A tag has 1 to 1,024 octets and no control characters.
    /// [`build`](crate::IsrLayerBuilder::build) refuses any other; one that a parameter makes so is
    /// left out, and that is logged once for each page.
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// Sets the query parameters that are part of the key. The handler sees these and no others.
    ///
    /// A name is written as a handler reads it, such as `filter[author]`. It is found in every
    /// spelling that a client sends: percent-encoded, or with `+` for a space. The handler sees the
    /// spelling that was sent, and each is a page of its own.
    pub const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = names;
        self
    }

    /// Sets the request headers that are part of the key, in lower case. The handler sees these and
    /// no others.
    ///
    /// Where not the value itself counts but what it asks for, such as a language, give the builder
    /// a function of it: [`vary_by`](crate::IsrLayerBuilder::vary_by).
    pub const fn vary(mut self, names: &'static [&'static str]) -> Self {
        self.vary = names;
        self
    }

    /// Sets the response for parameters outside the page's `params`.
    ///
    /// [`Fallback::NotFound`] needs `params`, either the page's own or those given to the builder:
    /// [`build`](crate::IsrLayerBuilder::build) refuses it without.
    pub const fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Sets whether [`Cache::prerender`](crate::Cache::prerender) renders the pages that `params`
    /// lists. The default is `true`.
    pub const fn prerender(mut self, on: bool) -> Self {
        self.prerender = on;
        self
    }

    /// Limits the time of one render, from the call of the inner service to the end of the body.
    /// The default is 30 s.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Limits the size of a stored body, in bytes. A larger body is streamed to the client and not
    /// kept. The default is 8 MiB.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Stores an empty 200 too, which otherwise counts as a failed render.
    pub const fn allow_empty(mut self, on: bool) -> Self {
        self.allow_empty = on;
        self
    }

    /// Stores 203, 302 and 307 too, for as long as any page.
    pub const fn allow_temporary(mut self, on: bool) -> Self {
        self.allow_temporary = on;
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}
