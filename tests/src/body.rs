//! A scripted response body: chunks, trailers, an error, a hang, a function run while the body is
//! polled.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

/// The error of a body that fails before its end.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

/// A scripted body. It is `Send` but deliberately not `Sync`: the layer must not require `Sync`.
pub struct SiteBody {
    steps: VecDeque<Step>,
    _not_sync: std::marker::PhantomData<std::cell::Cell<()>>,
}

/// One step of the script, taken when the body is polled.
#[derive(Clone)]
pub(crate) enum Step {
    Chunk(Bytes),
    Trailers(HeaderMap),
    Run(fn()),
    Cut,
    Hang,
    Panic,
}

impl SiteBody {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            _not_sync: std::marker::PhantomData,
        }
    }
}

impl Body for SiteBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            let frame = match self.steps.pop_front() {
                Some(Step::Chunk(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Some(Step::Run(work)) => {
                    work();
                    continue;
                }
                Some(Step::Cut) => Some(Err(Cut)),
                Some(Step::Hang) => {
                    // Wakes no task: the body waits for ever.
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Panic) => panic!("the body was told to panic"),
                None => None,
            };
            return Poll::Ready(frame);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Debug for SiteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteBody")
            .field("steps", &self.steps.len())
            .finish()
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body was cut midway")
    }
}

impl std::error::Error for Cut {}
