//! Long work in steps, between which other tasks run.

/// The number of items that are worked on before other tasks get their turn. Each may make a part
/// of a table grow, which takes a tenth of a millisecond.
const ITEMS: u32 = 64;

/// Cuts work on many items into steps.
///
/// The number of entries and of selectors is the user's choice, so no loop over them may keep the
/// runtime's thread.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    items: u32,
}

impl Steps {
    /// Counts one item, and lets other tasks run if the step is over.
    pub(crate) async fn next(&mut self) {
        self.items += 1;
        if self.items == ITEMS {
            self.items = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Drops many items.
    pub(crate) async fn drop_all<T>(&mut self, items: Vec<T>) {
        for item in items {
            drop(item);
            self.next().await;
        }
    }
}
