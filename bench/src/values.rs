//! The scenarios of values that pages and plain routes share.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use http::{Request, Response};
use http_body_util::Full;
use isr_layer::data::Data;
use isr_layer::{Cache, IsrLayer, Page, Policy};
use tower::{Layer, ServiceExt, service_fn};

use crate::BoxError;

const POST: Data = Data::new("post").revalidate(std::time::Duration::from_secs(3600));

/// Reads a value by its number.
async fn post(cache: &Cache, number: u64) -> Arc<str> {
    let load = |(), number: u64| async move { Ok::<_, Infallible>(Arc::from(number.to_string())) };
    let Ok(post) = cache.data(&POST).key(number).load(load).await;
    post
}

/// The loop alone.
pub(crate) fn key(requests: u64) -> Result<(), BoxError> {
    let value: Arc<str> = Arc::from("7");
    for _ in 0..requests {
        black_box(black_box(&value).clone());
    }
    Ok(())
}

/// Hits of a value by a plain handler.
pub(crate) async fn hit(requests: u64) -> Result<(), BoxError> {
    let cache = IsrLayer::builder().build()?.cache();
    let first = post(&cache, 7).await;
    for _ in 0..requests {
        black_box(post(&cache, black_box(7)).await);
    }
    is_one(&first, &post(&cache, 7).await)
}

/// Hits of a value during the render of a page.
pub(crate) async fn hit_kept(requests: u64) -> Result<(), BoxError> {
    let page = Page::new("/page").with_policy(Policy::new());
    let isr = IsrLayer::builder().pages([page]).build()?;
    let cache = isr.cache();
    let service = isr.layer(service_fn(move |_: Request<Full<bytes::Bytes>>| {
        let cache = cache.clone();
        async move {
            for _ in 0..requests {
                black_box(post(&cache, black_box(7)).await);
            }
            Ok::<_, Infallible>(Response::new(Full::new(bytes::Bytes::from_static(b"page"))))
        }
    }));
    let request = Request::get("/page").body(Full::default())?;
    let response = service.oneshot(request).await;
    match response {
        Ok(response) if response.status() == 200 => Ok(()),
        _ => Err("the page is not rendered".into()),
    }
}

/// Makes sure that the second one was a hit.
fn is_one(first: &Arc<str>, second: &Arc<str>) -> Result<(), BoxError> {
    match Arc::ptr_eq(first, second) {
        true => Ok(()),
        false => Err("a value is loaded twice".into()),
    }
}
