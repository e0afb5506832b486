//! Renders the pages that are known beforehand.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use super::choice::chosen;
use super::progress::{Counter, OnProgress, Progress};
use super::report::{PrerenderReport, shown};
use super::run::Renders;
use crate::cache::{Cache, Core};

/// A prerendering, made by [`Cache::prerender`](crate::Cache::prerender). It begins when it is
/// awaited.
#[must_use = "a prerendering does nothing until it is awaited"]
pub struct Prerender {
    core: Arc<Core>,
    jobs: Option<usize>,
    /// Patterns and paths; all pages if there are none.
    only: Vec<String>,
    on: Option<OnProgress>,
}

impl Cache {
    /// Renders the pages that are known beforehand and fresh neither in memory nor in a
    /// [`store`](crate::IsrLayerBuilder::store): each path that the `params` of a page list, and
    /// each page without parameters, for each listed host if there are
    /// [`hosts`](crate::IsrLayerBuilder::hosts). Pages with `prerender = false` are left out.
    ///
    /// Nothing is prerendered unless this is called: usually once at the start, after
    /// [`wrap`](crate::IsrLayer), before or while requests are served. The renders keep to the
    /// limits of those that no client waits for. The future ends when all have ended; if it is
    /// dropped, no more are begun. The methods of [`Prerender`] choose pages, set the number of
    /// renders at once, and show the progress.
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
            jobs: None,
            only: Vec::new(),
            on: None,
        }
    }
}

impl Prerender {
    /// Sets the number of pages that are rendered at once. The default, and the highest number that
    /// takes effect, is the limit of the layer:
    /// [`background_renders`](crate::IsrLayerBuilder::background_renders). With 0 nothing is
    /// rendered, and the report has an error that says so.
    pub fn jobs(mut self, at_once: usize) -> Self {
        self.jobs = Some(at_once);
        self
    }

    /// Leaves out all pages but the one with this pattern, such as `post::PATH`, or with this path.
    /// More calls name more pages. A name without a page is an error of the report, and so is one
    /// whose path is not known beforehand, or whose page has `prerender = false`.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use isr_layer::{IsrLayer, Page};
    /// # const ABOUT: Page = Page::new("/about");
    /// # const CONTACT: Page = Page::new("/contact");
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// # let isr = IsrLayer::builder().without_registered().pages([ABOUT, CONTACT]).build()?;
    /// # let page = || get(|| async { "a page" });
    /// # let app = isr.wrap(Router::new().route("/about", page()).route("/contact", page()));
    /// let report = isr.cache().prerender().only(ABOUT.path()).only("/abuot").await;
    ///
    /// assert_eq!((report.rendered(), report.failed()), (1, 1));
    /// let error = report.errors()[0].to_string();
    /// assert_eq!(error, "`/abuot`: no page has this pattern or this path");
    /// # drop(app);
    /// # Ok(())
    /// # }
    /// ```
    pub fn only(mut self, page: impl Into<String>) -> Self {
        self.only.push(page.into());
        self
    }

    /// Sets a function that is told of the progress: once at the start, as soon as the number of
    /// pages is known, and then of each page that ends. A page that is fresh already ends at once.
    ///
    /// The future of the prerendering itself calls it, so it must not block. A second call of this
    /// method replaces the function.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # use isr_layer::{IsrLayer, Page};
    /// # const ABOUT: Page = Page::new("/about");
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), isr_layer::Error> {
    /// # let isr = IsrLayer::builder().without_registered().pages([ABOUT]).build()?;
    /// # let app = isr.wrap(Router::new().route("/about", get(|| async { "about us" })));
    /// let prerender = isr.cache().prerender().on(|progress| {
    ///     eprintln!("{} of {}", progress.done(), progress.total());
    /// });
    ///
    /// assert_eq!(prerender.await.rendered(), 1);
    /// # drop(app);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(mut self, progress: impl FnMut(Progress) + Send + 'static) -> Self {
        self.on = Some(Box::new(progress));
        self
    }

    async fn run(self) -> PrerenderReport {
        let mut report = PrerenderReport::default();
        let most = self.core.config.renders.at_once;
        let limit = self.jobs.unwrap_or(most).min(most);
        if limit == 0 {
            report.no_jobs();
            return report;
        }

        let number = self.core.marks.published();
        let recipes = chosen(&self.core, &self.only, &mut report).await;
        let mut counter = Counter::new(self.on, recipes.len());
        counter.start(&report);

        let mut renders = Renders::new(self.core, number, recipes, limit);
        while let Some((recipe, result)) = renders.next().await {
            report.add(&recipe, &result);
            counter.count(&report, || shown(&recipe));
        }
        report
    }
}

impl IntoFuture for Prerender {
    type Output = PrerenderReport;
    type IntoFuture = Pin<Box<dyn Future<Output = PrerenderReport> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Prerender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prerender")
            .field("jobs", &self.jobs)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}
