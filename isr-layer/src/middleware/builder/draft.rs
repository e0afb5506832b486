//! How draft mode is turned on, and where its service comes from.

use super::super::builder::IsrLayerBuilder;
use super::super::layer::IsrLayer;
use crate::draft::DraftService;
use crate::error::Error;
use crate::revalidate::auth::Secret;

impl IsrLayer {
    /// The service that turns draft mode on and off for one browser: mount it with `route_service("/api/draft", …)`, and
    /// let the content system's preview button open `/api/draft?secret=…&path=/posts/a`.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().pages([]).draft("from `openssl rand -base64 32`").build()?;
    /// let drafts = isr.draft_service()?;
    /// # drop(drafts);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the builder was given no secret for it.
    pub fn draft_service(&self) -> Result<DraftService, Error> {
        DraftService::new(self.core.clone())
    }
}

impl IsrLayerBuilder {
    /// Turns on draft mode, for clients with a cookie that was signed with this secret; [`IsrLayer::draft_service`] sets
    /// it.
    ///
    /// Such a client's requests for pages go to the inner service as they are, past what is stored and what is being
    /// rendered, and nothing of their answers is kept; [`context::is_draft`](crate::context::is_draft) tells the handler. A
    /// revalidation that carries the cookie stores what everybody gets. A CDN in front has to let requests with the cookie
    /// through: what it has kept itself, it answers itself.
    ///
    /// A secret below 24 bytes is refused by [`build`](Self::build).
    pub fn draft(mut self, secret: impl Into<Secret>) -> Self {
        self.draft = Some(secret.into());
        self
    }

    /// The name of the cookie. Default `__Host-isr-draft`: with that prefix browsers take it from this host alone.
    pub fn draft_cookie(mut self, name: impl Into<String>) -> Self {
        self.draft_cookie = name.into();
        self
    }
}
