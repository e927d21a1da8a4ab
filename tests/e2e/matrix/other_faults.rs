//! Faults outside the catalogue of the demo platform: of the monitor, of certificates, and of several checks together.

use std::collections::BTreeSet;
use std::time::Duration;

use demo_platform::{Fault, Options};
use hostile::{Authority, Server, ok};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::alarms::{Alarms, Raised, data};
use super::page::{self, Fired, Part, Row};
use super::{Scenario, world};
use crate::calls::Obstacle;
use crate::leaks::assert_no_secret;
use crate::runtime_api::Function;
use crate::world::{World, scheduled};

const MINUTE: Duration = Duration::from_secs(60);

/// All scenarios, with their names.
pub fn scenarios() -> impl Iterator<Item = (String, Scenario)> {
    let all: [(&str, Scenario); 4] = [
        ("no runs", Box::pin(no_runs())),
        ("refusing topic", Box::pin(refusing_topic())),
        ("expiring certificate", Box::pin(expiring_certificate())),
        ("platform down", Box::pin(platform_down())),
    ];
    all.into_iter().map(|(name, scenario)| (name.to_owned(), scenario))
}

fn names(raised: &[Raised]) -> BTreeSet<&str> {
    raised.iter().map(|raised| raised.alarm.as_str()).collect()
}

/// Every check runs, then none for three hours, then every check again.
async fn no_runs() -> Row {
    let world = world("no-runs", Options::default()).await;
    let alarms = Alarms::shipped(&world.environment);
    let checks = alarms.checks();
    let mut functions = Vec::new();
    for check in &checks {
        functions.push(world.start(check).await);
    }
    let all_run = async || {
        let minute = world.forward(MINUTE);
        for function in &functions {
            let invoked = function.invoke(&scheduled(minute)).await;
            assert_eq!(invoked.outcome(), "passed", "{:#}", invoked.report());
        }
        minute
    };
    let stopped = all_run().await;
    world.forward(MINUTE * 180);
    let ran_again = all_run().await;
    let points = world.metrics().await;
    assert_no_secret(&world, &functions.iter().collect::<Vec<_>>(), &points).await;
    let raised = alarms.raised(&checks, &data(&points), stopped, ran_again);
    let expected: BTreeSet<String> =
        checks.iter().map(|check| format!("MonitoringLost{}", alarms.pascal(check))).collect();
    assert_eq!(names(&raised), expected.iter().map(String::as_str).collect(), "{raised:?}");
    assert!(raised.iter().all(|raised| raised.over.is_some()), "{raised:?}");
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    Row {
        part: Part::Monitor,
        fault: "no runs: the schedule stopped, or every run is killed before it publishes".to_owned(),
        check: "every check".to_owned(),
        shows: "nothing".to_owned(),
        notified: "–".to_owned(),
        cleaned_up: page::cleaned_up(&points),
        alarms: Fired::new(&raised, stopped, ran_again),
    }
}

/// Topics refuse messages during an incident.
async fn refusing_topic() -> Row {
    let world = world("refusing-topic", Options::default()).await;
    let alarms = Alarms::shipped(&world.environment);
    let function = world.start("login").await;
    let runs = async |count: usize, outcome: &str| {
        for _ in 0..count {
            let invoked = world.run(&function).await;
            assert_eq!(invoked.outcome(), outcome, "{:#}", invoked.report());
        }
    };
    runs(1, "passed").await;
    let began = world.minute();
    world.platform.faults().activate(Fault::Login500);
    world.calls.obstruct(Obstacle::Refuse, "Publish");
    runs(25, "failed").await;
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    world.calls.clear();
    world.platform.faults().clear(Fault::Login500);
    let repaired = world.minute();
    // The alarm evaluates old datapoints for some more periods.
    let unsent = alarms.on_metrics("OldestUnsentNotification");
    let periods = unsent.period * u32::try_from(unsent.evaluation_periods + 3).unwrap();
    runs(usize::try_from(periods.as_secs() / 60).unwrap(), "passed").await;
    let received = world.received().await;
    let events: Vec<String> = received.on_call.iter().map(|message| message.attributes["event"].clone()).collect();
    assert_eq!(events, ["opened", "recovered"], "{received}");
    let points = world.metrics().await;
    assert_no_secret(&world, &[&function], &points).await;
    let raised = alarms.raised(&["login"], &data(&points), began, world.minute());
    assert_eq!(names(&raised), BTreeSet::from(["FailingLogin", "LoginObjective", "OldestUnsentNotification"]));
    Row {
        part: Part::Monitor,
        fault: "the topics refuse messages while `login-500` is active".to_owned(),
        check: "login".to_owned(),
        shows: "login, log-in: status".to_owned(),
        notified: page::list(events.iter().map(|event| format!("{event}, once the topics accept messages"))),
        cleaned_up: page::cleaned_up(&points),
        alarms: Fired::new(&raised, began, repaired),
    }
}

/// A certificate expires in five days and is renewed.
async fn expiring_certificate() -> Row {
    let mut world = world("expiring-certificate", Options::default()).await;
    let authority = Authority::generate();
    let server = async |days: i64| {
        let day = (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_zoned(TimeZone::UTC);
        let day = (day.year().into(), day.month().cast_unsigned(), day.day().cast_unsigned());
        Server::tls(authority.server_until("localhost", day), Duration::ZERO, |_| ok()).await
    };
    let target = |server: &Server| format!("url = \"https://localhost:{}/\"", server.address.port());
    let (fresh, expiring) = (server(90).await, server(5).await);
    world.replace("[network]\n", &format!("[network]\nca_certificates = ['''\n{}''']\n", authority.pem));
    world.replace("allow_addresses = [\"127.0.0.0/8\"]", "allow_addresses = [\"127.0.0.0/8\", \"::1\"]");
    world.append(&format!("\n[[check.availability.targets]]\nid = \"tls\"\n{}\ndeadline = \"5s\"\n", target(&fresh)));
    let alarms = Alarms::shipped(&world.environment);
    let runs = async |world: &World, count: usize| {
        // A function reads its settings at cold start.
        let function: Function = world.start("availability").await;
        for _ in 0..count {
            let invoked = world.run(&function).await;
            assert_eq!(invoked.outcome(), "passed", "{:#}", invoked.report());
        }
        assert_no_secret(world, &[&function], &[]).await;
        world.minute()
    };
    let began = runs(&world, 1).await;
    world.replace(&target(&fresh), &target(&expiring));
    let renewed = runs(&world, 17).await;
    world.replace(&target(&expiring), &target(&fresh));
    let until = runs(&world, 6).await;
    let points = world.metrics().await;
    let raised = alarms.raised(&["availability"], &data(&points), began, until);
    assert_eq!(names(&raised), BTreeSet::from(["CertificatesSoon", "CertificatesVerySoon"]), "{raised:?}");
    let received = world.received().await;
    assert!(received.is_empty(), "{received}");
    Row {
        part: Part::Monitor,
        fault: "the certificate of a target expires in five days".to_owned(),
        check: "availability".to_owned(),
        shows: "`CertificateDaysRemaining` ≤ 5".to_owned(),
        notified: "–".to_owned(),
        cleaned_up: page::cleaned_up(&points),
        alarms: Fired::new(&raised, began, renewed),
    }
}

/// The platform is down, and two checks detect it.
async fn platform_down() -> Row {
    let world = world("platform-down", Options::default()).await;
    let alarms = Alarms::shipped(&world.environment);
    let functions = [world.start("availability").await, world.start("login").await];
    let runs = async |count: usize, outcome: &str| {
        for _ in 0..count {
            let minute = world.forward(MINUTE);
            for function in &functions {
                let invoked = function.invoke(&scheduled(minute)).await;
                assert_eq!(invoked.outcome(), outcome, "{:#}", invoked.report());
            }
        }
        world.minute()
    };
    let began = runs(1, "passed").await;
    let broken = runs(1, "passed").await;
    world.platform.faults().activate(Fault::Down);
    let repaired = runs(3, "failed").await;
    world.platform.faults().clear(Fault::Down);
    let until = runs(3, "passed").await;
    let points = world.metrics().await;
    assert_no_secret(&world, &functions.iter().collect::<Vec<_>>(), &points).await;
    let raised = alarms.raised(&["availability", "login"], &data(&points), began, until);
    let expected = BTreeSet::from(["FailingAvailability", "FailingLogin", "PlatformDown"]);
    assert_eq!(names(&raised), expected, "{raised:?}");
    let received = world.received().await;
    let events: Vec<String> = received.on_call.iter().map(|message| message.attributes["event"].clone()).collect();
    assert_eq!(events, ["opened", "opened", "recovered", "recovered"], "{received}");
    Row {
        part: Part::Monitor,
        fault: "`down`, detected by two checks".to_owned(),
        check: "availability, login".to_owned(),
        shows: "every target, request: connect<br>login, open-form: connect".to_owned(),
        notified: "opened<br>recovered, for each check".to_owned(),
        cleaned_up: page::cleaned_up(&points),
        alarms: Fired::new(&raised, broken, repaired),
    }
}
