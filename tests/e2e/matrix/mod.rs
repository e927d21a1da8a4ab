//! The fault matrix: the effect of every fault on reports, notifications and alarms, compared with `docs/fault-matrix.md`.

mod alarms;
mod faults;
mod late;
mod other_faults;
mod page;
mod recorded;

use std::collections::BTreeMap;
use std::fs;
use std::pin::Pin;
use std::sync::Arc;

use demo_platform::Options;
use demo_platform::faults::catalogue;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::emulator::Emulator;
use crate::world::{World, repository};
use page::Row;

/// Variable that makes the test write the page. Without it, the test compares the page with the results.
const WRITE: &str = "WRITE_FAULT_MATRIX";

/// Creates a world whose clock can advance twelve hours.
async fn world(environment: &str, options: Options) -> World {
    World::starting_ago(SignedDuration::from_hours(12), environment, options, Emulator::without_alarms()).await
}

/// Creates a world that starts at 08:00 UTC, for platform data that grows during the day, such as pages of payments.
async fn morning_world(environment: &str, options: Options) -> World {
    const MORNING: i64 = 8 * 60;
    const DAY: i64 = 24 * 60;
    let minutes = Timestamp::now().as_second().div_euclid(60);
    // At least twelve hours ago.
    let ago = DAY / 2 + (minutes - DAY / 2 - MORNING).rem_euclid(DAY);
    World::starting_ago(SignedDuration::from_mins(ago), environment, options, Emulator::without_alarms()).await
}

type Scenario = Pin<Box<dyn Future<Output = Row> + Send>>;

#[tokio::test(flavor = "multi_thread")]
async fn fault_matrix_page_is_current_and_proves_every_alarm() {
    let recorded = recorded::rows();
    // With more scenarios at a time the emulator answers slowly, and repeated calls count twice.
    let (permits, idle_permits) = (Arc::new(Semaphore::new(3)), Arc::new(Semaphore::new(6)));
    let mut scenarios: Vec<(String, Scenario)> = Vec::new();
    for spec in catalogue().unwrap() {
        let permits = permits.clone();
        let name = spec.fault.to_string();
        let scenario = async move {
            let _permit = permits.acquire_owned().await.unwrap();
            faults::row(&spec).await
        };
        scenarios.push((name, Box::pin(scenario)));
    }
    assert!(!scenarios.is_empty(), "the catalogue is empty");
    // These scenarios mostly wait and make few calls.
    for (name, scenario) in late::scenarios().chain(other_faults::scenarios()) {
        let permits = idle_permits.clone();
        let scenario = async move {
            let _permit = permits.acquire_owned().await.unwrap();
            scenario.await
        };
        scenarios.push((name, Box::pin(scenario)));
    }

    let mut running = JoinSet::new();
    let mut names = BTreeMap::new();
    for (place, (name, scenario)) in scenarios.into_iter().enumerate() {
        let id = running.spawn(async move { (place, scenario.await) }).id();
        names.insert(id, name);
    }
    let (mut rows, mut failed) = (BTreeMap::new(), Vec::new());
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((place, row)) => drop(rows.insert(place, row)),
            Err(error) => failed.push(names[&error.id()].clone()),
        }
    }
    assert!(failed.is_empty(), "these scenarios failed, details above: {failed:?}");
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.extend(recorded);
    let all = alarms::all();

    assert_eq!(page::without_proof(&rows, &all), Vec::<&str>::new(), "alarms that no scenario has raised and cleared");
    // On a busy machine measured durations grow, and an alarm may fire a minute later.
    let stable = |line: &str| {
        let parts = line.split(" min").map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
        parts.collect::<Vec<_>>().join("min")
    };
    let (path, text) = (repository().join(page::PATH), page::text(&rows, &all));
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    let on_page = fs::read_to_string(&path).unwrap_or_default();
    let on_page: Vec<String> = on_page.lines().map(stable).collect();
    let generated: Vec<String> = text.lines().map(stable).collect();
    let difference = generated.iter().zip(&on_page).find(|(generated, on_page)| generated != on_page);
    assert!(generated == on_page, "{} is outdated; run cargo xtask matrix: {difference:#?}", page::PATH);
}
