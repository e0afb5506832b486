//! The request extensions that travel with a render, where the layer is behind a router.

use super::super::builder::IsrLayerBuilder;

impl IsrLayerBuilder {
    /// Lets renders have the request extension `T`, where the layer is behind a router
    /// (`Router::layer`, `route_layer`, `MethodRouter::layer`).
    ///
    /// Behind a router nothing is stored until this or
    /// [`trust_extensions`](Self::trust_extensions) is set: a middleware in front may put its
    /// client's session into an extension, and a page made with it would go to all clients. With
    /// this, a render has these extensions, the parameters of its path, and no others.
    ///
    /// This is a risk if `T` says who the client is. Keep what is equal for all clients, such as a
    /// database handle.
    ///
    /// A layer in front of the application (`isr.wrap`) never passes on extensions, and needs no
    /// rule.
    ///
    /// ```
    /// use axum::body::Body;
    /// use axum::{Extension, Router, routing::get};
    /// use http::Request;
    /// use isr_layer::{IsrLayer, Page};
    /// use tower::ServiceExt;
    ///
    /// #[derive(Clone)]
    /// struct Db(&'static str);
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let isr = IsrLayer::builder().pages([Page::new("/")]).keep_extension::<Db>().build()?;
    /// let index = async |Extension(db): Extension<Db>| db.0;
    /// let app = Router::new()
    ///     .route("/", get(index))
    ///     .layer(isr)
    ///     .layer(Extension(Db("the index")));
    ///
    /// let visit = || app.clone().oneshot(Request::get("/").body(Body::empty()).unwrap());
    /// visit().await?;
    /// assert_eq!(visit().await?.headers()["cache-status"], "isr; hit");
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_extension<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.config.extensions.keep::<T>();
        self
    }

    /// Lets renders have all extensions of a request, where the layer is behind a router, less the
    /// client's address and connection and what [`drop_extension`](Self::drop_extension) names.
    ///
    /// This is a risk: a middleware that puts its client's session or user into an extension shows
    /// one client's page to all. Use [`keep_extension`](Self::keep_extension) for single types, or
    /// put the layer in front of the application.
    ///
    /// [`build`](Self::build) refuses this beside `keep_extension`.
    pub fn trust_extensions(mut self) -> Self {
        self.config.extensions.trust();
        self
    }

    /// Removes the request extension `T` from those that
    /// [`trust_extensions`](Self::trust_extensions) lets travel.
    ///
    /// [`build`](Self::build) refuses this without `trust_extensions`.
    pub fn drop_extension<T: Clone + Send + Sync + 'static>(mut self) -> Self {
        self.config.extensions.drop::<T>();
        self
    }
}
