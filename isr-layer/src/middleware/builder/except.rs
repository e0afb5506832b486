//! The paths that the layer never looks at.

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Excepts paths from the layer: it never looks at them, though the pattern of a page matches
    /// them. Their requests pass untouched, and a purge of such a path says that it is no page.
    ///
    /// For other routes below a page's pattern, such as `/search` beside a page `/{slug}`. Without
    /// an exception their clients get their own responses too, but the route runs once without its
    /// client when the layer first meets it, and again when the layer has forgotten it. The log
    /// names each such route.
    ///
    /// The patterns have the grammar of pages. With
    /// [`cache_by_headers`](Self::cache_by_headers) nothing of these paths is cached either.
    ///
    /// [`build`](Self::build) refuses a pattern that is invalid, that is a page's own, or that
    /// matches the same paths as another one.
    ///
    /// ```
    /// use isr_layer::{IsrLayer, Page};
    ///
    /// let isr = IsrLayer::builder()
    ///     .pages([Page::new("/{slug}")])
    ///     .except(["/search", "/api/{*rest}"])
    ///     .build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn except(mut self, patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.except.extend(patterns.into_iter().map(Into::into));
        self
    }
}
