//! Prerendering: the pages that are known beforehand, rendered before anybody asks.

use std::sync::Arc;

use crate::cache::{Cache, Core, JobResult, RenderOutcome};
use crate::clock;
use crate::page::RegisteredPage;
use crate::render::Key;
use crate::render::Recipe;

/// The outcome of [`Cache::prerender`](crate::Cache::prerender).
#[derive(Clone, Debug, Default)]
#[must_use = "renders may have failed: look at `failed` and `errors`"]
pub struct PrerenderReport {
    rendered: usize,
    errors: Vec<String>,
}

impl Cache {
    /// Renders what is known beforehand and not fresh in memory: every path that the `params` of a page list, and every page
    /// without parameters, for each listed host where there are [`hosts`](crate::IsrLayerBuilder::hosts). Pages with
    /// `prerender = false` are left out.
    ///
    /// Nothing is prerendered unless this is called: usually once at the start, after [`wrap`](crate::IsrLayer), before or
    /// while requests are served. Renders keep to the limits of those that no client waits for. It ends when all have
    /// ended; when its future is dropped, no more are begun.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use isr_layer::{IsrLayer, Page};
    ///
    /// const POST: Page = Page::new("/posts/{slug}");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// let isr = IsrLayer::builder()
    ///     .pages([POST])
    ///     .params(POST.path(), || async { vec!["first", "second"] })
    ///     .build()?;
    /// let app = isr.wrap(Router::new().route("/posts/{slug}", get(|| async { "a post" })));
    ///
    /// let report = isr.cache().prerender().await;
    ///
    /// assert_eq!((report.rendered(), report.failed()), (2, 0), "{report:?}");
    /// # drop(app);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn prerender(&self) -> PrerenderReport {
        self.core.prerender().await
    }
}

impl PrerenderReport {
    /// How many pages were rendered and stored.
    pub fn rendered(&self) -> usize {
        self.rendered
    }

    /// How many could not be: one for each of [`errors`](Self::errors).
    pub fn failed(&self) -> usize {
        self.errors.len()
    }

    /// What went wrong, each with the path or the page it is about, and with the host where hosts are listed.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    fn add(&mut self, recipe: &Recipe, rendered: &JobResult) {
        let error = match rendered {
            JobResult::Marked => {
                "no application to render through: call `IsrLayer::wrap` (or `layer`) before `prerender`"
                    .into()
            }
            JobResult::Completed(landed) => match &landed.outcome {
                RenderOutcome::Stored(entry) if entry.is_good() => {
                    self.rendered += 1;
                    return;
                }
                // The list changed since it was read.
                RenderOutcome::NotListed => return,
                RenderOutcome::Stored(entry) => format!("the response was {}", entry.status),
                RenderOutcome::Failed(failure) => {
                    format!("the render failed ({})", failure.reason.as_str())
                }
                RenderOutcome::Refused(reason, _) => {
                    format!("the response may not be stored ({})", reason.as_str())
                }
            },
        };
        let host = recipe.host().unwrap_or_default();
        self.errors
            .push(format!("`{host}{}`: {error}", recipe.key.path()));
    }
}

impl Core {
    /// Renders what the pages say is to be prerendered and is not fresh in memory.
    pub(super) async fn prerender(self: &Arc<Self>) -> PrerenderReport {
        let mut report = PrerenderReport::default();
        let number = self.marks.published();
        let mut recipes = Vec::new();
        for page in self.registry.pages().filter(|page| page.policy().prerender) {
            recipes.extend(self.known_recipes(page, &mut report).await);
        }
        let mut ended = self.render_all(recipes, number, Self::needs_render);
        while let Some((recipe, rendered)) = ended.recv().await {
            report.add(&recipe, &rendered);
        }
        report
    }

    /// Every instance of a page that is known beforehand, for each listed host.
    async fn known_recipes(
        &self,
        page: &Arc<RegisteredPage>,
        report: &mut PrerenderReport,
    ) -> Vec<Recipe> {
        let of_path = |path: &str| {
            let keys = Key::bare(page, path).into_iter();
            keys.map(|key| Recipe::of(page.clone(), key, None))
                .collect::<Vec<_>>()
        };
        if !page.has_parameters() {
            return of_path(page.page.path());
        }
        let Some(reading) = self.listed(page).await else {
            return Vec::new();
        };
        if let Some(failure) = &reading.failure {
            report.errors.push(format!(
                "the `params` of {}: {failure}",
                page.page.describe()
            ));
        }
        let listed = reading.listed.iter().flat_map(|listed| &listed.order);
        listed.flat_map(|path| of_path(path)).collect()
    }

    fn needs_render(&self, recipe: &Recipe) -> bool {
        let entry = self.memory.get_key(&recipe.key);
        entry.is_none_or(|entry| !entry.is_fresh(&self.marks, clock::now()))
    }
}
