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
    loaded: usize,
    errors: Vec<PrerenderError>,
}

/// The reason why a page was not prerendered. Its `Display` names the path or the page, or the
/// setting that is wrong.
///
/// The error of a `params` function is its `source`.
#[derive(Clone, Debug)]
pub struct PrerenderError(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Params(Page, Arc<ListError>),
    Render { path: String, why: Why },
    NotChosen(String, NotChosen),
    NoJobs,
}

/// The reason why a name of [`only`](super::Prerender::only) chooses no page.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotChosen {
    NotAPage,
    LeftOut,
    NoList,
    NotListed,
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

    /// Returns the number of pages that memory lacked and a
    /// [`store`](crate::IsrLayerBuilder::store) had fresh, so that no render was needed.
    pub fn loaded(&self) -> usize {
        self.loaded
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

    pub(super) fn not_chosen(&mut self, name: &str, why: NotChosen) {
        let error = Kind::NotChosen(name.to_owned(), why);
        self.errors.push(PrerenderError(error));
    }

    pub(super) fn no_jobs(&mut self) {
        self.errors.push(PrerenderError(Kind::NoJobs));
    }

    pub(super) fn add(&mut self, recipe: &Recipe, result: &JobResult) {
        self.loaded += usize::from(matches!(result, JobResult::Loaded(_)));
        match why(result) {
            Err(why) => {
                let path = shown(recipe);
                self.errors.push(PrerenderError(Kind::Render { path, why }));
            }
            Ok(is_rendered) => self.rendered += usize::from(is_rendered),
        }
    }
}

/// Shows the path of a page, behind its host if there are listed hosts.
pub(super) fn shown(recipe: &Recipe) -> String {
    format!("{}{}", recipe.host().unwrap_or_default(), recipe.key.path())
}

/// Tells if a page was rendered, or why it was not. A page that was fresh when its turn came, in
/// memory or in the store, was not, and neither was one that is no longer listed.
fn why(result: &JobResult) -> Result<bool, Why> {
    match result {
        JobResult::NotReached | JobResult::Stored(_) | JobResult::Loaded(_) => Ok(false),
        JobResult::NoApplication => Err(Why::NoApplication),
        JobResult::GaveUp => Err(Why::GaveUp),
        JobResult::Completed(flight) => match &flight.outcome {
            RenderOutcome::Stored(entry, _) if entry.is_good() => Ok(true),
            RenderOutcome::Stored(entry, _) => Err(Why::NotFound(entry.status)),
            RenderOutcome::NotListed => Ok(false),
            RenderOutcome::OverLimit(_) | RenderOutcome::Loaded(_) | RenderOutcome::NotLoaded => {
                Err(Why::GaveUp)
            }
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
            Kind::NotChosen(name, why) => write!(f, "`{name}`: {why}"),
            Kind::NoJobs => f.write_str("`jobs` is 0: it must be at least 1"),
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

impl fmt::Display for NotChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAPage => "no page has this pattern or this path",
            Self::LeftOut => "its page is not prerendered: it has `prerender = false`",
            Self::NoList => {
                "its page has parameters and no `params`, so none of its paths is known"
            }
            Self::NotListed => "the `params` of its page do not list this path",
        })
    }
}

impl Error for PrerenderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            Kind::Params(_, error) => match &**error {
                ListError::Failed(error) => Some(&**error),
                ListError::Panicked | ListError::TimedOut(_) => None,
            },
            Kind::Render { .. } | Kind::NotChosen(..) | Kind::NoJobs => None,
        }
    }
}
