//! Renders the chosen pages, a few at once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::cache::{Core, JobResult};
use crate::clock;
use crate::invalidation::Sequence;
use crate::render::Recipe;

/// A [`Recipe`] and the end of its render.
type Rendered = (Recipe, JobResult);

/// The renders of one prerendering. Once it is dropped, no more begin.
pub(super) struct Renders {
    core: Arc<Core>,
    /// The [`Sequence`] up to which a render has to know every purge.
    number: Sequence,
    /// The number of renders at once.
    limit: usize,
    waiting: std::vec::IntoIter<Recipe>,
    running: Vec<UnboundedReceiver<Rendered>>,
}

impl Renders {
    pub(super) fn new(
        core: Arc<Core>,
        number: Sequence,
        recipes: Vec<Recipe>,
        limit: usize,
    ) -> Self {
        Self {
            core,
            number,
            limit,
            waiting: recipes.into_iter(),
            running: Vec::new(),
        }
    }

    /// Returns the next render that ends, or `None` once all have ended.
    pub(super) async fn next(&mut self) -> Option<Rendered> {
        loop {
            self.begin();
            if self.running.is_empty() {
                return None;
            }
            // A render has no end if its runtime ended.
            if let Some(rendered) = poll_fn(|cx| self.poll_running(cx)).await {
                return Some(rendered);
            }
        }
    }

    fn begin(&mut self) {
        while self.running.len() < self.limit
            && let Some(recipe) = self.waiting.next()
        {
            let render = self
                .core
                .render_all(vec![recipe], self.number, needs_render);
            self.running.push(render);
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Poll<Option<Rendered>> {
        let mut ended = self.running.iter_mut().enumerate();
        let ended = ended.find_map(|(place, render)| match render.poll_recv(cx) {
            Poll::Ready(rendered) => Some((place, rendered)),
            Poll::Pending => None,
        });
        let Some((place, rendered)) = ended else {
            return Poll::Pending;
        };
        self.running.swap_remove(place);
        Poll::Ready(rendered)
    }
}

fn needs_render(core: &Core, recipe: &Recipe) -> bool {
    let entry = core.pages.memory.get_key(&recipe.key);
    entry.is_none_or(|entry| !entry.is_fresh(&core.marks, clock::now()))
}
