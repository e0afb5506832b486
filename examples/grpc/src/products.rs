//! The products: a stand-in for a database, which counts how often it is read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::proto::Product;

/// The database.
pub(crate) struct Products {
    rows: Mutex<Rows>,
}

struct Rows {
    by_id: BTreeMap<String, Product>,
    reads: u64,
}

impl Products {
    /// Makes a database with a few products.
    pub(crate) fn new() -> Self {
        let products = [
            ("folding-map", "A folding map that folds", 1490),
            ("oil-lamp", "An oil lamp for power cuts", 3990),
            ("rye-flour", "Rye flour, stone ground, 5 kg", 1250),
        ];
        let row = |(id, name, price_cents): (&str, &str, u64)| {
            (
                id.to_owned(),
                Product {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    price_cents,
                    reads: 0,
                },
            )
        };
        Self {
            rows: Mutex::new(Rows {
                by_id: products.map(row).into(),
                reads: 0,
            }),
        }
    }

    /// Reads one product.
    pub(crate) fn get(&self, id: &str) -> Option<Product> {
        let mut rows = self.rows();
        rows.reads += 1;
        let reads = rows.reads;
        rows.by_id.get(id).map(|product| Product {
            reads,
            ..product.clone()
        })
    }

    /// Reads all products.
    pub(crate) fn all(&self) -> Vec<Product> {
        let mut rows = self.rows();
        rows.reads += 1;
        let reads = rows.reads;
        rows.by_id
            .values()
            .map(|product| Product {
                reads,
                ..product.clone()
            })
            .collect()
    }

    /// Changes a price. Returns the changed product.
    pub(crate) fn set_price(&self, id: &str, price_cents: u64) -> Option<Product> {
        let mut rows = self.rows();
        let reads = rows.reads;
        let product = rows.by_id.get_mut(id)?;
        product.price_cents = price_cents;
        Some(Product {
            reads,
            ..product.clone()
        })
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
