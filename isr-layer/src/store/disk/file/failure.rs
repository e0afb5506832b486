//! The ways in which a file can fail.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::store::{StoreError, StoreErrorKind};

/// A failure of one file.
#[derive(Debug)]
pub(in crate::store::disk) enum Failure {
    /// An error of the engine, or of the operating system below it.
    Engine(redb::Error),
    /// The engine panicked, as it may do over octets that a disk garbled.
    Panicked,
    /// A file of another format of ours, or of another program.
    Foreign(String),
    /// The file is closed: for good, or until it is opened again after trouble.
    Closed,
}

impl Failure {
    /// True if the file itself is of no use, so that it must be set aside.
    pub(in crate::store::disk) fn is_broken(&self) -> bool {
        match self {
            Self::Engine(error) => is_rotten(error),
            Self::Panicked | Self::Foreign(_) => true,
            Self::Closed => false,
        }
    }

    pub(in crate::store::disk) fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Engine(redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch) => {
                StoreErrorKind::InUse
            }
            Self::Engine(redb::Error::Io(error)) => kind_of_io(error),
            _ => StoreErrorKind::Other,
        }
    }

    /// The error that the caller of the store gets: it names the path.
    pub(in crate::store::disk) fn at(self, path: &Path) -> StoreError {
        let (kind, path) = (self.kind(), path.display());
        let message = match kind {
            StoreErrorKind::InUse => {
                format!("another process, or another layer of this one, uses `{path}`")
            }
            StoreErrorKind::Denied => {
                format!("`{path}` cannot be read or written, or is no place for a store")
            }
            StoreErrorKind::Full => format!("no room is left for `{path}`"),
            StoreErrorKind::Other => format!("`{path}` cannot be used"),
        };

        StoreError::new(kind, message).with_source(self.into_source())
    }

    fn into_source(self) -> Box<dyn std::error::Error + Send + Sync> {
        match self {
            Self::Engine(error) => error.into(),
            Self::Panicked => "the engine panicked over the file".into(),
            Self::Foreign(reason) => reason.into(),
            Self::Closed => "the file is closed".into(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::Panicked => f.write_str("the engine panicked over the file"),
            Self::Foreign(reason) => f.write_str(reason),
            Self::Closed => f.write_str("the file is closed"),
        }
    }
}

/// True if an error says that the octets of the file are not those that were written. A disk that
/// cannot be read is no such error: the file may be whole, so it is not ours to set aside.
fn is_rotten(error: &redb::Error) -> bool {
    match error {
        redb::Error::Io(error) => {
            matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            )
        }

        redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::LockPoisoned(_) => true,
        _ => false,
    }
}

fn kind_of_io(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory => StoreErrorKind::Denied,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreErrorKind::Full
        }
        _ => StoreErrorKind::Other,
    }
}

/// An error of the engine for each of its operations.
macro_rules! from_engine {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Engine(error.into())
            }
        }
    )*};
}

from_engine!(
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Engine(redb::Error::Io(error))
    }
}
