//! The right to be the only scheduler on a store.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::Store;

/// The right, until it is dropped or the process ends. The lock is on a file next to the store: SQLite
/// would lose its locks on the store with any other lock there.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "the lock ends with the file")] File);

/// Reason why the right was not given.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process has it.
    #[error("{} is in use by `synthetics up` or `demo` ({by})\n  stop that one, or give this one another store with --store", file.display())]
    Taken {
        /// The store.
        file: PathBuf,
        /// What the other process wrote about itself.
        by: String,
    },
    /// The file of the lock cannot be written.
    #[error("failed to lock {}: {error}", file.display())]
    Unusable {
        /// File of the lock.
        file: PathBuf,
        /// Reason.
        error: io::Error,
    },
}

/// Longest time for which a process looks if there is another.
const LOOK: Duration = Duration::from_millis(100);
/// Most bytes that are read of the other process.
const MAX_READ: u64 = 200;

impl Store {
    /// Takes the right to run checks on the store at their cadence. A store in memory has no other user.
    ///
    /// # Errors
    /// When another process has it, or the file of the lock cannot be written.
    pub fn hold(&self, now: Timestamp) -> Result<Option<Hold>, HoldError> {
        if self.is_in_memory() {
            return Ok(None);
        }
        let name = self.lock();
        let unusable = |error| HoldError::Unusable { file: name.clone(), error };
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).truncate(false).read(true).write(true).mode(0o600).open(&name).map_err(unusable)?;
        let locked = file.try_lock().or_else(|_| {
            // A run may just be looking if there is an `up`.
            std::thread::sleep(LOOK);
            file.try_lock()
        });
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // Without it, the error still names the store.
                let _ = file.take(MAX_READ).read_to_string(&mut by);
                let by = by.trim().chars().filter(|c| !c.is_control()).collect();
                return Err(HoldError::Taken { file: self.file.clone(), by });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let written = file.set_len(0).and_then(|()| file.rewind());
        let written = written.and_then(|()| {
            writeln!(file, "process {} since {}", std::process::id(), now.strftime("%Y-%m-%d %H:%M:%S UTC"))
        });
        written.map_err(unusable)?;
        Ok(Some(Hold(file)))
    }

    /// True if another process has the right.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let file = File::open(self.lock());
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// File of the lock. A link leads to the same store.
    fn lock(&self) -> PathBuf {
        let mut name = self.file.canonicalize().unwrap_or_else(|_| self.file.clone()).into_os_string();
        name.push("-up");
        name.into()
    }
}
