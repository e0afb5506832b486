//! Describes the responses and failures that a site can be told to give.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use crate::body::{SiteBody, Step};

/// Action of a render after it has read the database.
#[derive(Clone, Debug)]
pub enum Act {
    /// Gives a response.
    Reply(Reply),
    /// Makes the service return an error instead of a response.
    Error,
    /// Panics.
    Panic,
    /// Never gives a response.
    Hang,
}

/// A response of the site. By default: status 200, and a body that names path and version.
#[derive(Clone)]
#[must_use = "a reply does nothing until a site is told to give it"]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    steps: Vec<Step>,
    is_default_body: bool,
}

impl Reply {
    /// Makes a 200 with the page's path and version in its body, as `/a v1`.
    pub fn page() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            steps: Vec::new(),
            is_default_body: true,
        }
    }

    /// Makes a [`page`](Self::page) with another status.
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("tests name statuses that exist");
        Self {
            status,
            ..Self::page()
        }
    }

    /// Adds a header line.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("tests name values that exist");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// Adds a chunk to the body; the first replaces the default body.
    pub fn chunk(self, chunk: impl Into<Bytes>) -> Self {
        let chunk = chunk.into();
        self.step(Step::Chunk(chunk))
    }

    /// Removes the default body.
    pub fn empty(mut self) -> Self {
        self.is_default_body = false;
        self
    }

    /// Adds trailers with one field.
    pub fn trailer(self, name: &'static str, value: &'static str) -> Self {
        let trailers = [(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )];
        self.step(Step::Trailers(trailers.into_iter().collect()))
    }

    /// Runs a function when the poll of the body reaches this step.
    pub fn run(self, work: fn()) -> Self {
        self.step(Step::Run(work))
    }

    /// Fails with an error at this step.
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// Gives no further frame at this step, and no end.
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Panics at this step.
    pub fn panic(self) -> Self {
        self.step(Step::Panic)
    }

    fn step(mut self, step: Step) -> Self {
        if matches!(step, Step::Chunk(_)) {
            self.is_default_body = false;
        }
        self.steps.push(step);
        self
    }

    /// Makes the response; `default` is the body if the test set none.
    pub(crate) fn into_response(self, default: String) -> Response<SiteBody> {
        let first = self.is_default_body.then(|| Step::Chunk(default.into()));
        let mut response = Response::new(SiteBody::new(first.into_iter().chain(self.steps)));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl From<Reply> for Act {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
