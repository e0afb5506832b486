//! The layer: wraps a service so that its pages are rendered once and served from memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;

use super::service::Isr;
use crate::cache::{Cache, Core};
use crate::revalidate::RevalidateService;
use crate::revalidate::auth::Authenticators;

/// A Tower layer that renders the pages of a service once and serves them from memory.
///
/// Put it outermost (`wrap`, under axum): then a hit never enters the router, and a
/// handler sees a request made from the page's key alone. All clones are one layer.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use isr_layer::{IsrLayer, Page};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let isr = IsrLayer::builder().pages([Page::new("/")]).build()?;
/// let service = isr.layer(service_fn(async |_: Request<Full<Bytes>>| {
///     Ok::<_, std::convert::Infallible>(Response::new(Full::from("a page")))
/// }));
///
/// let first = service.clone().oneshot(Request::new(Full::default())).await?;
/// assert_eq!(first.headers()["cache-status"], "isr; fwd=uri-miss; stored");
/// let second = service.oneshot(Request::new(Full::default())).await?;
/// assert_eq!(second.headers()["cache-status"], "isr; hit");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct IsrLayer {
    pub(crate) core: Arc<Core>,
}

impl IsrLayer {
    /// Returns a handle to the cache, for handlers, jobs and tests.
    pub fn cache(&self) -> Cache {
        Cache::new(self.core.clone())
    }

    /// Returns the endpoint that takes purges from authenticated callers.
    ///
    /// Mount it with `route_service("/api/revalidate", …)`, or wherever a Tower service can stand.
    ///
    /// ```
    /// use isr_layer::{IsrLayer, auth::Bearer};
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().build()?;
    /// let endpoint = isr.revalidate_service(Bearer::new("0123456789abcdef0123456789abcdef")?);
    /// # drop(endpoint);
    /// # Ok(())
    /// # }
    /// ```
    pub fn revalidate_service(
        &self,
        authenticators: impl Into<Authenticators>,
    ) -> RevalidateService {
        RevalidateService::new(self.cache(), authenticators)
    }
}

impl IsrLayer {
    /// Shuts the layer down: the last step of a graceful shutdown, after the server has ended.
    ///
    /// It begins no more renders that no client waits for, waits up to `limit` for those that run,
    /// as [`Cache::drained`] does, writes pages to the [`store`](crate::IsrLayerBuilder::store) for
    /// a second at most, and drops the store, so that another process can open it when this
    /// returns. That may take longer than `limit`: a `Disk` waits for its last sync, five seconds
    /// at most. Returns true if everything that ran had ended within `limit`.
    ///
    /// Requests that come later are still served, from memory or by renders; a purge is not
    /// recorded any more, and its receipt says so ([`Reach::Local`](crate::purge::Reach::Local)).
    /// The library handles no signal by itself.
    ///
    /// Without this call a store loses about a second of pages at most, which are rendered again,
    /// and no purge.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder().build()?;
    /// // … serve until a signal comes …
    /// assert!(isr.shutdown(Duration::from_secs(10)).await);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn shutdown(&self, limit: Duration) -> bool {
        self.core.shut_down(limit).await
    }
}

impl<S: Clone> Layer<S> for IsrLayer {
    type Service = Isr<S>;

    fn layer(&self, inner: S) -> Isr<S> {
        // A router may be in front: then its extensions travel with a render.
        Isr::new(inner, self.core.clone(), false)
    }
}

impl fmt::Debug for IsrLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsrLayer").finish_non_exhaustive()
    }
}
