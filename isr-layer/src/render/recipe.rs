//! All that is needed to render a page again without the client.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Extensions, Method, Request, Version};

use crate::body::RenderBody;
use crate::grpc::{content_type, framed};
use crate::page::RegisteredPage;
use crate::render::Key;

/// All that is needed to render a page again without the client: its key, and outside the promise what was asked to be
/// kept.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) page: Arc<RegisteredPage>,
    pub(crate) key: Key,
    /// Headers named by `keep_header`: not part of the key.
    pub(crate) kept_headers: HeaderMap,
    /// Where the layer sits behind the router, what the router had found out.
    pub(crate) routed: Option<Arc<Routed>>,
}

/// What a router in front of the layer found out about a request: without it the route cannot render.
pub(crate) struct Routed {
    pub(crate) extensions: Extensions,
    /// How many octets of the public path the routers in front took away.
    pub(crate) prefix: usize,
}

impl Recipe {
    /// The recipe of a key without any client: for a render that nobody's request asked for.
    pub(crate) fn of(page: Arc<RegisteredPage>, key: Key) -> Self {
        Self {
            page,
            key,
            kept_headers: HeaderMap::new(),
            routed: None,
        }
    }

    /// The listed host it is for, where hosts are listed.
    pub(crate) fn host(&self) -> Option<String> {
        self.key.host(&self.page)
    }

    /// The request the page is rendered from: GET, the canonical URI, the declared headers, and nothing of the client. For a
    /// call POST, with its message and what every call says.
    pub(crate) fn request<B: RenderBody>(&self) -> Request<B> {
        let call = self.key.grpc();
        let body = call.map_or_else(Bytes::new, |call| framed(call.message));
        let mut request = Request::new(B::from_bytes(body));
        *request.uri_mut() = self
            .key
            .uri(self.routed.as_ref().map_or(0, |routed| routed.prefix));
        *request.headers_mut() = self.kept_headers.clone();
        for (name, value) in self.key.headers(&self.page.vary) {
            request.headers_mut().insert(name, value);
        }
        if let Some(call) = call {
            *request.method_mut() = Method::POST;
            *request.version_mut() = Version::HTTP_2;
            request
                .headers_mut()
                .insert(CONTENT_TYPE, content_type(call.subtype));
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

/// The headers that were asked to be kept for renders.
pub(crate) fn headers_to_keep(names: &[HeaderName], headers: &HeaderMap) -> HeaderMap {
    let mut kept_headers = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            kept_headers.append(name.clone(), value.clone());
        }
    }
    kept_headers
}
