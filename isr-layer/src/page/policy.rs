//! When a page goes stale or expires, what it varies on, its tags and its limits: plain data, built in `const`.

use std::time::Duration;

/// How a page is kept: lifetimes, tags, what its key holds, and its limits.
///
/// Every setter is `const`, so that `#[static_page]` and a page built by hand write the same thing.
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

/// What a page answers for parameters that its `params` do not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fallback {
    /// The page is rendered at the first request, as if it had been listed. The default.
    #[default]
    Render,
    /// The answer is 404 and the handler never runs, also where an entry is left from before.
    NotFound,
}

impl Policy {
    /// A page that is fresh until it is purged, without tags, keyed by its path alone.
    ///
    /// Defaults: a 404 or 410 lives 10 s, a render may take 30 s, a body may have 8 MiB.
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

    /// Counts the page as stale once it is this old: it is still served, and one render refreshes it in the background.
    pub const fn revalidate(mut self, after: Duration) -> Self {
        self.revalidate = Some(after);
        self
    }

    /// Never serves the page once it is this old, not even when rendering fails (RFC 5861 knows no such end).
    ///
    /// It must not be below [`revalidate`](Self::revalidate); `build()` refuses that.
    pub const fn expire(mut self, after: Duration) -> Self {
        self.expire = Some(after);
        self
    }

    /// How long a stored 404 or 410 lives, at most as long as [`revalidate`](Self::revalidate) and
    /// [`expire`](Self::expire). Default 10 s.
    pub const fn not_found_revalidate(mut self, after: Duration) -> Self {
        self.not_found_revalidate = after;
        self
    }

    /// Shortens each lifetime by a random part of up to 10 %, so that pages rendered together do not go stale together.
    pub const fn jitter(mut self, on: bool) -> Self {
        self.jitter = on;
        self
    }

    /// Tags every entry of the page; `{name}` stands for the decoded parameter of that name.
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// The query parameters that are part of the key. The handler sees these and no others.
    pub const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = names;
        self
    }

    /// The request headers that are part of the key, in lower case. The handler sees these and no others.
    pub const fn vary(mut self, names: &'static [&'static str]) -> Self {
        self.vary = names;
        self
    }

    /// What is answered for parameters outside the page's `params`.
    ///
    /// [`Fallback::NotFound`] needs `params`, the page's own or those given to the builder; `build()` refuses it without.
    pub const fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Whether the pages that `params` lists are part of [`Cache::prerender`](crate::Cache::prerender). Default `true`.
    pub const fn prerender(mut self, on: bool) -> Self {
        self.prerender = on;
        self
    }

    /// How long one render may take, from the inner call to the end of its body. Default 30 s.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The largest body that is stored, in bytes. A larger one is streamed to the client and not kept. Default 8 MiB.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Stores an empty 200 too. Without this it counts as a failed render.
    pub const fn allow_empty(mut self, on: bool) -> Self {
        self.allow_empty = on;
        self
    }

    /// Stores 203, 302 and 307 too, as long as any page.
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
