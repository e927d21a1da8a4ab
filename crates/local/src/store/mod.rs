//! The store of one machine: one SQLite file, described in `docs/operations/store.md`.
//!
//! Calls block for the time of a read or write, some milliseconds. Several processes may use one file.

mod error;
mod history;
mod schema;
mod sinks;
mod state;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use runtime::PortError;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use error::Failed;
pub use error::OpenError;

/// State, runs, values and messages in one file.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    file: PathBuf,
}

impl Store {
    /// Opens a file, which it creates with its folder if needed. Only its owner may read it.
    ///
    /// # Errors
    /// When it cannot be opened or written, or is not a store that this program knows.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        create(file).map_err(|error| OpenError::unusable(file, error))?;
        // The connection is behind a lock.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(file, flags);
        let mut connection = opened.map_err(|error| OpenError::new(file, error))?;
        schema::prepare(&mut connection).map_err(|error| error.about(file))?;
        Ok(Self { connection: Mutex::new(connection), file: file.into() })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Reads in one consistent view.
    fn read<T>(
        &self,
        operation: impl Into<String>,
        read: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, PortError> {
        self.transaction(TransactionBehavior::Deferred, read).map_err(|failed| failed.in_port(operation, &self.file))
    }

    /// Writes all or nothing. Waits for another process that writes.
    fn write<T>(
        &self,
        operation: impl Into<String>,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, PortError> {
        self.transaction(TransactionBehavior::Immediate, write).map_err(|failed| failed.in_port(operation, &self.file))
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        within: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(behavior)?;
        let result = within(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

/// Creates a file that others cannot read, since evidence of failures quotes the platform.
fn create(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(file).map(drop)
}
