//! A page as it is declared, by the attribute or by hand.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use super::{Policy, pattern};

/// A registered route pattern with its [`Policy`].
///
/// `#[static_page]` makes one, found as `handler::PAGE`; this is one made by hand:
///
/// ```
/// use isr_layer::{Page, Policy};
/// use std::time::Duration;
///
/// const FEED: Page = Page::new("/feed.xml").with_policy(Policy::new().revalidate(Duration::from_secs(300)));
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

/// The annotated function behind a page: its name and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handler {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The values of one page's parameters: `(name, decoded value)`, one for every parameter of the page.
pub type ParamSet = Vec<(String, String)>;

/// What a `params` function gives: every set of parameters the page is known to have, or why that could not be told.
pub type ParamsFuture =
    Pin<Box<dyn Future<Output = Result<Vec<ParamSet>, Box<dyn Error + Send + Sync>>> + Send>>;

/// A function that lists a page's parameters.
pub type Params = fn() -> ParamsFuture;

impl Page {
    /// A page at `pattern`, with the default [`Policy`].
    ///
    /// # Panics
    ///
    /// When the pattern is none: it starts with `/`, and a segment is literal text in canonical spelling, `{name}`, or, in
    /// the last place, `{*name}`. In a `const` this is a compile error.
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

    /// Sets how the page is kept.
    pub const fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the function that lists the page's parameters.
    pub const fn with_params(mut self, params: Params) -> Self {
        self.params = Some(params);
        self
    }

    /// Sets whether this is the page of a unary gRPC method, keyed by the request's message:
    /// `/catalog.v1.Catalog/GetProduct`. Default `false`.
    ///
    /// Calls of the method are answered from memory; what comes to its path and is no call passes untouched. Its `vary` names
    /// metadata. The attribute does this for a method that takes tonic's `Request`.
    pub const fn with_unary(mut self, on: bool) -> Self {
        self.unary = on;
        self
    }

    /// The path of the page as clients request it, `/posts/{slug}`.
    pub const fn path(&self) -> &'static str {
        self.pattern
    }

    /// The policy by which the page is kept.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns whether this is the page of a unary gRPC method.
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

    /// Whether both are one declaration: copies of one body (`#[debug_handler]` makes them) are one page.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.pattern == other.pattern
            && self.handler == other.handler
            && self.policy == other.policy
            && self.unary == other.unary
    }

    /// Names the page in errors and logs: its path, and the function with its place when there is one.
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
