//! Cleanup: finds leftovers of earlier runs at the platform, and removes them on request.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use check::{Outcome, RunKey, Shard};

use crate::attempt::{Allowance, Task, attempt};
use crate::check_trait::Check;
use crate::execution::Execution;
use crate::leftover::FoundLeftover;
use crate::ports::Ports;
use crate::prepared::Prepared;
use crate::run_id::run_id;

/// Result of a cleanup.
#[derive(Clone, Debug, Serialize)]
pub struct CleanupReport {
    /// Check that created the leftovers.
    pub check: String,
    /// Leftovers found.
    pub leftovers: Vec<FoundLeftover>,
    /// Outcome of the search: passed, or the reason why it is incomplete.
    pub outcome: Outcome,
}

/// Finds leftovers of a check's earlier runs. Nothing is stored, published or notified.
///
/// **Side effects:** sends requests to the platform; deletes the leftovers if `remove` is set.
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
    let execution = Execution {
        key: &key,
        run_id: &run_id,
        trace_id: &trace_id,
        may_send: false,
        is_confirming: false,
        tag: None,
        explanation: None,
    };
    let allowance = Allowance { time: prepared.run.deadline, is_cut_short: false };
    let found = Mutex::new(Vec::new());
    let attempted = attempt(prepared, ports, &execution, allowance, Task::Cleanup { remove, found: &found }).await;
    let leftovers = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    CleanupReport { check: C::ID.to_owned(), leftovers, outcome: attempted.attempt.outcome() }
}
