//! Routes of pages: [`Page::route`] for one, and the macro [`routes!`](crate::routes) for a router
//! with every page at its own path.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get};

use crate::__private::{mark_handler_ran, note_mounted};
use crate::page::Page;

/// A handler that says that its page runs before any extractor does.
#[derive(Clone)]
struct CheckIn<H> {
    page: Page,
    handler: H,
}

impl Page {
    /// Routes GET and HEAD to `handler`, the function of this page: `get(handler)`, and the page
    /// owns all of its responses.
    ///
    /// The route says that its page runs before it extracts the arguments. So a response of an
    /// extractor, such as 404 for a row that is not there, is stored like one of the function, and
    /// a failure of an extractor is tried once for all clients that wait. Behind `get(handler)`
    /// such a response looks like that of another route.
    ///
    /// [`routes!`](crate::routes) mounts every page in this way.
    ///
    /// ```standalone_crate
    /// use axum::Router;
    /// use axum::extract::Path;
    /// use isr_layer::static_page;
    ///
    /// #[static_page("/posts/{id}", revalidate = 60)]
    /// async fn post(Path(id): Path<u64>) -> String {
    ///     format!("post {id}")
    /// }
    ///
    /// let app: Router = Router::new().route(post::PATH, post::PAGE.route(post));
    /// # let _ = app;
    /// ```
    pub fn route<H, T, S>(self, handler: H) -> MethodRouter<S>
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        note_mounted(&self);
        get(CheckIn {
            page: self,
            handler,
        })
    }

    /// Adds the routes of all pages of one function.
    #[doc(hidden)]
    pub fn __mount<H, T, S>(router: Router<S>, pages: &[Self], handler: &H) -> Router<S>
    where
        H: Handler<T, S>,
        T: 'static,
        S: Clone + Send + Sync + 'static,
    {
        pages.iter().fold(router, |router, page| {
            router.route(page.path(), page.route(handler.clone()))
        })
    }
}

impl<H, T, S> Handler<T, S> for CheckIn<H>
where
    H: Handler<T, S>,
{
    type Future = H::Future;

    fn call(self, request: Request, state: S) -> Self::Future {
        mark_handler_ran(std::slice::from_ref(&self.page));
        self.handler.call(request, state)
    }
}

/// Builds a `Router` with each handler at the paths that its
/// `#[static_page]` attributes declare.
///
/// Every handler must have the attribute. `routes![index, pages::post]` expands to
/// `Router::new().route(index::PATH, index::PAGE.route(index))` and so on, by
/// [`Page::route`](crate::Page::route). The routes respond to HEAD too. The state has the type that
/// the handlers ask for: provide it with `with_state`, and add any other route before that.
///
/// A generic handler has to be routed by hand:
/// `.route(post::PATH, post::PAGE.route(post::<Db>))`.
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
        $crate::__private::free_functions! {
            [$($handler)*]
            {{
                let router = $crate::__private::axum::Router::new();
                $(let router = $crate::Page::__mount(router, &<$handler>::PAGES, &$handler);)*
                router
            }}
        }
    };
}
