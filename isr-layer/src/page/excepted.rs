//! The paths that a layer never looks at, though a page's pattern may match them.

use super::{RegisteredPage, normalize_page, pattern};
use crate::error::{Error, ErrorKind};

/// The patterns of all excepted paths, in the grammar of pages.
#[derive(Default)]
pub(super) struct Excepted {
    router: matchit::Router<()>,
    patterns: Vec<String>,
}

impl Excepted {
    /// Adds a pattern. `page` finds the page with a pattern.
    pub(super) fn add<'a>(
        &mut self,
        raw: &str,
        page: impl FnOnce(&str) -> Option<&'a RegisteredPage>,
    ) -> Result<(), Error> {
        let pattern = normalize_page(raw);
        if self.patterns.contains(&pattern) {
            return Ok(());
        }
        if let Some(mistake) = pattern::mistake(&pattern) {
            return Err(refused(raw, mistake));
        }
        if let Some(page) = page(&pattern) {
            let page = page.page.describe();
            return Err(refused(raw, &format!("it is the path of the page {page}")));
        }

        if let Err(error) = self.router.insert(&pattern, ()) {
            let message = match &error {
                matchit::InsertError::Conflict { with } => {
                    format!("`{with}` matches the same paths")
                }
                _ => "it cannot be routed".to_owned(),
            };
            return Err(refused(raw, &message).with_source(error));
        }
        self.patterns.push(pattern);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// True if a pattern matches a canonical path.
    pub(super) fn contains(&self, path: &str) -> bool {
        !self.is_empty() && self.router.at(path).is_ok()
    }
}

fn refused(raw: &str, why: &str) -> Error {
    let message = format!("`except` cannot name `{raw}`: {why}");
    Error::new(ErrorKind::Configuration, message)
}
