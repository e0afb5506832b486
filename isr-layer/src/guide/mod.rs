//! Guides, to be read from top to bottom. Every example in them runs as a test.
//!
//! | guide | contents |
//! |---|---|
//! | [`serving`] | how a request is handled, which responses are stored, where to put the layer |
//! | [`layers`] | CORS, traces, request ids, time limits, sessions, guards: in front or behind |
//! | [`cms`] | how to connect eleven content systems to the revalidation endpoint |
//! | [`grpc`] | unary gRPC methods as pages: the key, the stored responses, authorization |
//! | [`data`] | values that pages and plain routes share: lifetimes, purges, failures, bounds |
//! | [`restarts`] | pages, purges and builds that outlive the process, and each failure |
//! | [`testing`] | tests of pages without a server: renders, time, purges, signed webhooks |
//! | [`develop`] | each page rendered anew, drafts, and the meaning of each line of the log |
//! | [`next_js`] | each feature of Next.js, its counterpart here, and the differences |

// The README has an example with a store on disk.
#[cfg(all(doctest, feature = "disk"))]
mod readme;

#[doc = include_str!("cms.md")]
pub mod cms {}

#[doc = include_str!("data.md")]
pub mod data {}

#[doc = include_str!("develop.md")]
pub mod develop {}

#[doc = include_str!("grpc.md")]
pub mod grpc {}

#[doc = include_str!("layers.md")]
pub mod layers {}

#[doc = include_str!("next_js.md")]
pub mod next_js {}

// Without the feature `disk` its examples are not tested, and its links lead to docs.rs.
#[cfg_attr(any(not(doctest), feature = "disk"), doc = include_str!("restarts.md"))]
#[cfg_attr(
    not(doctest),
    doc = "```rust,ignore",
    doc = include_str!("sqlite_store.rs"),
    doc = "```",
    doc = "```sql",
    doc = include_str!("sqlite_store.sql"),
    doc = "```"
)]
#[cfg_attr(
    feature = "disk",
    doc = "[`Disk`]: crate::store::Disk",
    doc = "[`Disk::open`]: crate::store::Disk::open",
    doc = "[`Disk::options`]: crate::store::Disk::options"
)]
#[cfg_attr(
    not(feature = "disk"),
    doc = "[`Disk`]: https://docs.rs/isr-layer/latest/isr_layer/store/struct.Disk.html",
    doc = "[`Disk::open`]: https://docs.rs/isr-layer/latest/isr_layer/store/struct.Disk.html",
    doc = "[`Disk::options`]: https://docs.rs/isr-layer/latest/isr_layer/store/struct.Disk.html"
)]
pub mod restarts {}

#[doc = include_str!("serving.md")]
pub mod serving {}

#[doc = include_str!("testing.md")]
pub mod testing {}
