//! A database whose loads a test counts, and a cache to read through.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isr_layer::{Cache, IsrLayer};
use serde::Serialize;

/// The database. Clones share one state.
#[derive(Clone, Default)]
pub(crate) struct Db(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    titles: HashMap<String, String>,
    loads: usize,
    is_down: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Post {
    pub(crate) title: String,
}

/// An error that can be cloned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Down;

impl Db {
    /// A database with one post, `a`.
    pub(crate) fn new() -> Self {
        let db = Self::default();
        db.publish("a", "first");
        db
    }

    pub(crate) fn publish(&self, slug: &str, title: &str) {
        let mut rows = self.rows();
        rows.titles.insert(slug.to_owned(), title.to_owned());
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.rows().is_down = is_down;
    }

    /// Returns the number of loads that began.
    pub(crate) fn loads(&self) -> usize {
        self.rows().loads
    }

    pub(crate) async fn post(&self, slug: &str) -> Result<Option<Post>, Down> {
        let found = {
            let mut rows = self.rows();
            rows.loads += 1;
            if rows.is_down {
                return Err(Down);
            }
            rows.titles.get(slug).cloned()
        };
        tokio::task::yield_now().await;
        Ok(found.map(|title| Post { title }))
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cache without pages.
pub(crate) fn cache() -> Cache {
    let isr = IsrLayer::builder().without_registered().build();
    isr.expect("nothing is set wrong").cache()
}
