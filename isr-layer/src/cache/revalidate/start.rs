//! Starts the renders that a purge asks for, and reports those that end in time.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::call::Call;
use super::many::ManyRenders;
use super::plan::Planned;
use super::report::Progress;
use super::target::SelectorTarget;
use super::targets::{TargetId, Targets};
use crate::cache::core::Core;
use crate::cache::steps::Steps;
use crate::clock::Instant;
use crate::invalidation::{Mode, SelectorReceipt, Sequence};

/// The renders of one call, as they were started.
pub(super) struct Started {
    parts: Vec<Part>,
    call: CloseOnDrop,
    /// The renders of the paths that are searched for, once they are found.
    paths: Option<oneshot::Receiver<Vec<Progress>>>,
}

/// The renders of one selector.
enum Part {
    Started(Progress),
    /// The next one of the paths that are searched for.
    Path,
    Many(TargetId),
}

/// Ends the counting of a call when its caller has its receipt or leaves.
struct CloseOnDrop(Arc<Call>);

impl Core {
    /// Starts the renders of each selector.
    pub(super) async fn start(
        self: &Arc<Self>,
        planned: &[Planned],
        only_cached: bool,
        number: Sequence,
    ) -> Started {
        let mut targets = Targets::default();
        let mut paths = Vec::new();
        let mut steps = Steps::default();
        let mut parts = Vec::with_capacity(planned.len());

        for one in planned {
            parts.push(match one.rendered() {
                None => Part::Started(Progress::None),
                Some(SelectorTarget::Path { page, path }) if page.is_open() => {
                    targets.add_path(path);
                    paths.push((page.clone(), path.clone()));
                    Part::Path
                }
                Some(SelectorTarget::Path { page, path }) => {
                    let keys = self.keys_of(page, path);
                    let progress = self.render_path(page, path, keys, only_cached, number);
                    Part::Started(progress.await)
                }
                Some(target) => Part::Many(targets.add(target, &self.marks)),
            });
            steps.next().await;
        }

        let call = Arc::new(Call::new(targets.count()));
        let paths = (!targets.is_empty()).then(|| {
            self.render_many(ManyRenders {
                call: call.clone(),
                targets,
                paths,
                only_cached,
                number,
            })
        });
        let call = CloseOnDrop(call);
        Started { parts, call, paths }
    }
}

impl Started {
    /// Completes the receipt of each selector with the renders that end by `deadline`.
    pub(super) async fn report(self, receipts: &mut [SelectorReceipt], deadline: Instant) {
        let Self { parts, call, paths } = self;
        let mut paths = match paths {
            Some(paths) => {
                let found = tokio::time::timeout_at(deadline, paths).await;
                found.map(Result::unwrap_or_default).unwrap_or_default()
            }
            None => Vec::new(),
        }
        .into_iter();

        let mut steps = Steps::default();
        for (receipt, part) in receipts.iter_mut().zip(parts) {
            let progress = match part {
                Part::Started(progress) => progress,
                Part::Path => paths.next().unwrap_or(Progress::Searching),
                Part::Many(target) => Progress::Many(call.0.clone(), target),
            };
            progress.report(receipt, deadline).await;
            steps.next().await;
        }
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Planned {
    /// Returns the target whose pages are rendered at once. Only a client's own request can fetch a
    /// response in header mode.
    fn rendered(&self) -> Option<&SelectorTarget> {
        let target = self.target.as_ref().ok()?;
        let is_rendered = self.mode == Mode::Regenerate
            && self.is_told
            && !matches!(target, SelectorTarget::HeaderMode(_));
        is_rendered.then_some(target)
    }
}
