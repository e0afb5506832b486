//! The list of hosts whose pages are kept apart.

use std::sync::Arc;

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Keeps the pages of these hosts apart. Requests for any other host have no page. By default
    /// the host is not part of the key, handlers do not see it, and all hosts share one page.
    ///
    /// In the order of the code, for each request at the path of a page:
    ///
    /// 1. The host is the authority of the target, if there is one (`:authority` in HTTP/2, RFC
    ///    9113 8.3.1; the absolute form, RFC 9112 3.2.2), without user information; otherwise it is
    ///    the `Host` field. `X-Forwarded-Host` and `Forwarded` are ignored.
    /// 2. The host is looked up in the list without regard to case (RFC 9110, 4.2.3). A name with a
    ///    port is for that port alone; a name without one is for every port that has no name of its
    ///    own. The default port of the scheme is dropped, since clients leave it out. Names come
    ///    before patterns such as `*.example.com`, whose `*` stands for one label, and patterns
    ///    before [`hosts_by`](Self::hosts_by).
    /// 3. A request for a host that is not listed, without a host, or with several `Host` fields
    ///    (RFC 9112, 3.2) has no page. It goes to the inner service unchanged, as if draft mode and
    ///    caching by headers were off, and its response is not stored. The application may serve or
    ///    refuse it.
    /// 4. The name, spelled as in the list, is part of the key and is the `Host` that the handler
    ///    sees. A host under a pattern is spelled in lower case, with the pattern's port. `Vary`
    ///    does not name it: every cache has the host in its key (RFC 9111, 2).
    ///
    /// A purge reaches the pages of all hosts, or of one by [`Purge::host`](crate::Purge::host). A
    /// regeneration renders the pages that are in memory again. Pages that no client asked for are
    /// rendered for every host that is listed by its name: those of
    /// [`prerender`](crate::Cache::prerender), and a path to regenerate that is in memory for no
    /// host.
    ///
    /// Clients choose the hosts under a pattern. So even a page without parameters gets no more new
    /// hosts in a second than [`new_keys_per_second`](Self::new_keys_per_second) allows.
    ///
    /// An annotated handler that reads the host from `HeaderMap` declares `vary = ["host"]`;
    /// [`build`](Self::build) refuses that without a list.
    ///
    /// A name consists of letters, digits, `-`, `_` and dots, an IPv6 address is in brackets, and a
    /// port may follow. A pattern is `*.` and a name. [`build`](Self::build) refuses others, and a
    /// name or pattern that is listed twice.
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
    /// let isr = IsrLayer::builder()
    ///     .pages([Page::new("/")])
    ///     .hosts(["example.com", "example.org"])
    ///     .build()?;
    /// let welcome = async |headers: HeaderMap| format!("welcome to {:?}", headers["host"]);
    /// let app = isr.wrap(Router::new().route("/", get(welcome)));
    /// let visit = async |host: &str| {
    ///     let request = Request::get("/").header("host", host).body(Body::empty())?;
    ///     let response = app.clone().oneshot(request).await?;
    ///     let status = response.headers().get("cache-status").cloned();
    ///     let body = axum::body::to_bytes(response.into_body(), 1024).await?;
    ///     Ok::<_, Box<dyn std::error::Error>>((body, status))
    /// };
    ///
    /// assert_eq!(visit("example.com").await?.0, "welcome to \"example.com\"");
    /// assert_eq!(visit("example.org").await?.0, "welcome to \"example.org\"");
    /// // The page of example.com, in another spelling.
    /// assert_eq!(visit("EXAMPLE.com:443").await?.1, Some("isr; hit".parse()?));
    /// // No page: the application's own response.
    /// assert_eq!(visit("evil.example").await?.1, None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn hosts(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.hosts
            .get_or_insert_default()
            .extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds the hosts for which a function returns `true` to the listed [`hosts`](Self::hosts), for
    /// a list that grows while the application runs. Given several times, one of the functions has
    /// to accept a host.
    ///
    /// The function gets the host in lower case and without its port, and is called only with valid
    /// names, of at most 253 octets. A host that it accepts is part of the key and is seen by the
    /// handler in that spelling, for every port. As under a pattern, clients choose such hosts:
    /// they count against [`new_keys_per_second`](Self::new_keys_per_second), and nothing is
    /// rendered for them without a client.
    ///
    /// It is called for each request at the path of a page whose host is not listed otherwise, and
    /// must be fast: look into a set, not into a database. A host that it does not accept any more
    /// has no page at once; its entries stay in memory until they are evicted or purged. If it
    /// panics, the host is not accepted.
    ///
    /// ```
    /// use std::collections::HashSet;
    /// use std::sync::{Arc, RwLock};
    ///
    /// use isr_layer::{IsrLayer, Page};
    ///
    /// let tenants = Arc::new(RwLock::new(HashSet::from(["one.example".to_owned()])));
    /// let known = tenants.clone();
    /// let isr = IsrLayer::builder()
    ///     .pages([Page::new("/")])
    ///     .hosts_by(move |host| known.read().is_ok_and(|known| known.contains(host)))
    ///     .build()?;
    ///
    /// // Later, when a tenant signs up:
    /// tenants.write().expect("no writer panics").insert("two.example".to_owned());
    /// # Ok::<(), isr_layer::Error>(())
    /// ```
    pub fn hosts_by(mut self, is_known: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.host_functions.push(Arc::new(is_known));
        self
    }
}
