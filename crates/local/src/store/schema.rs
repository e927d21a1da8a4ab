//! Tables of the store, and their changes from one version to the next.
//!
//! `docs/operations/store.md` describes the tables. Times are milliseconds since 1970, UTC.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::error::Why;

/// Longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// Most statements that are kept prepared: all that a run executes.
const STATEMENTS: usize = 64;
/// Time between two attempts to change the journal.
const PAUSE: Duration = Duration::from_millis(10);
/// Number in the header of the file that says whose it is: `JDSY`.
const APPLICATION: i64 = 0x4a44_5359;
/// Statements that lead to each version. A released one never changes.
const MIGRATIONS: [&str; 6] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];
/// Version that this program reads and writes.
const VERSION: i64 = MIGRATIONS.len() as i64;

/// Prepares a connection, and brings the tables to the current version.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Why> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // In one view: another process may create the tables at the same time.
    let view = connection.transaction()?;
    let found = header(&view)?;
    drop(view);
    if found == Header::Empty {
        // Only a file without tables takes it.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    retried(|| connection.pragma_update(None, "journal_mode", "WAL"))?;
    // A commit is on the disk before a message about it is sent.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    migrate(connection, found)
}

/// Repeats a change of the journal while another process makes it. SQLite does not wait there, since two that wait could block each other.
fn retried(change: impl Fn() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let began = Instant::now();
    loop {
        match change() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && began.elapsed() < BUSY => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

/// Prepares a connection that only reads.
pub(super) fn prepare_to_read(connection: &mut Connection) -> Result<(), Why> {
    connection.busy_timeout(BUSY)?;
    match header(connection)? {
        Header::Version(VERSION) => Ok(()),
        Header::Version(found) => Err(Why::Older { found, known: VERSION }),
        Header::Empty => Err(Why::Foreign),
    }
}

fn migrate(connection: &mut Connection, found: Header) -> Result<(), Why> {
    // A writer waits for others, so nothing is written where nothing changes.
    if found == Header::Version(VERSION) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated meanwhile.
    let version = match header(&transaction)? {
        Header::Empty => 0,
        Header::Version(version) => version,
    };
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// What the file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// There is no table.
    Empty,
    /// It is a store of this version, which this program knows.
    Version(i64),
}

fn header(connection: &Connection) -> Result<Header, Why> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(Header::Empty),
        (APPLICATION, 1..=VERSION) => Ok(Header::Version(version)),
        (APPLICATION, _) => Err(Why::Newer { found: version, known: VERSION }),
        _ => Err(Why::Foreign),
    }
}
