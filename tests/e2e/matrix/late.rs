//! Correct but late answers: each check passes, but exceeds its budget for `Duration`.

use std::time::Duration;

use demo_platform::{Fault, Options};

use super::alarms::{Alarms, data};
use super::page::{self, Fired, Part, Row};
use super::{Scenario, morning_world};
use crate::leaks::assert_no_secret;

/// Scenario that makes a check slow.
struct Late {
    check: &'static str,
    /// Interval between runs. **Units:** minutes.
    every: u64,
    faults: &'static [Fault],
    /// Delay of each answer. **Units:** milliseconds.
    delay: u64,
    /// Deadlines of the demo settings, each with its replacement.
    settings: &'static [(&'static str, &'static str)],
    /// Further alarms that fire.
    other_alarms: &'static [&'static str],
    /// Events of notifications. Compensation has a shorter deadline than a step, so it may leave data.
    events: &'static [&'static str],
}

/// Defaults: every answer of the platform is late.
const LATE: Late =
    Late { check: "", every: 1, faults: &[Fault::Slow], delay: 0, settings: &[], other_alarms: &[], events: &[] };

const ALL: [Late; 10] = [
    Late { check: "availability", delay: 5_300, settings: &[("deadline = \"5s\"", "deadline = \"8s\"")], ..LATE },
    Late { check: "login", delay: 900, ..LATE },
    Late { check: "queues", delay: 1_800, ..LATE },
    Late {
        check: "application",
        delay: 5_300,
        settings: &[("step_deadline = \"5s\"", "step_deadline = \"8s\"")],
        ..LATE
    },
    Late {
        check: "backend",
        faults: &[Fault::DatabaseSlow, Fault::CacheSlow],
        delay: 600,
        settings: &[("step_deadline = \"2s\"", "step_deadline = \"6s\"")],
        other_alarms: &["DatabaseLatency", "CacheLatency"],
        ..LATE
    },
    Late { check: "booking", every: 5, delay: 1_450, ..LATE },
    Late { check: "payment-webhook", every: 5, delay: 1_600, ..LATE },
    Late {
        check: "integrations",
        every: 5,
        faults: &[Fault::PartnerSlow],
        delay: 10_500,
        settings: &[("deadline = \"1s\"", "deadline = \"15s\"")],
        ..LATE
    },
    Late { check: "notifications", every: 5, delay: 1_500, ..LATE },
    Late {
        check: "reconciliation",
        every: 15,
        delay: 6_200,
        settings: &[("step_deadline = \"5s\"", "step_deadline = \"10s\"")],
        events: &["leftovers"],
        ..LATE
    },
];

/// One scenario for each check, with its name.
pub fn scenarios() -> impl Iterator<Item = (String, Scenario)> {
    ALL.into_iter().map(|late| {
        let name = format!("{} late", late.check);
        let scenario: Scenario = Box::pin(row(late));
        (name, scenario)
    })
}

async fn row(late: Late) -> Row {
    let check = late.check;
    let environment = format!("late-{check}");
    let options = Options { slow_delay: Duration::from_millis(late.delay), ..Options::default() };
    let mut world = morning_world(&environment, options).await;
    for (shipped, longer) in late.settings {
        world.replace(shipped, longer);
    }
    let alarms = Alarms::shipped(&environment);
    let slow = format!("Slow{}", alarms.pascal(check));
    let budget = alarms.on_metrics(&slow);
    let function = world.start(check).await;
    let every = Duration::from_secs(late.every * 60);
    let passes = async |phase: &str| {
        let invoked = world.run_after(&function, every).await;
        assert_eq!(invoked.outcome(), "passed", "{check}, {phase}: {:#}", invoked.report());
        let attempts = invoked.report()["attempts"].as_array().unwrap();
        attempts.last().unwrap()["duration_ms"].as_f64().unwrap()
    };
    passes("not yet late").await;
    let began = world.minute();
    for fault in late.faults {
        world.platform.faults().activate(*fault);
    }
    let activated = world.minute();
    for _ in 0..budget.datapoints_to_alarm {
        let took = passes("late").await;
        assert!(took > budget.threshold, "{check}, late: expected more than {} ms, took {took} ms", budget.threshold);
    }
    world.platform.faults().clear_all();
    let cleared = world.minute();
    for _ in 0..=budget.evaluation_periods - budget.datapoints_to_alarm + 1 {
        passes("no longer late").await;
    }
    let received = world.received().await;
    let events: Vec<&str> = received.events.iter().map(|message| message.attributes["event"].as_str()).collect();
    assert_eq!(events, late.events, "{check}: {received}");

    let points = world.metrics().await;
    assert_no_secret(&world, &[&function], &points).await;
    let raised = alarms.raised(&[check], &data(&points), began, world.minute());
    let mut names: Vec<&str> = raised.iter().map(|raised| raised.alarm.as_str()).collect();
    names.sort_unstable();
    let mut expected: Vec<&str> = late.other_alarms.iter().copied().chain([slow.as_str()]).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "{check}: {raised:?}");
    assert!(raised.iter().all(|raised| raised.at > activated && raised.over.is_some()), "{check}: {raised:?}");
    let faults: Vec<String> = late.faults.iter().map(|fault| format!("`{fault}`")).collect();
    Row {
        part: Part::Late,
        fault: format!("{}, each answer {} ms late", faults.join(" and "), late.delay),
        check: check.to_owned(),
        shows: format!("`Duration` over {} ms", budget.threshold),
        notified: page::list(late.events.iter().map(|event| (*event).to_owned())),
        cleaned_up: page::cleaned_up(&points),
        alarms: Fired::new(&raised, activated, cleared),
    }
}
