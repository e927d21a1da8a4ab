//! Settings of the check: the raw form and its validation.

use std::time::Duration;

use datastores::{RawStore, Store};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawReference, Section, optional};

use crate::cache::Cache;
use crate::database::{Database, FailedJobs};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DATABASE_PORT: u16 = 3_306;
const CACHE_PORT: u16 = 6_379;
/// Longest statement. **Units:** characters.
const MAX_STATEMENT_LENGTH: usize = 2_000;

/// Check of the stores that hold the platform's data.
pub struct Backend {
    /// Deadline of one exchange.
    pub deadline: Duration,
    /// MySQL or MariaDB. `None`: not checked.
    pub database: Option<Database>,
    /// Redis or Valkey. `None`: not checked.
    pub cache: Option<Cache>,
}

/// Settings of the check `backend`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBackend {
    /// Longest time that one exchange with a store may take: 100ms to 10s. Connecting with TLS and log-in counts as
    /// one. The database aborts statements a little earlier. Default 3s.
    step_deadline: Option<RawDuration>,
    /// Database, MySQL or MariaDB. Default: not checked.
    database: Option<RawDatabase>,
    /// Cache, Redis or Valkey. Default: not checked.
    cache: Option<RawCache>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawDatabase {
    /// Host name or address. Required.
    host: Option<String>,
    /// Port. Default 3306.
    port: Option<u16>,
    /// True to encrypt the connection and verify the certificate, with Mozilla's authorities and
    /// `network.ca_certificates`. TLS without verification is not available. Default true.
    tls: Option<bool>,
    /// User with read-only access. Required.
    user: Option<String>,
    /// Reference to the password of the user. Default none.
    password: Option<RawReference>,
    /// Schema to use. Default none.
    name: Option<String>,
    /// Statement that must be answered in time: one `SELECT` of at most 2000 characters, without `;`. The content of
    /// the answer is not checked; more than 1000 rows, or 1 MiB in one row, is a failure of kind `body`. Choose an
    /// indexed statement that users depend on. Default none.
    read: Option<String>,
    /// Bounds of a replica. With this table the server must replicate from its source. Default: replication is not
    /// checked.
    replica: Option<RawReplica>,
    /// Laravel's table of failed jobs. Default: not counted.
    failed_jobs: Option<RawFailedJobs>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawReplica {
    /// Longest lag behind the source: 1s to 24h. Default 30s.
    lag_within: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawFailedJobs {
    /// Name of the table; it may be prefixed with another schema. Default `failed_jobs`.
    table: Option<String>,
    /// Age up to which failed jobs are counted, by the database's clock and `failed_at`: 1m to 24h. Default 15m.
    window: Option<RawDuration>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCache {
    /// Host name or address. Required.
    host: Option<String>,
    /// Port. Default 6379.
    port: Option<u16>,
    /// True to encrypt the connection and verify the certificate, with Mozilla's authorities and
    /// `network.ca_certificates`. TLS without verification is not available. Default true.
    tls: Option<bool>,
    /// User with permission for `INFO`, `PING` and `SELECT` only. Default: the server's default user.
    user: Option<String>,
    /// Reference to the password of the user. Default none.
    password: Option<RawReference>,
    /// Number of the database: 0 to 1000000. A cluster has 0 only. Default 0.
    database: Option<u32>,
    /// Greatest age of the last snapshot: 1m to 168h. Older is a failure of kind `stale`. Leave it out where snapshots
    /// are off. Default: not checked.
    saved_within: Option<RawDuration>,
}

impl RawBackend {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Backend> {
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 3, SECOND / 10..=SECOND * 10);
        if self.database.is_none() && self.cache.is_none() {
            section.problem("", "expected a table `database` or `cache`, found neither: nothing would be checked");
            return None;
        }
        let database = optional(self.database, |raw| raw.validate(&section.table("database"), common));
        let cache = optional(self.cache, |raw| raw.validate(&section.table("cache"), common));
        Some(Backend { deadline: deadline?, database: database?, cache: cache? })
    }
}

impl RawDatabase {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Database> {
        let Self { host, port, tls, user, password, .. } = self;
        // Unlike the cache, the database requires a user. A blank name is reported below.
        let user = section.required("user", user);
        let store = RawStore { host, port, tls, user: user.clone(), password };
        let store: Option<Store> = store.validate(section, common, Backend::ID, DATABASE_PORT);
        let schema = optional(self.name, |name| section.text("name", Some(name)));
        let read = optional(self.read, |read| section.parsed("read", statement(read)));
        let lag_within = optional(self.replica, |replica| {
            let section = section.table("replica");
            section.duration("lag_within", replica.lag_within, SECOND * 30, SECOND..=HOUR * 24)
        });
        let failed_jobs = optional(self.failed_jobs, |jobs| jobs.validate(&section.table("failed_jobs")));
        user?;
        Some(Database {
            store: store?,
            schema: schema?,
            read: read?,
            lag_within: lag_within?,
            failed_jobs: failed_jobs?,
        })
    }
}

/// Accepts a single `SELECT`. The user's grants and the read-only session enforce it; this catches mistakes early.
fn statement(written: String) -> Result<String, String> {
    let first = written.split_whitespace().next().unwrap_or_default();
    if !first.eq_ignore_ascii_case("select") {
        return Err(format!("expected a statement that begins with SELECT, found `{first}`"));
    }
    if written.contains(';') {
        return Err("expected one statement, without `;`".to_owned());
    }
    if written.chars().count() > MAX_STATEMENT_LENGTH {
        return Err(format!("expected at most {MAX_STATEMENT_LENGTH} characters"));
    }
    Ok(written)
}

impl RawFailedJobs {
    fn validate(self, section: &Section<'_>) -> Option<FailedJobs> {
        let table = section.parsed("table", table(section.or_default("table", self.table, "failed_jobs".to_owned())));
        let window = section.duration("window", self.window, MINUTE * 15, MINUTE..=HOUR * 24);
        Some(FailedJobs { table: table?, window: window? })
    }
}

/// Accepts the name of a table that needs no escapes.
fn table(written: String) -> Result<String, String> {
    let is_name = |name: &str| {
        (1..=64).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'))
    };
    if written.split('.').count() <= 2 && written.split('.').all(is_name) {
        return Ok(written);
    }
    Err(format!("expected a table such as `failed_jobs` or `platform.failed_jobs`, found `{written}`"))
}

impl RawCache {
    fn validate(self, section: &Section<'_>, common: &Common) -> Option<Cache> {
        let Self { host, port, tls, user, password, .. } = self;
        let store: Option<Store> =
            RawStore { host, port, tls, user, password }.validate(section, common, Backend::ID, CACHE_PORT);
        let database = section.number("database", self.database, 0, 0..=1_000_000);
        let saved_within = match self.saved_within {
            None => Some(None),
            written => section.duration("saved_within", written, HOUR, MINUTE..=HOUR * 168).map(Some),
        };
        Some(Cache { store: store?, database: database?, saved_within: saved_within? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_select_is_accepted() {
        for valid in ["SELECT COUNT(*) FROM bookings", " select\n1", "SELECT 'drop'"] {
            assert!(statement(valid.to_owned()).is_ok(), "{valid}");
        }
        for invalid in ["", "DELETE FROM users", "SELECT 1; DELETE FROM users", "SELECTED", "/* */ SELECT 1"] {
            assert!(statement(invalid.to_owned()).is_err(), "{invalid}");
        }
        assert!(statement(format!("SELECT {}", "1".repeat(MAX_STATEMENT_LENGTH))).is_err());
    }

    #[test]
    fn only_plain_table_names_are_accepted() {
        for valid in ["failed_jobs", "platform.failed_jobs", "a-b$1"] {
            assert!(table(valid.to_owned()).is_ok(), "{valid}");
        }
        for invalid in ["", "a.b.c", ".a", "a`b", "a b", "ø"] {
            assert!(table(invalid.to_owned()).is_err(), "{invalid}");
        }
    }
}
