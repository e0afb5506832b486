//! The macro [`routes!`](crate::routes): a router with every page at its own path.

/// Builds a `Router` with each handler at the path that its
/// `#[static_page]` declares.
///
/// Every handler must have the attribute. `routes![index, pages::post]` expands to
/// `Router::new().route(index::PATH, get(index)).route(pages::post::PATH, get(pages::post))`.
/// Routes made by `get` respond to HEAD too. The state has the type that the handlers ask for:
/// provide it with `with_state`, and add any other route before that.
///
/// A generic handler has to be routed by hand: `.route(post::PATH, get(post::<Db>))`.
///
/// ```standalone_crate
/// use axum::extract::{Path, State};
/// use isr_layer::{routes, static_page};
///
/// #[derive(Clone)]
/// struct Db;
///
/// #[static_page("/", revalidate = 60)]
/// async fn index(State(_db): State<Db>) -> &'static str {
///     "the list"
/// }
///
/// #[static_page("/posts/{slug}", revalidate = 60, tags = ["post:{slug}"])]
/// async fn post(Path(slug): Path<String>) -> String {
///     slug
/// }
///
/// let app: axum::Router = routes![index, post].with_state(Db);
/// # let _ = app;
/// ```
#[macro_export]
macro_rules! routes {
    ($($handler:path),* $(,)?) => {
        $crate::__private::axum::Router::new()
            $(.route(<$handler>::PATH, $crate::__private::axum::routing::get($handler)))*
    };
}
