//! Tests of what the public sees.

use std::collections::BTreeMap;
use std::time::Duration;

use check::incident::{IncidentRecord, Severity, Silence, SilenceKind};
use check::{Failure, FailureKind, Mismatch, NoSecrets, Subject};
use history::{Counts, Day, RunOutcome, SubjectCounts};
use jiff::{SignedDuration, Timestamp};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use settings::{Service, ServiceGroup, StatusPage};

use super::state::State;
use super::summary::{Recorded, Summary, days, summary};
use super::{badge, feed, json, page};
use crate::status_settings::StatusSettings;

fn now() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn service(name: &str, scopes: &[&str]) -> Service {
    let scope = |scope: &&str| match scope.split_once('/') {
        Some((check, subject)) => (check.to_owned(), Some(Subject::new(subject).unwrap())),
        None => ((*scope).to_owned(), None),
    };
    Service { name: name.to_owned(), scopes: scopes.iter().map(scope).collect() }
}

fn settings(services: Vec<Service>) -> StatusSettings {
    let groups = vec![ServiceGroup { name: "Website & app".to_owned(), services }];
    let url = Some("https://status.example".to_owned());
    StatusSettings {
        page: StatusPage { title: "Just <Driving>".to_owned(), url, groups },
        windows: Vec::new(),
        intervals: [("login".to_owned(), Duration::from_secs(300))].into(),
    }
}

/// Incident of `login`. Everything foreign in it has the word `evil`.
fn incident(subject: &str, severity: Severity, from: Timestamp, to: Option<Timestamp>) -> IncidentRecord {
    let subject = Subject::new(subject).unwrap();
    let mismatch = Mismatch::new(FailureKind::Status, "evil <script>", "evil & worse");
    let failure = Failure::new(subject.clone(), "evil-step", mismatch, &NoSecrets);
    IncidentRecord {
        schema_version: IncidentRecord::SCHEMA_VERSION,
        id: format!("login.{subject}.evil"),
        check: "login".to_owned(),
        subject,
        since: from,
        opened_at: from,
        severity,
        escalated_at: None,
        first: failure.clone(),
        latest: failure,
        notifications: Vec::new(),
        silences: Vec::new(),
        dependency: None,
        acknowledged: None,
        closed_at: to,
    }
}

fn recorded(last: Option<(i64, RunOutcome)>, incidents: Vec<IncidentRecord>) -> Recorded {
    Recorded { last: last.map(|(minutes, outcome)| (ago(minutes), outcome)), incidents, days: Vec::new() }
}

fn login_summary(services: Vec<Service>, recorded: Recorded) -> Summary {
    summary(&settings(services), &[("login".to_owned(), recorded)].into(), now())
}

fn files(summary: &Summary) -> [String; 4] {
    [page::page(summary, ""), json::json(summary), badge::badge(summary), feed::feed(summary)]
}

fn assert_well_formed(xml: &str) {
    let mut reader = Reader::from_str(xml);
    let mut open = 0;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} in\n{xml}")) {
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            Event::Text(text) => assert!(!String::from_utf8_lossy(&text).contains('<'), "{xml}"),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0, "{xml}");
}

#[test]
fn state_is_that_of_the_newest_records() {
    let passed = |minutes| Some((minutes, RunOutcome::Passed));
    let open = |severity| vec![incident("-", severity, ago(10), None)];
    let closed = vec![incident("-", Severity::Critical, ago(10), Some(ago(2)))];
    let of_another = vec![incident("evil.example", Severity::Critical, ago(10), None)];
    let escalated =
        vec![IncidentRecord { escalated_at: Some(ago(1)), ..incident("-", Severity::Critical, ago(9), None) }];
    let silence = Silence {
        id: "evil-window".to_owned(),
        kind: SilenceKind::Maintenance,
        subject: None,
        from: ago(60),
        until: ago(-60),
        by: "evil".to_owned(),
        reason: "evil".to_owned(),
    };
    let planned = vec![IncidentRecord { silences: vec![silence], ..incident("-", Severity::Critical, ago(9), None) }];
    for (case, scope, last, incidents, expected) in [
        ("passed", "login", passed(1), vec![], State::Operational),
        ("a single failure is no incident", "login", Some((1, RunOutcome::Failed)), vec![], State::Operational),
        ("a warning", "login", passed(1), open(Severity::Warning), State::Degraded),
        ("a critical incident", "login", passed(1), open(Severity::Critical), State::Down),
        ("an escalated warning", "login", passed(1), escalated, State::Degraded),
        ("a closed incident", "login", passed(1), closed, State::Operational),
        ("an incident of another subject", "login/-", passed(1), of_another.clone(), State::Operational),
        ("an incident of any subject", "login", passed(1), of_another, State::Down),
        ("maintenance of the platform", "login", Some((1, RunOutcome::Maintenance)), vec![], State::Maintenance),
        ("an incident within a planned window", "login", passed(1), planned, State::Maintenance),
        ("three intervals ago", "login", passed(15), vec![], State::Operational),
        ("more than three intervals ago", "login", passed(16), vec![], State::Unknown),
        ("no result", "login", None, vec![], State::Unknown),
        ("an incident before a silence", "login", passed(300), open(Severity::Critical), State::Down),
    ] {
        let found = login_summary(vec![service("Log-in", &[scope])], recorded(last, incidents));
        assert_eq!(found.state, expected, "{case}");
    }
}

#[test]
fn service_has_the_worst_state_of_its_checks() {
    let service = service("Log-in", &["login", "booking"]);
    let records = BTreeMap::from([
        ("login".to_owned(), recorded(Some((1, RunOutcome::Passed)), Vec::new())),
        (
            "booking".to_owned(),
            recorded(Some((1, RunOutcome::Passed)), vec![incident("-", Severity::Warning, ago(5), None)]),
        ),
    ]);
    let found = summary(&settings(vec![service]), &records, now());
    assert_eq!(found.state, State::Degraded);
    assert_eq!(page::headline(&found), "The service is degraded");
}

#[test]
fn overlapping_incidents_are_one() {
    let incidents = vec![
        incident("a", Severity::Warning, ago(300), Some(ago(200))),
        incident("b", Severity::Critical, ago(250), Some(ago(150))),
        incident("c", Severity::Warning, ago(100), Some(ago(90))),
        // Older than the days of the page.
        incident("a", Severity::Critical, ago(100 * 1_440), Some(ago(99 * 1_440))),
    ];
    let found = login_summary(vec![service("Log-in", &["login"])], recorded(None, incidents)).incidents;
    let found: Vec<_> = found.into_iter().map(|own| (own.state, own.from, own.to)).collect();
    let expected = [(State::Degraded, ago(100), Some(ago(90))), (State::Down, ago(300), Some(ago(150)))];
    assert_eq!(found, expected);
}

/// Day `ago` days before today.
fn day_of(days_ago: i64, passed: u64, failed: u64, subject: Option<(u64, u64)>) -> Day {
    Day {
        at: "2026-12-01T00:00:00Z".parse::<Timestamp>().unwrap() - SignedDuration::from_hours(24 * days_ago),
        runs: Counts { passed, failed, inconclusive: 0, maintenance: 0 },
        durations: None,
        subjects: subject.map(|(passed, failed)| [("web".to_owned(), SubjectCounts { passed, failed })].into()),
    }
}

#[test]
fn days_have_their_incidents_and_numbers() {
    let mut records = recorded(None, vec![incident("web", Severity::Critical, ago(1_440), Some(ago(1_430)))]);
    records.days = vec![
        day_of(3, 999, 1, Some((100, 0))),
        day_of(2, 90, 10, Some((90, 10))),
        day_of(1, 100, 0, Some((99, 1))),
        day_of(0, 100, 0, None),
    ];
    let services = vec![service("All", &["login"]), service("Web", &["login/web"]), service("Api", &["login/api"])];
    let found = login_summary(services, records);
    let last = |index: usize| {
        let service = found.services().nth(index).unwrap();
        assert_eq!(service.days.len(), 90);
        service.days[86..].iter().map(|day| (day.state, day.uptime)).collect::<Vec<_>>()
    };
    let (good, bad, down) = (State::Operational, State::Degraded, State::Down);
    assert_eq!(last(0), [(good, Some(0.999)), (bad, Some(0.9)), (down, Some(1.0)), (good, Some(1.0))]);
    // The source did not count the subjects of today.
    assert_eq!(last(1), [(good, Some(1.0)), (bad, Some(0.9)), (down, Some(0.99)), (good, None)]);
    assert_eq!(last(2)[..3], [(State::Unknown, None); 3]);
    let web = found.services().nth(1).unwrap();
    assert_eq!((web.uptime, web.known_days()), (Some(289.0 / 300.0), 4));
}

#[test]
fn nothing_foreign_is_shown() {
    let incidents = vec![
        incident("evil.example", Severity::Critical, ago(60), None),
        incident("evil-too", Severity::Warning, ago(600), Some(ago(500))),
    ];
    let mut records = recorded(Some((1, RunOutcome::Passed)), incidents);
    records.days = vec![day_of(0, 5, 5, None)];
    records.days[0].subjects = Some([("evil-subject".to_owned(), SubjectCounts::default())].into());
    let found = login_summary(vec![service("Log-in \"<b>\"", &["login"])], records);
    assert_eq!(found.incidents.len(), 2);
    for text in files(&found) {
        for foreign in ["evil", "login", "<script", "<b>\"", "Just <Driving>"] {
            let is_own =
                foreign.starts_with('J') && text.starts_with('{') || foreign == "<b>\"" && text.starts_with('{');
            assert!(is_own || !text.contains(foreign), "{foreign} in\n{text}");
        }
    }
}

#[test]
fn feed_and_badge_are_well_formed() {
    let incidents = vec![
        incident("-", Severity::Critical, ago(30), None),
        incident("-", Severity::Warning, ago(600), Some(ago(500))),
    ];
    let found = login_summary(vec![service("Log-in & <more>", &["login"])], recorded(None, incidents));
    let feed = feed::feed(&found);
    assert_well_formed(&feed);
    assert_well_formed(&badge::badge(&found));
    assert_eq!(feed.matches("<entry>").count(), 2);
    for expected in [
        "<id>https://status.example#Log-in%20%26%20%3Cmore%3E-1796124600</id>",
        "<updated>2026-12-01T11:30:00Z</updated>",
        "<summary>From 1 Dec 2026, 02:00 UTC to 1 Dec 2026, 03:40 UTC, 1 h 40 min.</summary>",
    ] {
        assert!(feed.contains(expected), "{expected} in\n{feed}");
    }
    assert_well_formed(&feed::feed(&login_summary(vec![service("Log-in", &["login"])], Recorded::default())));
}

#[test]
fn page_of_twenty_services_is_under_30_kb() {
    let services = |number: usize, name: usize| {
        (0..number).map(|index| service(&format!("{index} {}", "x".repeat(name)), &["login"])).collect::<Vec<_>>()
    };
    // Every day is unlike the day before it.
    let varied = |step: i64| {
        let mut records = recorded(Some((1, RunOutcome::Passed)), Vec::new());
        records.days = (0..90)
            .filter(|day| day % step != 1)
            .map(|day| day_of(day, 90, 10 * (day % 2).unsigned_abs(), None))
            .collect();
        records.incidents = (0..90)
            .filter(|day| day % step == 2)
            .map(|day| incident("-", Severity::Critical, ago(day * 1_440 + 60), Some(ago(day * 1_440))))
            .collect();
        records
    };
    for (case, number, name, records, has_bars) in [
        ("one bad day in ten", 20, 20, varied(10), true),
        ("every day is another", 20, 20, varied(3), true),
        ("most services with long names", 30, 57, varied(3), false),
    ] {
        let page = page::page(&login_summary(services(number, name), records), "");
        assert!(page.len() < 30_000, "{case}: {} bytes", page.len());
        assert!(!page.contains("<script"), "{case}");
        assert_eq!(page.matches("<h3>").count(), number, "{case}");
        assert_eq!(page.contains("<path"), has_bars, "{case}");
    }
}

#[test]
fn old_data_is_said_to_be_old() {
    let shown = |last| page::page(&login_summary(vec![service("Log-in", &["login"])], recorded(last, Vec::new())), "");
    let fresh = shown(Some((10, RunOutcome::Passed)));
    assert!(!fresh.contains("The data is old") && fresh.contains("The service is operational"), "{fresh}");
    let old = shown(Some((120, RunOutcome::Passed)));
    assert!(old.contains("<b>The data is old.</b> The newest result is from "), "{old}");
    assert!(old.contains("2 h before this page was written") && old.contains("The current state is unknown"), "{old}");
    assert!(shown(None).contains("There was no result in the 24 hours"));
}

#[test]
fn headline_counts_services() {
    let both = || vec![service("One", &["login/a"]), service("Two", &["login/b"])];
    let passed = Some((1, RunOutcome::Passed));
    let open = |subjects: &[&str]| {
        subjects.iter().map(|subject| incident(subject, Severity::Critical, ago(5), None)).collect::<Vec<_>>()
    };
    for (last, incidents, expected) in [
        (passed, open(&[]), "All services are operational"),
        (passed, open(&["a"]), "1 service is down"),
        (passed, open(&["a", "b"]), "All services are down"),
        (None, open(&[]), "The current state is unknown"),
        (Some((1, RunOutcome::Maintenance)), open(&[]), "All services are in maintenance"),
    ] {
        assert_eq!(page::headline(&login_summary(both(), recorded(last, incidents))), expected);
    }
}

#[test]
fn json_follows_its_schema() {
    let incidents = vec![incident("-", Severity::Critical, ago(30), None)];
    let mut records = recorded(Some((1, RunOutcome::Passed)), incidents);
    records.days = vec![day_of(1, 2, 1, None)];
    let found = login_summary(vec![service("Log-in", &["login"])], records);
    let mut value: Value = serde_json::from_str(&json::json(&found)).unwrap();
    let validator = jsonschema::validator_for(&json::schema()).unwrap();
    assert!(validator.is_valid(&value), "{value:#}");
    assert_eq!(value["groups"][0]["services"][0]["days"][88]["uptime"], 0.666666);
    assert_eq!(value["incidents"][0]["seconds"], 1_800);
    value["state"] = "splendid".into();
    assert!(!validator.is_valid(&value));
}

#[test]
fn lengths_are_in_whole_minutes() {
    for (seconds, expected) in [(0, "0 s"), (59, "59 s"), (60, "1 min"), (1_271, "21 min"), (3_700, "1 h 1 min")] {
        assert_eq!(page::length(now(), now() + SignedDuration::from_secs(seconds)), expected);
    }
}

#[test]
fn days_end_today() {
    let days: Vec<Timestamp> = days(now()).collect();
    assert_eq!(days.len(), 90);
    assert_eq!(days.last().map(ToString::to_string).as_deref(), Some("2026-12-01T00:00:00Z"));
}
