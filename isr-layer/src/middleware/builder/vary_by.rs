//! Functions of request headers, whose results are in keys in place of the headers.

use std::sync::Arc;

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Keys the pages whose `vary` names this header by a function of the header, such as the
    /// language that it asks for. Browsers spell one wish in many ways, and without a function each
    /// spelling is a page of its own.
    ///
    /// The function gets the value of the header, trimmed, its lines joined by commas, in lower
    /// case where case means nothing, and empty if the client sent none. Its result is in the key,
    /// and is the value that the handler sees. `Vary` names the header as before. A path that is
    /// rendered without a client, by a purge or by [`prerender`](crate::Cache::prerender), is that
    /// of the empty value.
    ///
    /// Results are texts of the program, so that clients cannot make more pages than it has. The
    /// function runs for each request of such a page, and should be fast. If it panics, or its
    /// result cannot be a header, or the value is over 16 KiB, the request goes to the inner
    /// service as it came and is not cached; that is logged once for each header. Requests that are
    /// for no page, such as a POST, always have the value of their client.
    ///
    /// [`build`](Self::build) refuses a header that identifies the client, one that no page has in
    /// its `vary`, and a second function for one header.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use isr_layer::{IsrLayer, Page, Policy};
    /// use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// const HOME: Page = Page::new("/").with_policy(Policy::new().vary(&["accept-language"]));
    ///
    /// fn language(accepted: &str) -> &'static str {
    ///     if accepted.starts_with("de") { "de" } else { "en" }
    /// }
    ///
    /// let isr = IsrLayer::builder()
    ///     .pages([HOME])
    ///     .vary_by("accept-language", language)
    ///     .build()?;
    /// let service = isr.layer(service_fn(async |request: Request<Full<Bytes>>| {
    ///     let language = format!("{:?}", request.headers()["accept-language"]);
    ///     Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(language)))
    /// }));
    /// let visit = async |accepted: &str| {
    ///     let request = Request::get("/").header("accept-language", accepted);
    ///     let response = service.clone().oneshot(request.body(Full::default())?).await?;
    ///     let status = response.headers()["cache-status"].to_str()?.to_owned();
    ///     Ok::<_, Box<dyn std::error::Error>>(status)
    /// };
    ///
    /// assert_eq!(visit("de-AT,de;q=0.9,en;q=0.8").await?, "isr; fwd=uri-miss; stored");
    /// assert_eq!(visit("de").await?, "isr; hit");
    /// assert_eq!(visit("fr").await?, "isr; fwd=uri-miss; stored");
    /// # Ok(())
    /// # }
    /// ```
    pub fn vary_by(
        mut self,
        header: impl Into<String>,
        by: impl Fn(&str) -> &'static str + Send + Sync + 'static,
    ) -> Self {
        self.vary_by.push((header.into(), Arc::new(by)));
        self
    }
}
