//! What the tests share: a programmable site to put behind the layer, requests, and answers read whole.

mod answer;
mod body;
mod gate;
mod reply;
mod request;
mod site;

pub use answer::{Answer, ask, body_text, settle, try_ask};
pub use body::{Cut, SiteBody};
pub use gate::Gate;
pub use reply::{Act, Reply};
pub use request::{get, head, request};
pub use site::{Seen, Site, SiteError};
