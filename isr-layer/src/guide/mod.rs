//! Guides, to be read from top to bottom. Every example in them runs as a test.
//!
//! | guide | contents |
//! |---|---|
//! | [`serving`] | how a request is handled, which responses are stored, where to put the layer |
//! | [`layers`] | CORS, traces, request ids, time limits, sessions, guards: in front or behind |
//! | [`cms`] | how to connect eleven content systems to the revalidation endpoint |
//! | [`grpc`] | unary gRPC methods as pages: the key, the stored responses, authorization |
//! | [`testing`] | tests of pages without a server: renders, time, purges, signed webhooks |
//! | [`develop`] | each page rendered anew, drafts, and the meaning of each line of the log |
//! | [`next_js`] | each feature of Next.js, its counterpart here, and the differences |

#[cfg(doctest)]
mod readme;

#[doc = include_str!("cms.md")]
pub mod cms {}

#[doc = include_str!("develop.md")]
pub mod develop {}

#[doc = include_str!("grpc.md")]
pub mod grpc {}

#[doc = include_str!("layers.md")]
pub mod layers {}

#[doc = include_str!("next_js.md")]
pub mod next_js {}

#[doc = include_str!("serving.md")]
pub mod serving {}

#[doc = include_str!("testing.md")]
pub mod testing {}
