//! Servers with their data below cargo's folder for tests.

use check_testkit::servers::{Folder, MariaDb, Redis};

/// Starts a MariaDB with further options, and runs further statements once.
pub fn mariadb(options: &[&str], statements: &str) -> MariaDb {
    MariaDb::start(Folder::new(env!("CARGO_TARGET_TMPDIR"), "mariadb"), options, statements)
}

/// Starts a Redis with further options.
pub fn redis(options: &[&str]) -> Redis {
    Redis::start(Folder::new(env!("CARGO_TARGET_TMPDIR"), "redis"), options)
}
