//! The store of one machine: one SQLite file, described in `docs/operations/store.md`.
//!
//! Calls block for the time of a read or write, some milliseconds. Several processes may use one file.

mod alarms;
mod deliveries;
mod error;
mod history;
mod hold;
mod identity;
mod look_back;
mod overview;
mod points;
mod rollups;
mod schema;
mod sinks;
mod state;

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use runtime::PortError;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use settings::Retention;

pub use error::OpenError;
use error::{Failed, Why};
pub use hold::{Hold, HoldError};
use identity::Identity;
pub use sinks::Newest;

/// Name of a store without a file, in errors.
const IN_MEMORY: &str = "memory";

/// State, runs, values and messages in one file.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    file: PathBuf,
    /// Device and number of the file; none in memory.
    identity: Option<Identity>,
    retention: Retention,
}

impl Store {
    /// Opens a file, which it creates with its folder if needed. Only its owner may read it.
    ///
    /// # Errors
    /// When it cannot be opened or written, or is not a store that this program knows.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        create(file).map_err(|error| OpenError::unusable(file, error))?;
        // SQLite gives a meaning to relative names such as `:memory:`.
        let path = std::path::absolute(file).map_err(|error| OpenError::unusable(file, error))?;
        // The connection is behind a lock.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags);
        let mut connection = opened.map_err(|error| OpenError::new(file, error))?;
        schema::prepare(&mut connection).map_err(|error| error.about(file))?;
        let store = Self::new(connection, file);
        Ok(Self { identity: Identity::read(file).ok(), ..store })
    }

    fn new(connection: Connection, file: &Path) -> Self {
        Self { connection: Mutex::new(connection), file: file.into(), identity: None, retention: Retention::default() }
    }

    /// Sets the limits that [`Store::record`] applies.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Creates a store that ends with the process.
    ///
    /// # Errors
    /// When memory is short.
    pub fn in_memory() -> Result<Self, OpenError> {
        let file = Path::new(IN_MEMORY);
        let mut connection = Connection::open_in_memory().map_err(|error| OpenError::new(file, error))?;
        schema::prepare(&mut connection).map_err(|error| error.about(file))?;
        Ok(Self::new(connection, file))
    }

    /// Opens a file that a run has written.
    ///
    /// # Errors
    /// Like [`Store::open`], and when there is no such file, or an empty one.
    pub fn open_existing(file: &Path) -> Result<Self, OpenError> {
        let length = fs::metadata(file).map_err(|error| OpenError::unusable(file, error))?.len();
        // A new store would hide a mistyped name.
        if length == 0 {
            return Err(OpenError::unusable(file, io::Error::other("the file is empty")));
        }
        Self::open(file)
    }

    /// Opens a file that a run has written, to read it. One that cannot be written is opened all the same.
    ///
    /// # Errors
    /// Like [`Store::open_existing`], and when an older release has written a file that cannot be written.
    pub fn open_to_read(file: &Path) -> Result<Self, OpenError> {
        match Self::open_existing(file) {
            Err(error) if error.is_not_writable() => {}
            opened => return opened,
        }
        let path = std::path::absolute(file).map_err(|error| OpenError::unusable(file, error))?;
        // While another process uses the file, both read its log of writes.
        let shared = open_read_only(&uri(&path, "mode=ro"));
        let connection = match shared {
            Err(Why::NotWritable(_)) if !has_log(&path) => open_read_only(&uri(&path, "immutable=1")),
            Err(Why::NotWritable(why)) => Err(Why::Unusable(format!(
                "{why}\n  the latest writes are in the file whose name ends in `-wal`; copy all files of the store to a folder that \
                 you may write, and give the copy"
            ))),
            opened => opened,
        };
        let connection = connection.map_err(|error| error.about(file))?;
        let store = Self::new(connection, file);
        Ok(Self { identity: Identity::read(file).ok(), ..store })
    }

    /// Takes the store for an environment of the platform at a host. Its incidents would otherwise be closed by runs against
    /// another platform.
    ///
    /// # Errors
    /// When the store was taken for another one, or cannot be written.
    pub fn claim(&self, environment: &str, host: &str) -> Result<(), OpenError> {
        let claimed = self.transaction(TransactionBehavior::Immediate, |store| {
            store.execute("INSERT OR IGNORE INTO platform (environment, host) VALUES (?, ?)", [environment, host])?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
            Ok(store.query_row("SELECT environment, host FROM platform", [], row)?)
        });
        let (own, own_host) = claimed.map_err(|failed| failed.in_open(&self.file))?;
        if (own.as_str(), own_host.as_str()) == (environment, host) {
            return Ok(());
        }
        let found = format!("environment {own} of {own_host}");
        Err(Why::OfAnother { found, expected: format!("environment {environment} of {host}") }.about(&self.file))
    }

    /// The file; none if the store ends with the process.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        (!self.is_in_memory()).then_some(&*self.file)
    }

    /// Confirms that the opened file still has its name. Otherwise all writes are lost with the end of the process, and
    /// other commands do not see it.
    ///
    /// # Errors
    /// When there is no such file any more, or another one.
    pub fn confirm_file(&self) -> Result<(), PortError> {
        let Some(opened) = self.identity else { return Ok(()) };
        opened.confirm(&self.file).map_err(|found| {
            let detail = format!(
                "{}: expected the file that this program opened, found {found}\n  \
                 what it writes is lost when it ends, and other commands do not see it; put the file back if it was moved, or start \
                 this program again",
                self.file.display()
            );
            PortError::new("find the store", detail)
        })
    }

    /// True if the store ends with the process.
    fn is_in_memory(&self) -> bool {
        self.file == Path::new(IN_MEMORY)
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

    /// Writes all or nothing, as [`Store::write`], but does not wait for the disk: the write is on it with the next one that waits. A crash of
    /// the process loses nothing; a power cut may lose what only looks back.
    fn write_history<T>(
        &self,
        operation: impl Into<String>,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, PortError> {
        let mut connection = self.connection();
        let written = connection.pragma_update(None, "synchronous", "NORMAL").map_err(Failed::from).and_then(|()| {
            let written = transact(&mut connection, TransactionBehavior::Immediate, write);
            connection.pragma_update(None, "synchronous", "FULL")?;
            written
        });
        written.map_err(|failed| failed.in_port(operation, &self.file))
    }

    fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        within: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        transact(&mut self.connection(), behavior, within)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn transact<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    within: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let result = within(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

fn open_read_only(uri: &str) -> Result<Connection, Why> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = Connection::open_with_flags(uri, flags)?;
    schema::prepare_to_read(&mut connection)?;
    Ok(connection)
}

/// URI of a file, in which any name is one.
fn uri(path: &Path, query: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let text = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") };
    let name: String = path.as_os_str().as_bytes().iter().map(text).collect();
    format!("file:{name}?{query}")
}

/// True if writes are only in the log next to the file.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|found| found.len() > 0)
}

/// Creates a file that others cannot read, since evidence of failures quotes the platform. Takes their rights on an existing one.
fn create(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Opening a pipe would wait for its other end.
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("expected a file, found something else"));
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(file)?.set_permissions(Permissions::from_mode(0o600))
}
