//! The settings of draft mode, and the service that switches it.

use super::super::builder::IsrLayerBuilder;
use super::super::layer::IsrLayer;
use crate::draft::DraftService;
use crate::error::Error;
use crate::revalidate::auth::Secret;

impl IsrLayer {
    /// Returns the service that switches draft mode for one browser.
    ///
    /// Mount it with `route_service("/api/draft", …)`, and let the content system's preview button
    /// open `/api/draft?secret=…&path=/posts/a`.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().draft("from `openssl rand -base64 32`").build()?;
    /// let drafts = isr.draft_service()?;
    /// # drop(drafts);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the builder was given no secret by [`draft`](IsrLayerBuilder::draft).
    pub fn draft_service(&self) -> Result<DraftService, Error> {
        DraftService::new(self.core.clone())
    }
}

impl IsrLayerBuilder {
    /// Turns on draft mode, for clients with a cookie that is signed with this secret.
    /// [`IsrLayer::draft_service`] sets the cookie.
    ///
    /// Requests of such a client for pages go to the inner service unchanged, past the store and
    /// running renders, and their responses are not stored.
    /// [`context::is_draft`](crate::context::is_draft) tells the handler. A revalidation that
    /// carries the cookie stores the public page. A CDN in front must pass on requests with the
    /// cookie.
    ///
    /// [`build`](Self::build) refuses a secret below 24 bytes.
    pub fn draft(mut self, secret: impl Into<Secret>) -> Self {
        self.draft = Some(secret.into());
        self
    }

    /// Names the cookie of draft mode. Default `__Host-isr-draft`: that prefix binds it to one
    /// host.
    ///
    /// [`build`](Self::build) refuses a name without [`draft`](Self::draft).
    pub fn draft_cookie(mut self, name: impl Into<String>) -> Self {
        self.draft_cookie = Some(name.into());
        self
    }
}
