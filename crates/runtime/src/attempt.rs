//! One attempt: under a deadline, a panic caught, compensation always.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;

use check::{Attempt, Journey, LeftBehind, RunKey};
use probe::{Client, Connections, Identity};

use crate::run::Compensation;
use crate::{Check, Ports, Run};

/// What is kept back of the Lambda's time, for compensation, publishing and telling. A run that is killed says nothing.
pub const RESERVE: Duration = Duration::from_secs(9);

/// The part of the reserve that one compensation may take.
const COMPENSATION_DEADLINE: Duration = Duration::from_secs(3);

/// Which execution an attempt is of.
pub(crate) struct Execution<'a> {
    pub(crate) key: &'a RunKey,
    pub(crate) run_id: &'a str,
    pub(crate) trace_id: &'a str,
}

pub(crate) struct Attempted {
    pub(crate) attempt: Attempt,
    pub(crate) memory: Option<String>,
    pub(crate) left_behind: Vec<LeftBehind>,
}

/// Runs the flow once. Whatever happens, there is a record of it.
pub(crate) async fn attempt<C: Check>(
    check: &C,
    ports: &Ports,
    execution: &Execution<'_>,
    deadline: Duration,
    remembered: Option<String>,
) -> Attempted {
    let started = ports.clock.now();
    let journey = (ports.recorder)(started);
    let identity = Identity { run_id: execution.run_id.to_owned(), trace_id: execution.trace_id.to_owned() };
    let clock = ports.clock.clone();
    let now = std::sync::Arc::new(move || clock.now());
    let client = match Client::new(&ports.tls, identity, ports.redactor.clone(), now, Connections::Fresh) {
        Ok(client) => client,
        Err(error) => return broken(journey, &error.to_string(), started, remembered),
    };
    let run = Run::new(journey, client, ports, execution.key.shard, execution.run_id, remembered);

    let began = Instant::now();
    let flow = AssertUnwindSafe(check.attempt(&run)).catch_unwind();
    let ended = tokio::time::timeout(deadline, flow).await;
    let took = began.elapsed();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            let detail = ports.redactor.redact(&format!("the check panicked: {}", panic_message(panic.as_ref())));
            run.journey().broke_down(detail, ports.clock.now());
        }
        Err(_) => run.journey().interrupt(deadline, ports.clock.now()),
    }
    let left_behind = compensate(run.take_compensations(), ports).await;
    let (journey, memory) = run.into_parts();
    Attempted { attempt: journey.finish(took), memory, left_behind }
}

fn broken(mut journey: Journey, detail: &str, now: Timestamp, memory: Option<String>) -> Attempted {
    journey.broke_down(detail.to_owned(), now);
    Attempted { attempt: journey.finish(Duration::ZERO), memory, left_behind: Vec::new() }
}

/// Undoes in reverse order; one that fails, hangs or panics does not stop the others.
async fn compensate(compensations: Vec<Compensation>, ports: &Ports) -> Vec<LeftBehind> {
    let mut left_behind = Vec::new();
    for Compensation { name, undo } in compensations.into_iter().rev() {
        let undone = tokio::time::timeout(COMPENSATION_DEADLINE, AssertUnwindSafe(undo).catch_unwind()).await;
        let detail = match undone {
            Ok(Ok(Ok(()))) => continue,
            Ok(Ok(Err(detail))) => detail,
            Ok(Err(panic)) => format!("panicked: {}", panic_message(panic.as_ref())),
            Err(_) => format!("not done within {} s", COMPENSATION_DEADLINE.as_secs()),
        };
        left_behind.push(LeftBehind { compensation: name, detail: ports.redactor.redact(&detail) });
    }
    left_behind
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
