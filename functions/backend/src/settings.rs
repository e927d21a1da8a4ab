//! The settings of the check: what is written, and what it must be.

use std::time::Duration;

use runtime::Check;
use runtime::settings::{Common, Section, written_duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stores::{RawStore, Store};

use crate::{Backend, Cache, Database, FailedJobs};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DATABASE_PORT: u16 = 3_306;
const CACHE_PORT: u16 = 6_379;
/// The most characters of a statement.
const LONGEST_READ: usize = 2_000;

/// As written.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBackend {
    /// The longest one exchange with a store may take: 100ms to 10s. Default 3s.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_deadline: Option<String>,
    /// MySQL or MariaDB; not looked at without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<RawDatabase>,
    /// Redis or Valkey; not looked at without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<RawCache>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawDatabase {
    /// Its name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Its port. Default 3306.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// Whether the connection is encrypted, and its certificate judged. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<bool>,
    /// A user who may read, and no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// A reference to the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// The schema. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// One `SELECT` that must be answered in time. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    /// That it is a replica; it is not looked at as one without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<RawReplica>,
    /// Laravel's table of jobs that failed; not looked at without this table.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_jobs: Option<RawFailedJobs>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawReplica {
    /// How far it may lag behind its source: 1s to 24h. Default 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_within: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawFailedJobs {
    /// The table; its schema may stand before it. Default `failed_jobs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// How far back they are counted: 1m to 24h. Default 15m.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawCache {
    /// Its name or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Its port. Default 6379.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// Whether the connection is encrypted, and its certificate judged. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<bool>,
    /// A user who may ask for `INFO`, and no more. Default none: the default user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// A reference to the password. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// The number of its database. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<u32>,
    /// How long ago it may have saved its data last: 1m to 7 days, `168h`. Default none: not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_within: Option<String>,
}

impl RawBackend {
    /// `None` when something is wrong; the section holds all problems then.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Backend> {
        let deadline = section.duration("step_deadline", self.step_deadline, SECOND * 3, SECOND / 10..=SECOND * 10);
        if self.database.is_none() && self.cache.is_none() {
            section.problem("", "expected a table `database` or `cache`, found neither: nothing would be looked at");
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
        // Nobody reads without a name, unlike of a cache. A blank one is noted below.
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

/// One statement that reads. The server's grants and the session keep it to that; this is against mistakes.
fn statement(written: String) -> Result<String, String> {
    let first = written.split_whitespace().next().unwrap_or_default();
    if !first.eq_ignore_ascii_case("select") {
        return Err(format!("expected a statement that begins with SELECT, found `{first}`"));
    }
    if written.contains(';') {
        return Err("expected one statement, without `;`".to_owned());
    }
    if written.chars().count() > LONGEST_READ {
        return Err(format!("expected at most {LONGEST_READ} characters"));
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

/// A name that needs no escapes.
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
    /// As it would be written, every default in its place.
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
    fn what_is_read_is_one_select() {
        for sound in ["SELECT COUNT(*) FROM bookings", " select\n1", "SELECT 'drop'"] {
            assert!(statement(sound.to_owned()).is_ok(), "{sound}");
        }
        for wrong in ["", "DELETE FROM users", "SELECT 1; DELETE FROM users", "SELECTED", "/* */ SELECT 1"] {
            assert!(statement(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert!(statement(format!("SELECT {}", "1".repeat(LONGEST_READ))).is_err());
    }

    #[test]
    fn a_table_is_a_plain_name() {
        for sound in ["failed_jobs", "platform.failed_jobs", "a-b$1"] {
            assert!(table(sound.to_owned()).is_ok(), "{sound}");
        }
        for wrong in ["", "a.b.c", ".a", "a`b", "a b", "ø"] {
            assert!(table(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
