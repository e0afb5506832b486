//! The recipe of a page: all that is needed to render it again without the client.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Extensions, Method, Request, Version};

use crate::body::RenderBody;
use crate::grpc::{content_type, framed};
use crate::page::RegisteredPage;
use crate::render::Key;

/// All that is needed to render a page again without the client: the [`Key`], and the headers and
/// extensions that the application asked to keep, for which the promise of the key does not hold.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) page: Arc<RegisteredPage>,
    pub(crate) key: Key,
    /// The headers that [`keep_header`](crate::IsrLayerBuilder::keep_header) names; they are not in
    /// the key.
    pub(crate) kept_headers: HeaderMap,
    /// The data of the router, if the layer sits behind one.
    pub(crate) routed: Option<Arc<Routed>>,
}

/// The data that a router in front of the layer attached to a request; the route cannot render
/// without it.
pub(crate) struct Routed {
    pub(crate) extensions: Extensions,
    /// The number of octets of the public path that the routers in front took away.
    pub(crate) prefix: usize,
}

impl Recipe {
    /// Makes the recipe of a key for a render that no client asked for.
    pub(crate) fn of(page: Arc<RegisteredPage>, key: Key) -> Self {
        Self {
            page,
            key,
            kept_headers: HeaderMap::new(),
            routed: None,
        }
    }

    /// Returns the listed host of the key, if hosts are listed.
    pub(crate) fn host(&self) -> Option<String> {
        self.key.host(&self.page)
    }

    /// Makes the request from which the page is rendered: GET, the canonical URI, the declared
    /// headers, and nothing of the client. For a gRPC method it is POST, with the message and with
    /// the headers that every call has.
    pub(crate) fn request<B: RenderBody>(&self) -> Request<B> {
        let grpc = self.key.grpc();
        let body = grpc.map_or_else(Bytes::new, |grpc| framed(grpc.message));
        let mut request = Request::new(B::from_bytes(body));
        *request.uri_mut() = self
            .key
            .uri(self.routed.as_ref().map_or(0, |routed| routed.prefix));
        *request.headers_mut() = self.kept_headers.clone();

        // Declared headers are set last: a kept header must not replace a part of the key.
        for (name, value) in self.key.headers(&self.page.vary) {
            request.headers_mut().insert(name, value);
        }

        if let Some(grpc) = grpc {
            *request.method_mut() = Method::POST;
            *request.version_mut() = Version::HTTP_2;
            request
                .headers_mut()
                .insert(CONTENT_TYPE, content_type(grpc.subtype));
            request
                .headers_mut()
                .insert(TE, HeaderValue::from_static("trailers"));
        }

        if let Some(routed) = &self.routed {
            *request.extensions_mut() = routed.extensions.clone();
        }
        request
    }
}

impl std::fmt::Debug for Routed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routed")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Copies the headers that the application asked to keep for renders.
pub(crate) fn headers_to_keep(names: &[HeaderName], headers: &HeaderMap) -> HeaderMap {
    let mut kept_headers = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            kept_headers.append(name.clone(), value.clone());
        }
    }
    kept_headers
}
