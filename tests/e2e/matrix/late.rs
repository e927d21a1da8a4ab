//! Right answers that come late: each check needs longer than it may, and passes.

use std::time::Duration;

use demo_platform::{Fault, Options};

use super::alarms::{Alarms, data};
use super::page::{self, Fired, Part, Row};
use super::{Scenario, world_of_the_morning};

/// How a check is made slow.
struct Late {
    check: &'static str,
    /// How often it runs. **Units:** minutes.
    every: u64,
    faults: &'static [Fault],
    /// By how much each answer is late. **Units:** milliseconds.
    by: u64,
    /// Deadlines that it takes, in the place of the demo's.
    settings: &'static [(&'static str, &'static str)],
    /// What is raised besides.
    besides: &'static [&'static str],
    /// What is told: undoing has less time than a step.
    received: &'static [&'static str],
}

/// As most are: every answer of the platform is late.
const LATE: Late =
    Late { check: "", every: 1, faults: &[Fault::Slow], by: 0, settings: &[], besides: &[], received: &[] };

const ALL: [Late; 10] = [
    Late { check: "availability", by: 5_300, settings: &[("deadline = \"5s\"", "deadline = \"8s\"")], ..LATE },
    Late { check: "login", by: 900, ..LATE },
    Late { check: "queues", by: 1_800, ..LATE },
    Late { check: "application", by: 5_300, settings: &[("step_deadline = \"5s\"", "step_deadline = \"8s\"")], ..LATE },
    Late {
        check: "backend",
        faults: &[Fault::DatabaseSlow, Fault::CacheSlow],
        by: 600,
        settings: &[("step_deadline = \"2s\"", "step_deadline = \"6s\"")],
        besides: &["DatabaseLatency", "CacheLatency"],
        ..LATE
    },
    Late { check: "booking", every: 5, by: 1_450, ..LATE },
    Late { check: "payment-webhook", every: 5, by: 1_600, ..LATE },
    Late {
        check: "integrations",
        every: 5,
        faults: &[Fault::PartnerSlow],
        by: 10_500,
        settings: &[("deadline = \"1s\"", "deadline = \"15s\"")],
        ..LATE
    },
    Late { check: "notifications", every: 5, by: 1_500, ..LATE },
    Late {
        check: "reconciliation",
        every: 15,
        by: 6_200,
        settings: &[("step_deadline = \"5s\"", "step_deadline = \"10s\"")],
        received: &["leftovers"],
        ..LATE
    },
];

/// One for each check.
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
    let options = Options { slow_delay: Duration::from_millis(late.by), ..Options::default() };
    let mut world = world_of_the_morning(&environment, options).await;
    for (shipped, longer) in late.settings {
        world.replace(shipped, longer);
    }
    let alarms = Alarms::shipped(&environment);
    let slow = format!("Slow{}", alarms.pascal(check));
    let budget = alarms.on_metrics(&slow);
    let function = world.start(check).await;
    let every = Duration::from_secs(late.every * 60);
    let passes = async |page: &str| {
        let invoked = world.run_after(&function, every).await;
        assert_eq!(invoked.outcome(), "passed", "{check}, {page}: {:#}", invoked.report());
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
        assert!(took > budget.threshold, "{check}, late: took {took} ms, which is not over {}", budget.threshold);
    }
    world.platform.faults().clear_all();
    let cleared = world.minute();
    for _ in 0..=budget.evaluation_periods - budget.datapoints_to_alarm + 1 {
        passes("no longer late").await;
    }
    let received = world.received().await;
    let events: Vec<&str> = received.events.iter().map(|message| message.attributes["event"].as_str()).collect();
    assert_eq!(events, late.received, "{check}: {received}");

    let points = world.metrics().await;
    let raised = alarms.raised(&[check], &data(&points), began, world.minute());
    let mut names: Vec<&str> = raised.iter().map(|raised| raised.alarm.as_str()).collect();
    names.sort_unstable();
    let mut expected: Vec<&str> = late.besides.iter().copied().chain([slow.as_str()]).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "{check}: {raised:?}");
    assert!(raised.iter().all(|raised| raised.at > activated && raised.over.is_some()), "{check}: {raised:?}");
    let faults: Vec<String> = late.faults.iter().map(|fault| format!("`{fault}`")).collect();
    Row {
        part: Part::Late,
        fault: format!("{}, each answer by {} ms", faults.join(" and "), late.by),
        check: check.to_owned(),
        shows: format!("`Duration` over {} ms", budget.threshold),
        received: page::list(late.received.iter().map(|event| (*event).to_owned())),
        undone: page::undone(&points),
        alarms: Fired::new(&raised, activated, cleared),
    }
}
