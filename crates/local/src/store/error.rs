//! Errors of the store, and what to do about each.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use runtime::PortError;
use rusqlite::ErrorCode;

/// Reason why a file cannot be used as a store.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store {} cannot be used: {why}", file.display())]
pub struct OpenError {
    file: PathBuf,
    why: Why,
}

/// Fault of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It belongs to another program.
    Foreign,
    /// A newer release has written it.
    Newer { found: i64, known: i64 },
    /// It is the store of another platform.
    OfAnother { found: String, expected: String },
    /// An older release has written it, and it cannot be changed.
    Older { found: i64, known: i64 },
    /// It, or its folder, cannot be written.
    NotWritable(String),
    /// The disk is full, or fails.
    Disk(String),
    /// It cannot be opened, read or written.
    Unusable(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => write!(f, "it is a database of another program\n  give another file with --store"),
            Self::Newer { found, known } => write!(
                f,
                "expected a store of version {known} or older, found version {found}\n  \
                 use the release that wrote it, or a newer one; or give another file with --store"
            ),
            Self::OfAnother { found, expected } => {
                write!(f, "expected the store of {expected}, found that of {found}\n  give another file with --store")
            }
            Self::Older { found, known } => write!(
                f,
                "expected a store of version {known}, found version {found}, and no permission to bring it up to date\n  \
                 run the command once as its owner"
            ),
            Self::NotWritable(why) | Self::Disk(why) | Self::Unusable(why) => f.write_str(why),
        }
    }
}

impl Why {
    pub(super) fn about(self, file: &Path) -> OpenError {
        OpenError { file: file.into(), why: self }
    }
}

impl From<rusqlite::Error> for Why {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::NotWritable(described(&error))
            }
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::Disk(described(&error)),
            _ => Self::Unusable(described(&error)),
        }
    }
}

impl OpenError {
    pub(super) fn new(file: &Path, error: rusqlite::Error) -> Self {
        Why::from(error).about(file)
    }

    /// True if the file may still be read.
    pub(super) const fn is_not_writable(&self) -> bool {
        matches!(self.why, Why::NotWritable(_))
    }

    /// True if the disk is at fault, and not the choice of the file.
    #[must_use]
    pub const fn is_of_the_disk(&self) -> bool {
        matches!(self.why, Why::Disk(_))
    }

    pub(super) fn unusable(file: &Path, error: io::Error) -> Self {
        let why = format!("{error}\n  give a file in a folder that you may write with --store");
        let why = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Why::NotWritable(why),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Why::Disk(why),
            _ => Why::Unusable(why),
        };
        why.about(file)
    }
}

/// Reason why an operation on the store failed.
#[derive(Debug)]
pub(super) enum Failed {
    Sqlite(rusqlite::Error),
    /// A value in the file is not what this program wrote.
    Unreadable(String),
}

impl Failed {
    pub(super) fn in_open(self, file: &Path) -> OpenError {
        match self {
            Self::Sqlite(error) => OpenError::new(file, error),
            Self::Unreadable(why) => Why::Unusable(why).about(file),
        }
    }

    pub(super) fn in_port(self, operation: impl Into<String>, file: &Path) -> PortError {
        let (why, retryable) = match self {
            Self::Sqlite(error) => (described(&error), is_busy(&error)),
            Self::Unreadable(why) => (
                format!(
                    "{why}\n  move the file away with its files `-wal` and `-shm` and start anew, or give another with --store"
                ),
                false,
            ),
        };
        PortError { operation: operation.into(), detail: format!("{}: {why}", file.display()), retryable }
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for Failed {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// SQLite's words, and what to do.
fn described(error: &rusqlite::Error) -> String {
    let action = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free some space; nothing stored before is lost",
        Some(ErrorCode::ReadOnly) => "make the file and its folder writable, or give another file with --store",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process writes to it; try again",
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "it is damaged, or no database; move it away with its files `-wal` and `-shm` and start anew, or give another with --store"
        }
        Some(ErrorCode::SystemIoFailure) => "the disk may be full; nothing stored before is lost",
        _ => return error.to_string(),
    };
    format!("{error}\n  {action}")
}
