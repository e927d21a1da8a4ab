//! One attempt: the flow under a deadline, with panics caught and compensation always run.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;

use check::{Attempt, Cause, Leftover, Outcome, Phrase, Piece, Redact, foreign, ours, phrase};
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

/// Longest time for the requests in flight when the process is asked to stop.
const LAST_REQUEST_DEADLINE: Duration = Duration::from_secs(2);

/// Longest time for one compensation.
const COMPENSATION_DEADLINE: Duration = Duration::from_secs(3);

pub(crate) struct AttemptResult {
    pub(crate) attempt: Attempt,
    /// True if the flow ran to its end. A flow cut off earlier reports no subject as healthy: it may not have reached
    /// the failing step.
    pub(crate) is_complete: bool,
    pub(crate) leftovers: Vec<Leftover>,
    pub(crate) warnings: Vec<Phrase>,
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
    if ports.interrupt.is_cancelled() {
        let attempt = not_started(ports, Cause::Interrupted, phrase!("not run, since the program was stopped"));
        return AttemptResult { attempt, is_complete: false, leftovers: Vec::new(), warnings: Vec::new() };
    }
    let process_redactor = ports.redactor.clone();
    let ports = &Ports { redactor: process_redactor.scoped(), ..ports.clone() };
    let started = ports.clock.now();
    let identity = Identity { run_id: execution.run_id.to_owned(), trace_id: execution.trace_id.to_owned() };
    let clock = ports.clock.clone();
    let now = Arc::new(move || clock.now());
    let (tls, egress) = (&prepared.common.network.tls, &prepared.egress);
    let client = match Client::new(tls, egress, identity, ports.redactor.clone(), now, Connections::Fresh) {
        Ok(client) => client.with_limits(prepared.limits),
        Err(error) => {
            let attempt = not_started(ports, Cause::Internal, error.describe());
            return AttemptResult { attempt, is_complete: false, leftovers: Vec::new(), warnings: Vec::new() };
        }
    };
    let run = Run::new((ports.recorder)(started, redactor(ports)), client, ports, process_redactor, execution);

    let began = Instant::now();
    // The async block also catches panics raised before the check's future exists.
    let flow = AssertUnwindSafe(async {
        match task {
            Task::Flow(memory) => {
                // Boxed: the types of all flows' futures would otherwise be nested too deeply for the compiler.
                let flow: BoxFuture<'_, ()> = Box::pin(prepared.check.attempt(&run, memory));
                flow.await;
            }
            Task::Cleanup { remove, found } => {
                let leftovers = prepared.check.cleanup(&run, remove).await;
                *found.lock().unwrap_or_else(PoisonError::into_inner) = leftovers;
            }
        }
    })
    .catch_unwind();
    let interrupted = async {
        ports.interrupt.cancelled().await;
        // A request that hangs is cut off.
        let _ = tokio::time::timeout(LAST_REQUEST_DEADLINE, run.quiet()).await;
    };
    let ended = tokio::select! {
        biased;
        () = interrupted => Ended::Interrupted,
        ended = tokio::time::timeout(allowance.time, flow) => match ended {
            Ok(Ok(())) => Ended::Complete,
            Ok(Err(panic)) => Ended::Panicked(panic_message(panic.as_ref())),
            Err(_) => Ended::Late,
        },
    };
    let took = began.elapsed().saturating_sub(run.waited());
    match &ended {
        Ended::Complete | Ended::Interrupted => {}
        Ended::Panicked(message) => {
            let detail = phrase!("the check panicked: {}", message.clone());
            run.journey().record_internal_error(detail, ports.clock.now());
        }
        Ended::Late if allowance.is_cut_short => {
            let detail = phrase!("the function had only {} ms left for the attempt", allowance.time.as_millis());
            run.journey().record_internal_error(detail, ports.clock.now());
        }
        Ended::Late => run.journey().time_out(allowance.time, ports.clock.now()),
    }
    let Compensated { undone, mut leftovers } = compensate(run.take_compensations(), ports).await;
    leftovers.extend(run.take_leftovers());
    if matches!(ended, Ended::Interrupted) {
        let undone = if undone.is_empty() { "nothing".to_owned() } else { undone.join(", ") };
        run.journey().record_interruption(phrase!("stopped on request; undone: {}", ours(undone)), ports.clock.now());
    }
    if !C::HAS_CLEANUP {
        for leftover in &mut leftovers {
            leftover.instructions.get_or_insert_with(|| BY_HAND.to_owned());
        }
    }
    let warnings = run.take_warnings();
    let mut attempt = run.into_journey().finish(took);
    if matches!(ended, Ended::Late) && matches!(attempt.outcome(), Outcome::Passed | Outcome::Maintenance { .. }) {
        // No step was running at the deadline, so no step has failed; but the run has not passed either.
        let detail = phrase!("cut off between two steps: not done within the run's {} ms", allowance.time.as_millis());
        attempt.steps.extend(not_started(ports, Cause::Internal, detail).steps);
    }
    AttemptResult { attempt, is_complete: matches!(ended, Ended::Complete), leftovers, warnings }
}

/// End of a task.
enum Ended {
    /// The task ran to its end.
    Complete,
    /// The task panicked with this message.
    Panicked(Piece),
    /// The deadline was reached.
    Late,
    /// The process was asked to stop.
    Interrupted,
}

/// Records an attempt whose task could not be started.
pub(crate) fn not_started(ports: &Ports, cause: Cause, detail: impl Into<Phrase>) -> Attempt {
    let now = ports.clock.now();
    let mut journey = (ports.recorder)(now, redactor(ports));
    journey.record_inconclusive(cause, detail, now);
    journey.finish(Duration::ZERO)
}

fn redactor(ports: &Ports) -> Arc<dyn Redact> {
    Arc::new(ports.redactor.clone())
}

/// Results of the compensations.
#[derive(Default)]
struct Compensated {
    /// Names of those that succeeded, in their order.
    undone: Vec<String>,
    /// Objects that could not be removed.
    leftovers: Vec<Leftover>,
}

/// Undoes in reverse order. A compensation that fails, hangs or panics does not stop the others while there is time
/// left.
async fn compensate(compensations: Vec<Compensation>, ports: &Ports) -> Compensated {
    let Compensated { mut undone, mut leftovers } = Compensated::default();
    let end = tokio::time::Instant::now() + COMPENSATIONS_DEADLINE;
    for Compensation { name, instructions, undo } in compensations.into_iter().rev() {
        let time = end.saturating_duration_since(tokio::time::Instant::now()).min(COMPENSATION_DEADLINE);
        if time.is_zero() {
            let detail =
                phrase!("not started: the other compensations used all {} s", ours(COMPENSATIONS_DEADLINE.as_secs()));
            leftovers.push(Leftover::new(name, detail, instructions, &ports.redactor));
            continue;
        }
        let result = tokio::time::timeout(time, AssertUnwindSafe(undo).catch_unwind()).await;
        let detail = match result {
            Ok(Ok(Ok(()))) => {
                undone.push(name);
                continue;
            }
            Ok(Ok(Err(detail))) => detail,
            Ok(Err(panic)) => phrase!("panicked: {}", panic_message(panic.as_ref())),
            Err(_) => phrase!("not done within {} s", ours(format_args!("{:.1}", time.as_secs_f64()))),
        };
        leftovers.push(Leftover::new(name, detail, instructions, &ports.redactor));
    }
    Compensated { undone, leftovers }
}

/// Message of a panic. It may quote what the check was working on.
fn panic_message(panic: &(dyn Any + Send)) -> Piece {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    message.map_or_else(|| ours("without a message"), foreign)
}
