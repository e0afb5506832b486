//! Renders the pages that are known beforehand.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use super::report::PrerenderReport;
use crate::cache::{Cache, Core};
use crate::clock;
use crate::page::RegisteredPage;
use crate::render::{Key, Recipe};

/// A prerendering, made by [`Cache::prerender`](crate::Cache::prerender). It begins when it is
/// awaited.
#[must_use = "a prerendering does nothing until it is awaited"]
pub struct Prerender {
    core: Arc<Core>,
}

impl Cache {
    /// Renders the pages that are known beforehand and not fresh in memory: each path that the
    /// `params` of a page list, and each page without parameters, for each listed host if there are
    /// [`hosts`](crate::IsrLayerBuilder::hosts). Pages with `prerender = false` are left out.
    ///
    /// Nothing is prerendered unless this is called: usually once at the start, after
    /// [`wrap`](crate::IsrLayer), before or while requests are served. The renders keep to the
    /// limits of those that no client waits for. The future ends when all have ended; if it is
    /// dropped, no more are begun.
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
    ///     .without_registered()
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
    pub fn prerender(&self) -> Prerender {
        Prerender {
            core: self.core.clone(),
        }
    }
}

impl IntoFuture for Prerender {
    type Output = PrerenderReport;
    type IntoFuture = Pin<Box<dyn Future<Output = PrerenderReport> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self.core))
    }
}

impl fmt::Debug for Prerender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prerender").finish_non_exhaustive()
    }
}

async fn run(core: Arc<Core>) -> PrerenderReport {
    let mut report = PrerenderReport::default();
    let number = core.marks.published();
    let mut recipes = Vec::new();
    for page in core.registry.pages() {
        if page.policy().prerender {
            recipes.extend(known_recipes(&core, page, &mut report).await);
        }
    }

    let mut results = core.render_all(recipes, number, needs_render);
    while let Some((recipe, result)) = results.recv().await {
        report.add(&recipe, &result);
    }
    report
}

/// Returns the recipe of each instance of a page that is known beforehand, for each listed host.
async fn known_recipes(
    core: &Arc<Core>,
    page: &Arc<RegisteredPage>,
    report: &mut PrerenderReport,
) -> Vec<Recipe> {
    let of_path = |path: &str| {
        let keys = Key::bare(page, path).into_iter();
        let recipes = keys.map(|key| Recipe::of(page.clone(), key));
        recipes.collect::<Vec<_>>()
    };
    if !page.has_parameters() {
        return of_path(page.page.path());
    }

    let Some(list) = core.listed(page).await else {
        return Vec::new();
    };
    if let Some(error) = &list.failure {
        // The last list stays, and is rendered all the same.
        report.params_failed(page.page, error.clone());
    }
    let paths = list.listed.iter().flat_map(|listed| &listed.order);
    paths.flat_map(|path| of_path(path)).collect()
}

fn needs_render(core: &Core, recipe: &Recipe) -> bool {
    let entry = core.pages.memory.get_key(&recipe.key);
    entry.is_none_or(|entry| !entry.is_fresh(&core.marks, clock::now()))
}
