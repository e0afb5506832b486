//! Values that pages and plain routes share: loaded once, kept with the same lifetimes, tags,
//! purges and flights as pages, and inherited by the pages that are made of them.
//!
//! The guide `data` shows them in programs that run. `#[static_data]` is the short form; without
//! it, a [`Data`] names the values and [`Cache::data`](crate::Cache::data) reads one:
//!
//! ```
//! use isr_layer::data::Data;
//! use isr_layer::{Cache, IsrLayer};
//! use std::time::Duration;
//!
//! const RATES: Data = Data::new("rates").revalidate(Duration::from_secs(300)).tags(&["rates"]);
//!
//! async fn fetch_rate(client: Client, currency: String) -> Result<f64, std::io::Error> {
//!     client.rate(&currency).await
//! }
//!
//! async fn rate(cache: &Cache, client: Client) -> Result<f64, std::io::Error> {
//!     cache.data(&RATES).key("EUR".to_owned()).with_unkeyed(client).load(fetch_rate).await
//! }
//! # #[derive(Clone)]
//! # struct Client;
//! # impl Client { async fn rate(&self, _: &str) -> Result<f64, std::io::Error> { Ok(1.08) } }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let isr = IsrLayer::builder().build()?;
//! # assert_eq!(rate(&isr.cache(), Client).await?, 1.08);
//! # Ok(())
//! # }
//! ```

mod builder;
mod loader;
pub(crate) mod probe;
mod scope;
pub(crate) mod typed;
mod upstream;

pub use self::builder::{Read, Unweighed, Weigh};
pub use self::probe::Weight;
pub use self::upstream::{Answer, Ask};

pub use crate::value::Data;
