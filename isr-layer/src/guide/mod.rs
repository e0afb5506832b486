//! Guides: prose to be read from top to bottom, whose every example runs as a test.
//!
//! | guide | answers |
//! |---|---|
//! | [`serving`] | what happens to a request, what is stored, what a handler sees, where the layer stands |
//! | [`cms`] | how a content system says that something changed, for ten of them |
//! | [`grpc`] | unary calls: which are kept, what a method sees, where authentication stands |
//! | [`next_js`] | what each feature of Next.js is called here, what differs, and what is not here yet |

#[cfg(doctest)]
mod readme;

#[doc = include_str!("cms.md")]
pub mod cms {}

#[doc = include_str!("grpc.md")]
pub mod grpc {}

#[doc = include_str!("next_js.md")]
pub mod next_js {}

#[doc = include_str!("serving.md")]
pub mod serving {}
