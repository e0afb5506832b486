//! A router with every page at its own path.

/// A `Router` that has each handler at the path its `#[static_page]` declares.
///
/// Every handler is one the attribute stands on: `routes![index, pages::post]` says
/// `Router::new().route(index::PATH, get(index)).route(pages::post::PATH, get(pages::post))`. Routes made by `get` answer
/// HEAD as well. The state is the one the handlers ask for; give it with `with_state`, and add any other route before.
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
