//! The settings of the response field `Cache-Status`.

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Reports in `Cache-Status` (RFC 9211) what the cache did for each response. Default `true`.
    pub fn cache_status(mut self, on: bool) -> Self {
        self.shows_cache_status = on;
        self
    }

    /// Names this cache in `Cache-Status`. Default `isr`.
    ///
    /// Of several layers between the application and the client each adds its member, so different
    /// names tell them apart. A name is a token of RFC 9651: a letter or `*`, then letters, digits,
    /// `-`, `.`, `_` and a few more. [`build`](Self::build) refuses others.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    /// # use bytes::Bytes;
    /// # use http::{Request, Response};
    /// # use http_body_util::Full;
    /// # use isr_layer::Page;
    /// # use tower::{Layer, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pages = [Page::new("/")];
    /// let isr = IsrLayer::builder().pages(pages).cache_name("isr-members").build()?;
    /// # let service = isr.layer(service_fn(async |_: Request<Full<Bytes>>| {
    /// #     Ok::<_, std::convert::Infallible>(Response::new(Full::from("a page")))
    /// # }));
    /// let response = service.oneshot(Request::new(Full::default())).await?;
    ///
    /// assert_eq!(response.headers()["cache-status"], "isr-members; fwd=uri-miss; stored");
    /// # Ok(())
    /// # }
    /// ```
    pub fn cache_name(mut self, name: &'static str) -> Self {
        self.cache_name = name;
        self
    }
}
