//! No encoder: the feature `compression` is off.

use super::{Coding, Encode};

pub(super) const ENCODERS: &[(Coding, Encode)] = &[];
