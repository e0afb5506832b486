//! Stands in for the cookie of draft mode without the feature `hmac`, which its signature needs.
//! The setter that turns draft mode on needs the feature too.

use std::time::Duration;

use http::header::HeaderMap;

use crate::error::{Error, ErrorKind};
use crate::revalidate::auth::Secret;

pub(crate) const DEFAULT_NAME: &str = "";

/// Has no value, so draft mode is off.
#[derive(Debug)]
pub(crate) enum Draft {}

impl Draft {
    pub(crate) fn new(_: Secret, _: String) -> Result<Self, Error> {
        Err(Error::new(
            ErrorKind::Configuration,
            "draft mode needs the feature `hmac`",
        ))
    }

    pub(super) fn is_shown(&self, _: &HeaderMap, _: Duration) -> bool {
        match *self {}
    }
}
