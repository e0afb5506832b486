//! The reason why a `params` function gave no list.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The reason why a `params` function gave no list.
#[derive(Debug)]
pub(crate) enum ListError {
    /// The function's own error.
    Failed(Box<dyn Error + Send + Sync>),
    Panicked,
    /// It took longer than the page's time limit.
    TimedOut(Duration),
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Panicked => f.write_str("the function panicked"),
            Self::TimedOut(limit) => write!(f, "it took longer than {limit:?}"),
        }
    }
}
