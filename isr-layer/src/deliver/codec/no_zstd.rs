//! No encoder: the feature `zstd` is off.

use super::{Coding, Encode};

pub(super) const ENCODERS: &[(Coding, Encode)] = &[];
