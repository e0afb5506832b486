//! Shared tools of the tests: a programmable site to put behind the layer, requests, and a reader
//! for whole responses.

mod answer;
mod behind;
mod body;
mod gate;
mod memory_store;
mod reply;
mod request;
mod site;
pub mod stage;

pub use answer::{Answer, ask, body_text, settle, try_ask};
pub use behind::is_behind;
pub use body::{Cut, SiteBody};
pub use gate::Gate;
pub use memory_store::{Call, Calls, MemoryStore, Trouble};
pub use reply::{Act, Reply};
pub use request::{get, head, request};
pub use site::{Seen, Site, SiteError};
