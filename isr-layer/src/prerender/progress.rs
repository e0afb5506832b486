//! The progress of a prerendering, as its user is told.

use super::report::PrerenderReport;

/// The function that is told of the [`Progress`].
pub(super) type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// The state of a prerendering, when a page of it has ended.
///
/// Given to the function that [`Prerender::on`](super::Prerender::on) sets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    done: usize,
    total: usize,
    rendered: usize,
    failed: usize,
    path: Option<String>,
}

/// Counts the pages that have ended, and tells [`OnProgress`] of each.
pub(super) struct Counter {
    on: Option<OnProgress>,
    done: usize,
    total: usize,
}

impl Progress {
    /// Returns the number of pages that have ended: rendered, failed, fresh already, or loaded from
    /// a [`store`](crate::store).
    pub fn done(&self) -> usize {
        self.done
    }

    /// Returns the number of all pages of this prerendering. It does not change.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Returns the number of pages that were rendered and stored.
    pub fn rendered(&self) -> usize {
        self.rendered
    }

    /// Returns the number of failures: pages, lists that could not be read, and wrong settings.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// Returns the path of the page that has just ended, behind its host if the layer has listed
    /// hosts. `None` at the start.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl Counter {
    pub(super) fn new(on: Option<OnProgress>, total: usize) -> Self {
        Self { on, done: 0, total }
    }

    /// Tells of the start.
    pub(super) fn start(&mut self, report: &PrerenderReport) {
        self.tell(report, || None);
    }

    /// Counts a page that has ended, and tells of it.
    pub(super) fn count(&mut self, report: &PrerenderReport, path: impl FnOnce() -> String) {
        self.done += 1;
        self.tell(report, || Some(path()));
    }

    fn tell(&mut self, report: &PrerenderReport, path: impl FnOnce() -> Option<String>) {
        if let Some(on) = &mut self.on {
            on(Progress {
                done: self.done,
                total: self.total,
                rendered: report.rendered(),
                failed: report.failed(),
                path: path(),
            });
        }
    }
}
