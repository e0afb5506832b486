//! How hosts are listed.

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Keeps the pages of these hosts apart, and has none for any other. By default the host is no part of the key, no
    /// handler sees it, and all hosts share one page.
    ///
    /// In the order of the code, for each request at the path of a page:
    ///
    /// 1. Its host is the authority of its target where there is one (`:authority` in HTTP/2, RFC 9113 8.3.1; the absolute
    ///    form, RFC 9112 3.2.2), without user information, and else its `Host`. What a proxy says in `X-Forwarded-Host` or
    ///    `Forwarded` counts for nothing.
    /// 2. It is looked for in the list, in whatever case (RFC 9110, 4.2.3). A name with a port is for that port alone, one
    ///    without for every port that has no name of its own. A port that clients leave out, since it is their scheme's, is
    ///    left out here too.
    /// 3. A request for another host, for none, or with several `Host` (RFC 9112, 3.2) is for no page: it goes to the inner
    ///    service as it came, drafts and the headers of its answer count for nothing, and nothing of it is kept. The
    ///    application may answer or refuse it.
    /// 4. The name, as it is spelt in the list, is part of the key and is the `Host` that the handler sees. It is not named in
    ///    `Vary`: every cache has the host in its key (RFC 9111, 2).
    ///
    /// A purge reaches the pages of all hosts. A regeneration renders those again that are in memory. What no client asked
    /// for is rendered for every host of the list: what [`prerender`](crate::Cache::prerender) renders, and a path that is to
    /// be regenerated while it is in memory for no host at all.
    ///
    /// An annotated handler that takes `HeaderMap` to read its host says so by `vary = ["host"]`; `build` refuses that
    /// without a list.
    ///
    /// A name is made of letters, digits, `-`, `_` and dots, an IPv6 address stands in brackets, and a port may follow.
    /// Whatever else is listed, or listed twice, [`build`](Self::build) refuses.
    ///
    /// ```
    /// use axum::body::Body;
    /// use axum::{Router, routing::get};
    /// use http::{HeaderMap, Request};
    /// use isr_layer::{IsrLayer, Page};
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let isr = IsrLayer::builder().pages([Page::new("/")]).hosts(["example.com", "example.org"]).build()?;
    /// let welcome = async |headers: HeaderMap| format!("welcome to {:?}", headers["host"]);
    /// let app = isr.wrap(Router::new().route("/", get(welcome)));
    /// let visit = async |host: &str| {
    ///     let request = Request::get("/").header("host", host).body(Body::empty())?;
    ///     let answer = app.clone().oneshot(request).await?;
    ///     let status = answer.headers().get("cache-status").cloned();
    ///     let body = axum::body::to_bytes(answer.into_body(), 1024).await?;
    ///     Ok::<_, Box<dyn std::error::Error>>((body, status))
    /// };
    ///
    /// assert_eq!(visit("example.com").await?.0, "welcome to \"example.com\"");
    /// assert_eq!(visit("example.org").await?.0, "welcome to \"example.org\"");
    /// assert_eq!(visit("EXAMPLE.com:443").await?.1, Some("isr; hit".parse()?)); // the page of example.com
    /// assert_eq!(visit("evil.example").await?.1, None); // no page: the application's own answer
    /// # Ok(())
    /// # }
    /// ```
    pub fn hosts(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.hosts
            .get_or_insert_default()
            .extend(names.into_iter().map(Into::into));
        self
    }
}
