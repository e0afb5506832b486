//! The declaration of a page, made by the attribute or by hand.

use super::{Params, Policy, mounted, pattern};

/// A registered route pattern with its [`Policy`].
///
/// `#[static_page]` declares one as `handler::PAGE`. By hand:
///
/// ```
/// use isr_layer::{Page, Policy};
/// use std::time::Duration;
///
/// const POLICY: Policy = Policy::new().revalidate(Duration::from_secs(300));
/// const FEED: Page = Page::new("/feed.xml").with_policy(POLICY);
/// assert_eq!(FEED.path(), "/feed.xml");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Page {
    pattern: &'static str,
    policy: Policy,
    params: Option<Params>,
    handler: Option<Handler>,
    unary: bool,
}

/// The annotated function behind a page: its name and its place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Handler {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Page {
    /// Declares a page at `pattern`, with the default [`Policy`].
    ///
    /// # Panics
    ///
    /// If `pattern` is invalid. It must start with `/`; each segment is literal text in canonical
    /// spelling or `{name}`, and the last may be `{*name}`. A segment of literal text does not
    /// start with `:`, `*`, `[` or `<`, as parameters of other routers do. In a `const` this is a
    /// compile error.
    pub const fn new(pattern: &'static str) -> Self {
        if let Some(mistake) = pattern::mistake(pattern) {
            panic!("{}", mistake);
        }
        Self {
            pattern,
            policy: Policy::new(),
            params: None,
            handler: None,
            unary: false,
        }
    }

    /// Sets the lifetimes, the tags, the key and the limits of the page.
    pub const fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the function that lists the page's parameters.
    pub const fn with_params(mut self, params: Params) -> Self {
        self.params = Some(params);
        self
    }

    /// Sets whether this is the page of a unary gRPC method, keyed by the message of the request:
    /// `/catalog.v1.Catalog/GetProduct`. Default `false`.
    ///
    /// Calls of the method are served from memory; other requests to its path pass through
    /// unchanged. The policy's `vary` names metadata. The attribute does this for a method that
    /// takes tonic's `Request`.
    pub const fn with_unary(mut self, on: bool) -> Self {
        self.unary = on;
        self
    }

    /// Returns the pattern of the paths that clients request: `/posts/{slug}`.
    pub const fn path(&self) -> &'static str {
        self.pattern
    }

    /// Returns the policy of the page.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// True if this is the page of a unary gRPC method.
    pub const fn is_unary(&self) -> bool {
        self.unary
    }

    /// Names the annotated function, which then must run for its response to be stored.
    #[doc(hidden)]
    pub const fn __handler(
        mut self,
        name: &'static str,
        file: &'static str,
        line: u32,
        column: u32,
    ) -> Self {
        self.handler = Some(Handler {
            name,
            file,
            line,
            column,
        });
        self
    }

    pub(crate) const fn params(&self) -> Option<Params> {
        self.params
    }

    pub(crate) const fn declared_handler(&self) -> Option<Handler> {
        self.handler
    }

    /// Notes that a route of the page's function checks in before extraction, made by
    /// [`route`](Self::route).
    pub(crate) fn note_mounted(&self) {
        if let Some(handler) = self.handler {
            mounted::note(handler);
        }
    }

    /// True if a route of the page's function checks in before extraction. A response at the page's
    /// path that has not checked in is then another route's.
    pub(crate) fn is_mounted(&self) -> bool {
        self.handler.as_ref().is_some_and(mounted::contains)
    }

    /// True if both are one declaration. Copies of one function body, as `#[debug_handler]` makes
    /// them, are one page.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.pattern == other.pattern
            && self.handler == other.handler
            && self.policy == other.policy
            && self.unary == other.unary
    }

    /// Names the page in errors and logs: by its path, and by its function if there is one.
    pub(crate) fn describe(&self) -> String {
        match self.handler {
            Some(h) => format!(
                "`{}` ({} at {}:{}:{})",
                self.pattern, h.name, h.file, h.line, h.column
            ),
            None => format!("`{}` (built by hand)", self.pattern),
        }
    }
}
