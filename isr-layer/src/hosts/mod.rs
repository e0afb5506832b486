//! Allowed hosts: the names that a layer was given, and the one of them that a request is for.
//!
//! With a list, the host is one more declared header of every page: `Host`, whose value is a name
//! of the list and never the client's text. So the code for variants also handles hosts, and
//! clients cannot bring in more hosts than the list has. Patterns and functions open the list: what
//! they accept counts as a part of the key that clients choose. Without any of them there is no
//! host in a key, nor in the request of a render.

mod listed;
mod open;

pub(crate) use listed::{Hosts, Unlisted};
pub(crate) use open::HostFunction;
