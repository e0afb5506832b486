//! The report of a prerendering.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::cache::{JobResult, ListError, RenderOutcome};
use crate::outcome::Reason;
use crate::page::Page;
use crate::render::Recipe;

/// The outcome of [`Cache::prerender`](crate::Cache::prerender).
#[derive(Clone, Debug, Default)]
#[must_use = "renders may have failed: look at `failed` and `errors`"]
pub struct PrerenderReport {
    rendered: usize,
    errors: Vec<PrerenderError>,
}

/// The reason why a page was not prerendered. Its `Display` names the path or the page.
///
/// The error of a `params` function is its `source`.
#[derive(Clone, Debug)]
pub struct PrerenderError(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Params(Page, Arc<ListError>),
    Render { path: String, why: Why },
}

#[derive(Clone, Copy, Debug)]
enum Why {
    NoApplication,
    GaveUp,
    NotFound(StatusCode),
    Failed(Reason),
    NotStored(Reason),
}

impl PrerenderReport {
    /// Returns the number of pages that were rendered and stored.
    pub fn rendered(&self) -> usize {
        self.rendered
    }

    /// Returns the number of failures: one for each of [`errors`](Self::errors).
    pub fn failed(&self) -> usize {
        self.errors.len()
    }

    /// Returns the failures, in the order in which they came.
    pub fn errors(&self) -> &[PrerenderError] {
        &self.errors
    }

    pub(super) fn params_failed(&mut self, page: Page, error: Arc<ListError>) {
        self.errors.push(PrerenderError(Kind::Params(page, error)));
    }

    pub(super) fn add(&mut self, recipe: &Recipe, result: &JobResult) {
        match why(result) {
            Err(why) => {
                let host = recipe.host().unwrap_or_default();
                let path = format!("{host}{}", recipe.key.path());
                let error = PrerenderError(Kind::Render { path, why });
                self.errors.push(error);
            }
            Ok(is_rendered) => self.rendered += usize::from(is_rendered),
        }
    }
}

/// Tells if a page was rendered, or why it was not. A page that was fresh when its turn came was
/// not, and neither was one that is no longer listed.
fn why(result: &JobResult) -> Result<bool, Why> {
    match result {
        JobResult::NotReached | JobResult::Stored(_) => Ok(false),
        JobResult::NoApplication => Err(Why::NoApplication),
        JobResult::GaveUp => Err(Why::GaveUp),
        JobResult::Completed(flight) => match &flight.outcome {
            RenderOutcome::Stored(entry, _) if entry.is_good() => Ok(true),
            RenderOutcome::Stored(entry, _) => Err(Why::NotFound(entry.status)),
            RenderOutcome::NotListed => Ok(false),
            RenderOutcome::OverLimit(_) | RenderOutcome::Loaded(_) => Err(Why::GaveUp),
            RenderOutcome::NotKept(_) => Err(Why::NotStored(Reason::TooLarge)),
            RenderOutcome::Failed(failure) => Err(Why::Failed(failure.reason)),
            RenderOutcome::Refused(reason, _) => Err(Why::NotStored(*reason)),
        },
    }
}

impl fmt::Display for PrerenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Params(page, error) => {
                write!(f, "the `params` of {}: {error}", page.describe())
            }
            Kind::Render { path, why } => write!(f, "`{path}`: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoApplication => f.write_str(
                "no application to render through: call `IsrLayer::wrap` (or `layer`) before \
                 `prerender`",
            ),
            Self::GaveUp => f.write_str("its turn to render did not come in time"),
            Self::NotFound(status) => write!(f, "the response was {status}"),
            Self::Failed(reason) => write!(f, "the render failed ({})", reason.as_str()),
            Self::NotStored(reason) => {
                write!(f, "the response may not be stored ({})", reason.as_str())
            }
        }
    }
}

impl Error for PrerenderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::Params(_, error) => match &**error {
                ListError::Failed(error) => Some(&**error),
                ListError::Panicked | ListError::TimedOut(_) => None,
            },
            Kind::Render { .. } => None,
        }
    }
}
