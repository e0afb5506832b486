//! The page for paths that are not found.

use super::super::builder::IsrLayerBuilder;
use crate::error::{Error, ErrorKind};
use crate::page::{Fallback, Registry, canonical};

impl IsrLayerBuilder {
    /// Names the path of the page that is shown, with status 404, in place of a path that the
    /// `params` of its page do not list (`fallback = "not_found"`). By default the response is a
    /// plain text.
    ///
    /// That page is rendered and stored as any other. If it fails, and behind a router, the
    /// response is the plain text. No cache in front may store the response.
    ///
    /// [`build`](Self::build) refuses a path that is no page, or whose page has
    /// `fallback = "not_found"` itself.
    ///
    /// ```standalone_crate
    /// use isr_layer::{IsrLayer, static_page};
    ///
    /// #[static_page("/posts/{slug}", params = all_slugs, fallback = "not_found")]
    /// async fn post() -> &'static str {
    ///     "a post"
    /// }
    ///
    /// #[static_page("/404")]
    /// async fn not_found() -> &'static str {
    ///     "There is no such page."
    /// }
    ///
    /// async fn all_slugs() -> Vec<&'static str> {
    ///     vec!["hello"]
    /// }
    ///
    /// let isr = IsrLayer::builder().not_found(not_found::PATH).build()?;
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn not_found(mut self, path: impl Into<String>) -> Self {
        self.config.not_found = Some(path.into());
        self
    }
}

/// Returns the canonical path, if there is a page for it that can be shown.
pub(super) fn checked_not_found(
    path: Option<String>,
    registry: &Registry,
) -> Result<Option<String>, Error> {
    let Some(path) = path else { return Ok(None) };
    let canonical = canonical(&path);
    let page = canonical.as_deref().and_then(|path| registry.find(path));

    let mistake = match page {
        None => "which is not the path of a page",
        Some(page) if page.is_unary() => "which is a gRPC method",
        Some(page) if page.policy().fallback == Fallback::NotFound => {
            "whose page has `fallback = \"not_found\"` itself"
        }
        Some(_) => return Ok(canonical.map(Into::into)),
    };
    let message = format!("`not_found` names `{path}`, {mistake}");
    Err(Error::new(ErrorKind::Configuration, message))
}
