//! One attempt: under a deadline, a panic caught, compensation always.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;

use check::{Attempt, Journey, Leftover, Outcome, RunKey};
use probe::{Client, Connections, Identity};

use crate::run::Compensation;
use crate::{Check, FoundLeftover, Ports, Prepared, Run};

/// What is kept back of the Lambda's time for writing, publishing and telling. A run that is killed says nothing.
const TELLING: Duration = Duration::from_secs(9);

/// Instructions for leftovers of a check without a cleanup, where the check gives none.
const BY_HAND: &str = "Remove it on the platform by hand; `synthetics cleanup` does not know it.";

/// The time that one compensation may take.
const COMPENSATION_DEADLINE: Duration = Duration::from_secs(3);
/// The time that all compensations of an attempt may take together.
const COMPENSATIONS_DEADLINE: Duration = Duration::from_secs(5);

/// What is kept back of the Lambda's time after an attempt: to undo, where something is created, and to tell.
#[must_use]
pub const fn reserve(is_read_only: bool) -> Duration {
    if is_read_only { TELLING } else { TELLING.saturating_add(COMPENSATIONS_DEADLINE) }
}

/// Which execution an attempt is of.
pub(crate) struct Execution<'a> {
    pub(crate) key: &'a RunKey,
    pub(crate) run_id: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) may_send: bool,
}

pub(crate) struct Attempted {
    pub(crate) attempt: Attempt,
    /// Whether the flow came to its end. One that was cut off says of nothing that it is healthy: it may not have got to
    /// what is wrong.
    pub(crate) is_whole: bool,
    pub(crate) memory: Option<String>,
    pub(crate) leftovers: Vec<Leftover>,
}

/// How long an attempt may take.
#[derive(Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) time: Duration,
    /// Whether Lambda leaves less than the settings allow an attempt: what is cut off then is late by our fault.
    pub(crate) is_cut_short: bool,
}

/// What is done at the platform.
pub(crate) enum Task<'a> {
    /// The check's flow.
    Flow,
    /// Finding what earlier runs left behind, and removing it or not.
    Cleanup { remove: bool, found: &'a Mutex<Vec<FoundLeftover>> },
}

/// Does a task once. Whatever happens, there is a record of it.
pub(crate) async fn attempt<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    execution: &Execution<'_>,
    allowance: Allowance,
    remembered: Option<String>,
    task: Task<'_>,
) -> Attempted {
    let lasting = ports.redactor.clone();
    let ports = &Ports { redactor: lasting.scoped(), ..ports.clone() };
    let started = ports.clock.now();
    let journey = (ports.recorder)(started);
    let identity = Identity { run_id: execution.run_id.to_owned(), trace_id: execution.trace_id.to_owned() };
    let clock = ports.clock.clone();
    let now = std::sync::Arc::new(move || clock.now());
    let (tls, egress) = (&prepared.common.network.tls, &prepared.egress);
    let client = match Client::new(tls, egress, identity, ports.redactor.clone(), now, Connections::Fresh) {
        Ok(client) => client,
        Err(error) => return broken(journey, &error.to_string(), started, remembered),
    };
    let run = Run::new(journey, client, ports, lasting, &prepared.common, execution, remembered);

    let began = Instant::now();
    // The block, so that what a flow does before its future is there is caught too.
    let flow = AssertUnwindSafe(async {
        match task {
            Task::Flow => prepared.check.attempt(&run).await,
            Task::Cleanup { remove, found } => {
                let leftovers = prepared.check.cleanup(&run, remove).await;
                *found.lock().unwrap_or_else(PoisonError::into_inner) = leftovers;
            }
        }
    })
    .catch_unwind();
    let ended = tokio::time::timeout(allowance.time, flow).await;
    let took = began.elapsed().saturating_sub(run.waited());
    let is_whole = matches!(ended, Ok(Ok(())));
    let is_late = ended.is_err();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            let detail = ports.redactor.redact(&format!("the check panicked: {}", panic_message(panic.as_ref())));
            run.journey().broke_down(detail, ports.clock.now());
        }
        Err(_) if allowance.is_cut_short => {
            let detail = format!("the function had only {} ms left for the attempt", allowance.time.as_millis());
            run.journey().broke_down(detail, ports.clock.now());
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
    let (journey, memory) = run.into_parts();
    let mut attempt = journey.finish(took);
    if is_late && matches!(attempt.outcome(), Outcome::Passed | Outcome::Maintenance { .. }) {
        // No step ran when the time was up, so none has failed by it. That is no pass.
        let mut journey = Journey::new(started);
        let detail = format!("cut off between two steps: not done within the run's {} ms", allowance.time.as_millis());
        journey.broke_down(detail, ports.clock.now());
        attempt.steps.extend(journey.finish(Duration::ZERO).steps);
    }
    Attempted { attempt, is_whole, memory, leftovers }
}

fn broken(mut journey: Journey, detail: &str, now: Timestamp, memory: Option<String>) -> Attempted {
    journey.broke_down(detail.to_owned(), now);
    Attempted { attempt: journey.finish(Duration::ZERO), is_whole: false, memory, leftovers: Vec::new() }
}

/// Undoes in reverse order; one that fails, hangs or panics does not stop the others, as long as there is time.
async fn compensate(compensations: Vec<Compensation>, ports: &Ports) -> Vec<Leftover> {
    let mut leftovers = Vec::new();
    let end = tokio::time::Instant::now() + COMPENSATIONS_DEADLINE;
    for Compensation { name, instructions, undo } in compensations.into_iter().rev() {
        let time = end.saturating_duration_since(tokio::time::Instant::now()).min(COMPENSATION_DEADLINE);
        if time.is_zero() {
            let detail = format!("not begun: the others took all {} s", COMPENSATIONS_DEADLINE.as_secs());
            leftovers.push(Leftover { compensation: name, detail, instructions });
            continue;
        }
        let undone = tokio::time::timeout(time, AssertUnwindSafe(undo).catch_unwind()).await;
        let detail = match undone {
            Ok(Ok(Ok(()))) => continue,
            Ok(Ok(Err(detail))) => detail,
            Ok(Err(panic)) => format!("panicked: {}", panic_message(panic.as_ref())),
            Err(_) => format!("not done within {} s", time.as_secs_f64()),
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
