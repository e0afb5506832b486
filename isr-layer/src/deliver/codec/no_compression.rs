//! No encoder: its feature is off.

use super::{Coding, Encode};

pub(super) const ENCODERS: &[(Coding, Encode)] = &[];
