//! Contents of the store as a whole.

use runtime::PortError;
use rusqlite::{OptionalExtension as _, Row};

use super::Store;
use super::error::Failed;
use super::state::rows;

impl Store {
    /// Text that differs after each change by this process or another.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn revision(&self) -> Result<String, PortError> {
        let connection = self.connection();
        let version: Result<i64, _> = connection.query_row("PRAGMA data_version", [], |row| row.get(0));
        let own = connection.total_changes();
        match version {
            Ok(version) => Ok(format!("{version}-{own}")),
            Err(error) => Err(Failed::from(error).in_port("read the version of the data", &self.file)),
        }
    }

    /// Environment and host that the store was taken for; `None` before its first run.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn platform(&self) -> Result<Option<(String, String)>, PortError> {
        self.read("read the platform", |store| {
            let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            Ok(store.query_row("SELECT environment, host FROM platform", [], row).optional()?)
        })
    }

    /// Ids of the checks with runs.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn checks(&self) -> Result<Vec<String>, PortError> {
        self.read("read the checks", |store| {
            rows(store, "SELECT DISTINCT check_id FROM runs ORDER BY check_id", [], |row| Ok(row.get(0)?))
        })
    }
}
