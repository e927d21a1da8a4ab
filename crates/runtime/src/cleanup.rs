//! What earlier runs left behind at the platform: found, and removed when asked to.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use check::{Outcome, RunKey, Shard};

use crate::attempt::{Allowance, Execution, Task, attempt};
use crate::run_id::run_id;
use crate::{Check, Ports, Prepared};

/// Something that a run created and nothing has removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundLeftover {
    /// What it is: `booking`, `invoice`.
    pub what: String,
    /// Its id at the platform.
    pub id: String,
    /// The id of the run that created it.
    pub run_id: String,
    /// When that run began.
    pub began: Timestamp,
    /// Whether it was removed now.
    pub removed: bool,
}

/// What a sweep found.
#[derive(Clone, Debug, Serialize)]
pub struct CleanupReport {
    /// The check that creates such things.
    pub check: String,
    /// What was found.
    pub leftovers: Vec<FoundLeftover>,
    /// How looking went: passed, or what kept it from looking everywhere.
    pub outcome: Outcome,
}

/// Looks for what earlier runs of a check left behind. Nothing is stored, published or told.
///
/// **Side effects:** requests to the platform; removes what it finds when `remove` says so.
pub(crate) async fn cleanup<C: Check>(prepared: &Prepared<C>, ports: &Ports, remove: bool) -> CleanupReport {
    let started = ports.clock.now();
    let key = RunKey {
        check: C::ID.to_owned(),
        location: ports.location.clone(),
        shard: Shard::MANUAL,
        scheduled_time: started,
    };
    let id = run_id(started);
    let (run_id, trace_id) = (id.to_string(), id.simple().to_string());
    let execution = Execution { key: &key, run_id: &run_id, trace_id: &trace_id, may_send: false };
    let allowance = Allowance { time: prepared.run.deadline, is_cut_short: false };
    let found = Mutex::new(Vec::new());
    let attempted =
        attempt(prepared, ports, &execution, allowance, None, Task::Cleanup { remove, found: &found }).await;
    let leftovers = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    CleanupReport { check: C::ID.to_owned(), leftovers, outcome: attempted.attempt.outcome() }
}
