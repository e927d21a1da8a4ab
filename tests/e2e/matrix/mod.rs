//! Every fault, seen from outside: what its check shows, who is told, and which alarms are raised and end. `docs/fault-matrix.md`
//! says so, and is held against it.

mod alarms;
mod beside;
mod faults;
mod late;
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

/// Set: the page is written. Not set: it is held against what is seen.
const WRITE: &str = "WRITE_FAULT_MATRIX";

/// A world of hours, for one scenario.
async fn world(environment: &str, options: Options) -> World {
    World::since(SignedDuration::from_hours(12), environment, options, Emulator::without_alarms()).await
}

/// A world of hours that begins at eight in the morning (UTC): where what there is grows with the day, such as pages of payments.
async fn world_of_the_morning(environment: &str, options: Options) -> World {
    const MORNING: i64 = 8 * 60;
    const DAY: i64 = 24 * 60;
    let minutes = Timestamp::now().as_second().div_euclid(60);
    // Half a day ago at least.
    let ago = DAY / 2 + (minutes - DAY / 2 - MORNING).rem_euclid(DAY);
    World::since(SignedDuration::from_mins(ago), environment, options, Emulator::without_alarms()).await
}

type Scenario = Pin<Box<dyn Future<Output = Row> + Send>>;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_seen_told_and_alarmed_as_the_page_says_and_every_alarm_has_a_proof() {
    let recorded = recorded::rows();
    // With more at a time the emulator is slow to answer, and a call that is sent again counts twice.
    let (places, idle_places) = (Arc::new(Semaphore::new(3)), Arc::new(Semaphore::new(6)));
    let mut scenarios: Vec<(String, Scenario)> = Vec::new();
    for spec in catalogue().unwrap() {
        let places = places.clone();
        let name = spec.fault.to_string();
        let scenario = async move {
            let _place = places.acquire_owned().await.unwrap();
            faults::row(&spec).await
        };
        scenarios.push((name, Box::pin(scenario)));
    }
    assert!(!scenarios.is_empty(), "the catalogue is empty");
    // These wait, and ask for little.
    for (name, scenario) in late::scenarios().chain(beside::scenarios()) {
        let places = idle_places.clone();
        let scenario = async move {
            let _place = places.acquire_owned().await.unwrap();
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
    let (mut rows, mut wrong) = (BTreeMap::new(), Vec::new());
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((place, row)) => drop(rows.insert(place, row)),
            Err(error) => wrong.push(names[&error.id()].clone()),
        }
    }
    assert!(wrong.is_empty(), "not as it should be: {wrong:?}; what was seen stands above");
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.extend(recorded);
    let all = alarms::all();

    assert_eq!(page::without_proof(&rows, &all), Vec::<&str>::new(), "alarms that nothing here has raised and ended");
    // When an alarm fires may differ by a minute: on a busy machine what is measured is slower.
    let stable = |line: &str| {
        let parts = line.split(" min").map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()));
        parts.collect::<Vec<_>>().join("min")
    };
    let (path, text) = (repository().join(page::PATH), page::written(&rows, &all));
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    let on_page = fs::read_to_string(&path).unwrap_or_default();
    let on_page: Vec<String> = on_page.lines().map(stable).collect();
    let drawn: Vec<String> = text.lines().map(stable).collect();
    let differing = drawn.iter().zip(&on_page).find(|(drawn, on_page)| drawn != on_page);
    assert!(drawn == on_page, "{} is of old; cargo xtask matrix writes it anew: {differing:#?}", page::PATH);
}
