//! Settings of the check: the raw form and its validation.

use std::time::Duration;

use runtime::Check;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::{Common, Section, written_duration};
use stores::{RawStore, Store};

use crate::{Backend, Cache, Database, FailedJobs};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DATABASE_PORT: u16 = 3_306;
const CACHE_PORT: u16 = 6_379;
/// Longest statement. **Units:** characters.
const MAX_STATEMENT_LENGTH: usize = 2_000;

/// Settings of the check `backend`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBackend {
    /// Deadline of one exchange with a store: 100ms to 10s. Default 3s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// Database, MySQL or MariaDB. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<RawDatabase>,
    /// Cache, Redis or Valkey. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<RawCache>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawDatabase {
    /// Host name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Port. Default 3306.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// TLS with a verified certificate. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<bool>,
    /// User with read-only access. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Reference to the password of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// Default schema of the statements. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// One `SELECT` statement that must succeed in time: at most 2000 characters, without `;`. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    /// Bounds of a replica. Default: replication is not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<RawReplica>,
    /// Laravel's table of failed jobs. Default: not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_jobs: Option<RawFailedJobs>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawReplica {
    /// Longest lag behind the source: 1s to 24h. Default 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_within: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawFailedJobs {
    /// Name of the table, optionally with its schema. Default `failed_jobs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// Age up to which jobs are counted: 1m to 24h. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCache {
    /// Host name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Port. Default 6379.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// TLS with a verified certificate. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<bool>,
    /// User who may run `PING`, `SELECT` and `INFO` only. Default: the server's default user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Reference to the password. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// Number of the database: 0 to 1000000. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<u32>,
    /// Longest time since the last snapshot: 1m to 168h. Default: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_within: Option<String>,
}

impl RawBackend {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Backend> {
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 3, SECOND / 10..=SECOND * 10);
        if self.database.is_none() && self.cache.is_none() {
            section.problem("", "expected a table `database` or `cache`, found neither: nothing would be checked");
            return None;
        }
        let database = match self.database {
            None => Some(None),
            Some(raw) => raw.validate(&section.table("database"), common).map(Some),
        };
        let cache = match self.cache {
            None => Some(None),
            Some(raw) => raw.validate(&section.table("cache"), common).map(Some),
        };
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
        let schema = match self.name {
            None => Some(None),
            Some(name) => section.text("name", Some(name)).map(Some),
        };
        let read = match self.read {
            None => Some(None),
            Some(read) => section.parsed("read", statement(read)).map(Some),
        };
        let lag_within = match self.replica {
            None => Some(None),
            Some(replica) => {
                let section = section.table("replica");
                section.duration("lag_within", replica.lag_within, SECOND * 30, SECOND..=HOUR * 24).map(Some)
            }
        };
        let failed_jobs = match self.failed_jobs {
            None => Some(None),
            Some(jobs) => jobs.validate(&section.table("failed_jobs")).map(Some),
        };
        user?;
        Some(Database {
            store: store?,
            schema: schema?,
            read: read?,
            lag_within: lag_within?,
            failed_jobs: failed_jobs?,
        })
    }

    fn from_settings(database: &Database) -> Self {
        let RawStore { host, port, tls, user, password } = RawStore::from(&database.store);
        let replica = |within| RawReplica { lag_within: Some(written_duration(within)) };
        let failed_jobs = |jobs: &FailedJobs| RawFailedJobs {
            table: Some(jobs.table.clone()),
            window: Some(written_duration(jobs.window)),
        };
        Self {
            host,
            port,
            tls,
            user,
            password,
            name: database.schema.clone(),
            read: database.read.clone(),
            replica: database.lag_within.map(replica),
            failed_jobs: database.failed_jobs.as_ref().map(failed_jobs),
        }
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
        let table = section.parsed("table", table(self.table.unwrap_or_else(|| "failed_jobs".to_owned())));
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

    fn from_settings(cache: &Cache) -> Self {
        let RawStore { host, port, tls, user, password } = RawStore::from(&cache.store);
        Self {
            host,
            port,
            tls,
            user,
            password,
            database: Some(cache.database),
            saved_within: cache.saved_within.map(written_duration),
        }
    }
}

impl Backend {
    /// Raw form with every default filled in.
    pub(crate) fn to_raw(&self) -> RawBackend {
        RawBackend {
            step_deadline: Some(written_duration(self.deadline)),
            database: self.database.as_ref().map(RawDatabase::from_settings),
            cache: self.cache.as_ref().map(RawCache::from_settings),
        }
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
