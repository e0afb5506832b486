//! Tests for code of yours that the layer calls. Turn the feature `testing` on where tests are
//! built:
//!
//! ```toml
//! [dev-dependencies]
//! isr-layer = { version = "0.1", features = ["testing"] }
//! ```
//!
//! [`store_suite`] tests a [`Store`](crate::store::Store). The tests of pages need no feature: see
//! the guide [testing](https://docs.rs/isr-layer/latest/isr_layer/guide/testing/index.html).

mod at_once;
mod promise;
mod promises;
mod store_suite;
mod trial;

pub use store_suite::{StoreSuite, store_suite};
