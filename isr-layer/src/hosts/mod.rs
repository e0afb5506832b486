//! Allowed hosts: the names that a layer was given, and which of them a request is for.
//!
//! With a list, the host is one more declared header of every page, `Host`, whose value is a name of the list and never the
//! client's. So whatever handles variants handles hosts, and a stranger brings no more of them than the list is long.
//! Without one there is no host anywhere: not in a key, not in a request that is rendered.

mod listed;

pub(crate) use listed::{Host, Hosts, Unlisted};
