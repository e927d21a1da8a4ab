//! One attempt: the flow under a deadline, with panics caught and compensation always run.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;

use check::{Attempt, Cause, Inconclusive, Journey, Leftover, Outcome};
use probe::{Client, Connections, Identity};

use crate::check_trait::Check;
use crate::execution::Execution;
use crate::leftover::FoundLeftover;
use crate::memory::MemoryCell;
use crate::ports::Ports;
use crate::prepared::Prepared;
use crate::reserve::COMPENSATIONS_DEADLINE;
use crate::run::{Compensation, Run};

/// Instructions for leftovers of a check without a cleanup, where the check gives none.
const BY_HAND: &str = "Remove it on the platform by hand; `synthetics cleanup` does not know it.";

/// Longest time for one compensation.
const COMPENSATION_DEADLINE: Duration = Duration::from_secs(3);

pub(crate) struct AttemptResult {
    pub(crate) attempt: Attempt,
    /// True if the flow ran to its end. A flow cut off earlier reports no subject as healthy: it may not have reached
    /// the failing step.
    pub(crate) is_complete: bool,
    pub(crate) leftovers: Vec<Leftover>,
}

/// Time limit of an attempt.
#[derive(Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) time: Duration,
    /// True if Lambda leaves less time than the settings allow for an attempt: a timeout is then our fault, not the
    /// platform's.
    pub(crate) is_cut_short: bool,
}

/// Work to do at the platform.
pub(crate) enum Task<'a, M> {
    /// The check's flow, with its memory.
    Flow(&'a MemoryCell<M>),
    /// Finds leftovers of earlier runs, and removes them if `remove` is set.
    Cleanup { remove: bool, found: &'a Mutex<Vec<FoundLeftover>> },
}

/// Runs a task once and always returns a record of it.
pub(crate) async fn attempt<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    execution: &Execution<'_>,
    allowance: Allowance,
    task: Task<'_, C::Memory>,
) -> AttemptResult {
    let process_redactor = ports.redactor.clone();
    let ports = &Ports { redactor: process_redactor.scoped(), ..ports.clone() };
    let started = ports.clock.now();
    let identity = Identity { run_id: execution.run_id.to_owned(), trace_id: execution.trace_id.to_owned() };
    let clock = ports.clock.clone();
    let now = std::sync::Arc::new(move || clock.now());
    let (tls, egress) = (&prepared.common.network.tls, &prepared.egress);
    let client = match Client::new(tls, egress, identity, ports.redactor.clone(), now, Connections::Fresh) {
        Ok(client) => client,
        Err(error) => {
            let attempt = not_started(ports, Cause::Internal, &error.to_string());
            return AttemptResult { attempt, is_complete: false, leftovers: Vec::new() };
        }
    };
    let run = Run::new((ports.recorder)(started), client, ports, process_redactor, execution);

    let began = Instant::now();
    // The async block also catches panics raised before the check's future exists.
    let flow = AssertUnwindSafe(async {
        match task {
            Task::Flow(memory) => prepared.check.attempt(&run, memory).await,
            Task::Cleanup { remove, found } => {
                let leftovers = prepared.check.cleanup(&run, remove).await;
                *found.lock().unwrap_or_else(PoisonError::into_inner) = leftovers;
            }
        }
    })
    .catch_unwind();
    let ended = tokio::time::timeout(allowance.time, flow).await;
    let took = began.elapsed().saturating_sub(run.waited());
    let is_complete = matches!(ended, Ok(Ok(())));
    let is_late = ended.is_err();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            let detail = ports.redactor.redact(&format!("the check panicked: {}", panic_message(panic.as_ref())));
            run.journey().record_internal_error(detail, ports.clock.now());
        }
        Err(_) if allowance.is_cut_short => {
            let detail = format!("the function had only {} ms left for the attempt", allowance.time.as_millis());
            run.journey().record_internal_error(detail, ports.clock.now());
        }
        Err(_) => run.journey().interrupt(allowance.time, ports.clock.now()),
    }
    let mut leftovers = compensate(run.take_compensations(), ports).await;
    leftovers.extend(run.take_leftovers());
    if !C::HAS_CLEANUP {
        for leftover in &mut leftovers {
            leftover.instructions.get_or_insert_with(|| BY_HAND.to_owned());
        }
    }
    let mut attempt = run.into_journey().finish(took);
    if is_late && matches!(attempt.outcome(), Outcome::Passed | Outcome::Maintenance { .. }) {
        // No step was running at the deadline, so no step has failed; but the run has not passed either.
        let mut journey = Journey::new(started);
        let detail = format!("cut off between two steps: not done within the run's {} ms", allowance.time.as_millis());
        journey.record_internal_error(detail, ports.clock.now());
        attempt.steps.extend(journey.finish(Duration::ZERO).steps);
    }
    AttemptResult { attempt, is_complete, leftovers }
}

/// Records an attempt whose task could not be started.
pub(crate) fn not_started(ports: &Ports, cause: Cause, detail: &str) -> Attempt {
    let now = ports.clock.now();
    let mut journey = (ports.recorder)(now);
    journey.record_inconclusive(Inconclusive { cause, detail: ports.redactor.redact(detail) }, now);
    journey.finish(Duration::ZERO)
}

/// Undoes in reverse order. A compensation that fails, hangs or panics does not stop the others while there is time
/// left.
async fn compensate(compensations: Vec<Compensation>, ports: &Ports) -> Vec<Leftover> {
    let mut leftovers = Vec::new();
    let end = tokio::time::Instant::now() + COMPENSATIONS_DEADLINE;
    for Compensation { name, instructions, undo } in compensations.into_iter().rev() {
        let time = end.saturating_duration_since(tokio::time::Instant::now()).min(COMPENSATION_DEADLINE);
        if time.is_zero() {
            let detail =
                format!("not started: the other compensations used all {} s", COMPENSATIONS_DEADLINE.as_secs());
            leftovers.push(Leftover { compensation: name, detail, instructions });
            continue;
        }
        let result = tokio::time::timeout(time, AssertUnwindSafe(undo).catch_unwind()).await;
        let detail = match result {
            Ok(Ok(Ok(()))) => continue,
            Ok(Ok(Err(detail))) => detail,
            Ok(Err(panic)) => format!("panicked: {}", panic_message(panic.as_ref())),
            Err(_) => format!("not done within {:.1} s", time.as_secs_f64()),
        };
        leftovers.push(Leftover { compensation: name, detail: ports.redactor.redact(&detail), instructions });
    }
    leftovers
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
