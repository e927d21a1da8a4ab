#![doc = include_str!("../README.md")]

mod cache;
mod database;
mod memory;
mod settings;

use std::collections::BTreeSet;
use std::time::Duration;

use ::settings::{Common, Contract, Section};
use check::Subject;
use runtime::{Check, MemoryCell, Run};

pub use self::settings::{Backend, RawBackend};
pub use cache::Cache;
pub use database::{Database, FailedJobs};
use memory::Memory;

impl Check for Backend {
    const ID: &'static str = "backend";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = true;

    type Raw = RawBackend;
    type Memory = Memory;

    fn read(raw: RawBackend, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// Twice the deadline: one for an exchange that times out, after which nothing more is sent, and one for all before it.
    fn max_attempt_duration(&self) -> Duration {
        self.deadline * 2
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        let database = self.database.iter().map(|_| database::subject());
        Some(database.chain(self.cache.iter().map(|_| cache::subject())).collect())
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let past = memory.get();
        let database = async {
            match &self.database {
                Some(database) => database.check(run, self.deadline, past.database.as_ref()).await,
                None => None,
            }
        };
        let cache = async {
            match &self.cache {
                Some(cache) => cache.check(run, self.deadline, past.cache.as_ref()).await,
                None => None,
            }
        };
        let (database, cache) = futures::join!(database, cache);
        // A store that was not read now is compared with its last reading in the next run.
        memory.set(Memory { database: database.or(past.database), cache: cache.or(past.cache) });
    }
}
