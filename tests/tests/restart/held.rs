//! A store whose reads a test can hold after they have found what they give.

use std::sync::{Arc, Mutex};

use isr_layer::store::{Found, Mark, Store, StoreError, Touch, Write};
use isr_tests::{Gate, MemoryStore};

/// A handle on a [`MemoryStore`] with a gate behind each read.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) store: MemoryStore,
    pub(crate) gate: Arc<Gate>,
    /// The touches that came, in their order.
    pub(crate) touches: Arc<Mutex<Vec<Touch>>>,
}

impl Held {
    pub(crate) fn new(store: &MemoryStore) -> Self {
        Self {
            store: store.clone(),
            gate: Arc::default(),
            touches: Arc::default(),
        }
    }
}

impl Store for Held {
    fn join(&self, build: &str) -> Result<u64, StoreError> {
        self.store.join(build)
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Found>, StoreError> {
        let found = self.store.get(key).await;
        self.gate.pass().await;
        found
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        for write in &writes {
            if let Write::Touch(touch) = write {
                let mut touches = self.touches.lock().expect("no test panics here");
                touches.push(touch.clone());
            }
        }
        self.store.write(writes).await
    }

    async fn record(&self, marks: &[Mark]) -> Result<u64, StoreError> {
        self.store.record(marks).await
    }
}
