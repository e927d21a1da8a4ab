//! Do the database and the cache answer, and have they room?
//!
//! Two subjects, side by side, each over one connection. Of `database`, MySQL or MariaDB:
//! 1. `connect`: it lets us in.
//! 2. `select`: `SELECT 1`, for its time alone.
//! 3. `read`: one statement of the settings.
//! 4. `status`: its connections, and its slow queries since the last run.
//! 5. `replication`: of a replica, that it follows, and how closely.
//! 6. `failed-jobs`: how many jobs were given up lately, by Laravel's own table.
//!
//! Of `cache`, Redis or Valkey:
//! 1. `connect`: it lets us in.
//! 2. `ping`: for its time alone.
//! 3. `info`: it has loaded its data and can save it; its memory, and what it threw out and refused since the last run.
//!
//! Writes nothing: the session of the database is read-only. Needs the private network. Publishes `DatabaseLatency`,
//! `ConnectionsUsed`, `CacheLatency` and `CacheMemoryUsed`.

mod cache;
mod database;
mod memory;
mod settings;

use std::collections::BTreeSet;
use std::time::Duration;

use check::Subject;
use runtime::settings::{Common, Section};
use runtime::{Check, Run};

pub use cache::Cache;
pub use database::{Database, FailedJobs};
use memory::Memory;
pub use settings::RawBackend;

/// The stores that the platform keeps its data in.
pub struct Backend {
    /// The longest one exchange may take.
    pub deadline: Duration,
    /// MySQL or MariaDB; `None`: not looked at.
    pub database: Option<Database>,
    /// Redis or Valkey; `None`: not looked at.
    pub cache: Option<Cache>,
}

impl Check for Backend {
    const ID: &'static str = "backend";
    const READ_ONLY: bool = true;

    type Raw = RawBackend;

    fn read(raw: RawBackend, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawBackend {
        self.to_raw()
    }

    /// An exchange at its slowest, after which nothing more is asked, and the rest of the way as long again.
    fn max_attempt_duration(&self) -> Duration {
        self.deadline * 2
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        let database = self.database.iter().map(|_| database::subject());
        Some(database.chain(self.cache.iter().map(|_| cache::subject())).collect())
    }

    async fn attempt(&self, run: &Run) {
        let past: Memory = run.recall().unwrap_or_default();
        let database = async {
            match &self.database {
                Some(database) => database.look(run, self.deadline, past.database.as_ref()).await,
                None => None,
            }
        };
        let cache = async {
            match &self.cache {
                Some(cache) => cache.look(run, self.deadline, past.cache.as_ref()).await,
                None => None,
            }
        };
        let (database, cache) = futures::join!(database, cache);
        // What was not seen this time is compared with what was seen last.
        run.remember(&Memory { database: database.or(past.database), cache: cache.or(past.cache) });
    }
}
