//! Maintenance mode that begins at any request of a flow: no run blames the platform.

use std::time::Instant;

use anyhow::{Result, ensure};
use futures::{StreamExt, stream};

use crate::attack::{Attack, Extent, Place};
use crate::behavior::Behavior;
use crate::run::Observation;
use crate::{BOUNDED, Healthy, PARALLEL_RUNS, Runner};

/// Requests that a run may no longer need: it has passed when the log-out was all that is left.
const LAST: &str = "POST /api/logout";

/// Enters maintenance mode at each request of each flow, with and without a redirect.
pub async fn prove(runner: &Runner, healthy: &[Healthy]) -> Result<()> {
    let started = Instant::now();
    let mut runs = Vec::new();
    for flow in healthy.iter().filter(|healthy| healthy.flow.store.is_none()) {
        let places = flow.arrived.iter().map(|arrived| &arrived.place).filter(|place| !place.is_partners());
        for place in places {
            let attack = |behavior| Attack { behavior, from: place.clone(), extent: Extent::Lasting };
            runs.extend(Behavior::PLANNED.map(|behavior| (flow.flow, attack(behavior))));
        }
    }
    let count = runs.len();
    let results: Vec<_> = stream::iter(runs)
        .map(async |(flow, attack)| (flow, runner.run(flow, BOUNDED, Some(&attack)).await, attack))
        .buffered(PARALLEL_RUNS)
        .collect()
        .await;
    let mut failed = 0;
    for (flow, observed, attack) in results {
        if let Some(problem) = problem(&attack.from, &observed?) {
            println!("{}, {} from {}: {problem}", flow.name, attack.behavior.name(), attack.from);
            failed += 1;
        }
    }
    let took = started.elapsed().as_secs_f64();
    println!("{} of {count} runs recognise maintenance mode, in {took:.0} s", count - failed);
    ensure!(failed == 0 && count > 0, "expected all runs to recognise maintenance mode");
    Ok(())
}

/// What is wrong with a run during which maintenance mode began.
fn problem(from: &Place, observed: &Observation) -> Option<String> {
    let outcome = &observed.report["outcome"];
    let is_recognised = outcome["result"] == "maintenance" || (from.request == LAST && observed.has_passed());
    if !is_recognised {
        return Some(format!("expected maintenance, found {outcome}"));
    }
    let is_reported = observed.report["leftovers"].as_array().is_some_and(|leftovers| !leftovers.is_empty());
    let is_left = !observed.left.is_empty() || observed.logged_in > 0;
    (is_left && !is_reported).then(|| format!("left without a report: {}", observed.left.join("; ")))
}
