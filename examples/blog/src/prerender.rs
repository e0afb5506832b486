//! Renders every page before the site opens, and shows the progress.

use std::fmt;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use isr_layer::Cache;
use isr_layer::prerender::PrerenderReport;

const BAR: &str = "{spinner} {bar:32} {pos} of {len} pages {wide_msg}";

/// Renders every page that is not fresh. A page that fails is rendered for its first reader.
pub(crate) async fn run(cache: &Cache) {
    let began = Instant::now();
    // It draws on standard error, and nothing at all if that is no terminal.
    let bar = ProgressBar::new(0).with_style(style());
    let drawn = bar.clone();
    let prerender = cache.prerender().on(move |progress| {
        drawn.set_length(progress.total() as u64);
        drawn.set_position(progress.done() as u64);
        drawn.set_message(progress.path().unwrap_or_default().to_owned());
    });

    let report = prerender.await;

    bar.finish_and_clear();
    eprintln!("{}", Summary(&report, began.elapsed()));
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One line, and one more for each failure.
struct Summary<'a>(&'a PrerenderReport, Duration);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report, took) = self;
        let (rendered, loaded) = (report.rendered(), report.loaded());
        write!(
            f,
            "prerendered {rendered} pages in {:.1} s; {loaded} were kept, {} failed",
            took.as_secs_f64(),
            report.failed()
        )?;
        let mut errors = report.errors().iter();
        errors.try_for_each(|error| write!(f, "\n  {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_is_right() {
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }

    #[test]
    fn the_summary_is_one_line_if_nothing_failed() {
        let report = PrerenderReport::default();

        let summary = Summary(&report, Duration::from_millis(1250)).to_string();

        assert_eq!(
            summary,
            "prerendered 0 pages in 1.2 s; 0 were kept, 0 failed"
        );
    }
}
