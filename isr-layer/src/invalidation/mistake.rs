//! The mistakes for which one selector of a purge is refused.

use std::fmt;

use crate::page::NameError;

/// A mistake of a caller which would make a purge reach more or less than was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// An option for a whole call was given to a part of it.
    Misplaced(&'static str),
    /// [`Purge::instance`] was given no parameters.
    NoParams,
    /// [`Purge::host`] was given for a selector that it does not narrow.
    NotAtHost,
    /// The text of this part of a selector cannot be the name of anything that is cached.
    Name(String, NameError),
    /// The endpoint does not take the selector, and the text says why.
    Unacceptable(String),
}

impl Mistake {
    /// True if the selector itself is wrong, and not the way in which it was put into the purge.
    pub(super) fn is_of_selector(&self) -> bool {
        matches!(
            self,
            Self::Name(..) | Self::Unacceptable(_) | Self::NotAtHost
        )
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misplaced(option) => write!(
                f,
                "`{option}` on a part of a batch: it holds for a whole call, so set it on the batch"
            ),
            Self::Name(part, error) => write!(f, "`{part}` {error}"),
            Self::Unacceptable(reason) => f.write_str(reason),
            Self::NotAtHost => f.write_str(
                "`host` narrows a path or everything, and not a tag, a page or a prefix",
            ),
            Self::NoParams => f.write_str(
                "`Purge::instance` without parameters: `Purge::page` purges every instance",
            ),
        }
    }
}
