use super::super::{Contact, Links, Machine, StepLine, chat};
use super::*;
use crate::incident::{LastSuccessfulRun, Severity};
use crate::model::{Failure, FailureKind, Leftover, NoSecrets, Subject, Text, foreign};
use crate::phrase;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_020 + second).unwrap()
}

fn report(name: &str, event: Event) -> SubjectReport {
    let over = matches!(event, Event::Recovered | Event::Stabilized);
    SubjectReport {
        failure: Failure {
            subject: Subject::new(name).unwrap(),
            step: "response".to_owned(),
            kind: FailureKind::Status,
            expected: Text::own("status 200"),
            actual: Text::own("status 500 Internal Server Error"),
            evidence: Some(Text::own("{\n    \"message\": \"Køretimen findes ikke\"\n}")),
        },
        incident_id: format!("availability.{name}.20260528T202700Z"),
        since: at(0),
        opened_at: at(60),
        closed_at: over.then(|| at(780)),
        downtime_seconds: over.then_some(780),
        escalated_at: (event == Event::Escalated).then(|| at(60)),
        openings: matches!(event, Event::Flapping | Event::Stabilized).then_some(3),
        flap_window_seconds: matches!(event, Event::Flapping | Event::Stabilized).then_some(3_600),
        owner: None,
    }
}

fn notification(event: Event, names: &[&str]) -> Notification {
    Notification {
        schema_version: Notification::SCHEMA_VERSION,
        notification_id: format!("availability/eu-north-1/0of1/20260528T202800Z/{}", event.as_str()),
        event,
        check: "availability".to_owned(),
        environment: "production".to_owned(),
        region: None,
        machine: None,
        location: "eu-north-1".to_owned(),
        severity: Severity::Critical,
        at: at(60),
        subjects: names.iter().map(|name| report(name, event)).collect(),
        more_subjects: 0,
        inconclusive: Vec::new(),
        affected: Vec::new(),
        leftovers: Vec::new(),
        reminds_after_seconds: (event != Event::Recovered).then_some(14_400),
        steps: vec![
            StepLine {
                attempt: 1,
                subject: Subject::new("status-api").unwrap(),
                step: "request".to_owned(),
                result: "passed".to_owned(),
                duration_ms: 41.7,
            },
            StepLine {
                attempt: 1,
                subject: Subject::new("status-api").unwrap(),
                step: "response".to_owned(),
                result: "failed".to_owned(),
                duration_ms: 0.2,
            },
            StepLine {
                attempt: 2,
                subject: Subject::new("status-api").unwrap(),
                step: "request".to_owned(),
                result: "passed".to_owned(),
                duration_ms: 38.0,
            },
            StepLine {
                attempt: 2,
                subject: Subject::new("status-api").unwrap(),
                step: "response".to_owned(),
                result: "failed".to_owned(),
                duration_ms: 0.3,
            },
        ],
        error_budget: None,
        last_successful_run: Some(LastSuccessfulRun { run_id: "019a-good".to_owned(), at: at(-60) }),
        run_id: "019a-run".to_owned(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        contact: Contact { name: "Platform on call".to_owned(), details: "+45 00 00 00 00".to_owned() },
        links: Links {
            runbook: "https://docs.example/runbooks/availability.md".to_owned(),
            dashboard: None,
            logs: Some("https://logs.example/?run=019a-run".to_owned()),
            trace: None,
        },
    }
}

#[test]
fn opened_email_says_what_broke_and_what_to_do() {
    insta::assert_snapshot!(email(&notification(Event::Opened, &["status-api"])));
}

#[test]
fn recovered_email_says_how_long_it_lasted() {
    insta::assert_snapshot!(email(&notification(Event::Recovered, &["status-api"])));
}

#[test]
fn reminder_names_several_subjects() {
    let mut many = notification(Event::Reminded, &["front-page", "login-page", "status-api", "health"]);
    many.subjects[3].failure.kind = FailureKind::Body;
    many.more_subjects = 7;
    many.last_successful_run = None;
    insta::assert_snapshot!(email(&many));
}

#[test]
fn subject_lines_are_short_ascii() {
    let cases: &[(Event, &[&str], &str)] = &[
        (Event::Opened, &["status-api"], "[critical] production: availability failing: status-api"),
        (Event::Opened, &["-"], "[critical] production: availability failing at response"),
        (
            Event::Reminded,
            &["a", "b", "c", "d"],
            "[critical] production: availability still failing: a, b, c and 1 more",
        ),
        (Event::Recovered, &["a", "b"], "[resolved] production: availability recovered: a, b"),
    ];
    for (event, names, expected) in cases {
        assert_eq!(subject_line(&notification(*event, names)), *expected);
    }
    let long = "x".repeat(64);
    let mut notification = notification(Event::Opened, &[&long, &long, &long]);
    notification.environment = "prøve\nmiljø".to_owned();
    let line = subject_line(&notification);
    assert!(line.len() < 100 && line.is_ascii() && !line.contains('\n'), "{line}");
    assert!(line.starts_with("[critical] proeve miljoe:") && line.ends_with("..."), "{line}");
}

#[test]
fn sms_fits_in_one_part() {
    assert_eq!(
        sms(&notification(Event::Opened, &["status-api"])),
        "production: availability failing: status-api, since 20:27 UTC: status 500 Internal Server Error. Contact +45 00 00 00 00"
    );
    assert_eq!(
        sms(&notification(Event::Recovered, &["status-api"])),
        "production: availability recovered: status-api, down for 13 min"
    );
    let mut long = notification(Event::Opened, &["a"]);
    long.subjects[0].failure.actual =
        phrase!("{}", foreign("{\"fejl\": \"æøå [x] ~ 日本\"}".repeat(20))).admit(&NoSecrets, 1_000);
    let text = sms(&long);
    assert!((138..=140).contains(&text.chars().count()), "{text}");
    assert_eq!(text, gsm7(&text));
    assert!(text.ends_with("... Contact +45 00 00 00 00"), "{text}");
}

#[test]
fn broken_invariant_is_explained_in_email_and_sms() {
    let mut broken = notification(Event::Opened, &["-"]);
    broken.subjects[0].failure.kind = FailureKind::Invariant;
    broken.subjects[0].failure.expected = Text::own("the wrong password is refused (status 401, 403 or 422)");
    broken.subjects[0].failure.actual = Text::own("status 204 No Content at /api/login");
    assert!(email(&broken).contains("The platform broke a rule that must always hold: see Expected and Actual."));
    let text = sms(&broken);
    assert!(text.contains("expected the wrong password is refused") && text.contains("Contact +45"), "{text}");
}

#[test]
fn commands_find_the_deployment_or_the_store() {
    let machine = |settings: Option<&str>, store: Option<&str>| {
        Some(Machine { settings: settings.map(str::to_owned), store: store.map(str::to_owned) })
    };
    let commands = |machine: Option<Machine>| {
        let mut opened = notification(Event::Opened, &["status-api"]);
        opened.machine = machine;
        let lines = email(&opened);
        let found = lines.lines().filter_map(|line| Some(line.split_once("  synthetics ")?.1.to_owned()));
        found.collect::<Vec<_>>()
    };
    let all = |place: &str| {
        vec![
            format!("incident availability.status-api.20260528T202700Z {place}"),
            format!("ack availability/status-api {place} --reason \"WHY\""),
            format!("mute availability/status-api {place} --for 1h --reason \"WHY\""),
        ]
    };
    for (case, machine, expected) in [
        ("a deployment", None, all("--environment production")),
        ("a store", machine(None, Some("/data/production.db")), all("--store /data/production.db")),
        ("a name to quote", machine(None, Some("/Anna's data/a.db")), all(r"--store '/Anna'\''s data/a.db'")),
        ("a store that ends with the program", machine(None, None), Vec::new()),
    ] {
        assert_eq!(commands(machine), expected, "{case}");
    }
    let mut left = notification(Event::Leftovers, &[]);
    left.leftovers = vec![Leftover::new("booking", "9004 is left", None, &NoSecrets)];
    for (machine, expected) in [
        (None, "infra/layer/settings/production.toml"),
        (machine(Some("/etc/synthetics/a.toml"), None), "/etc/synthetics/a.toml"),
    ] {
        left.machine = machine;
        let expected = format!("  Clean up   synthetics cleanup availability --settings {expected} --yes\n");
        assert!(email(&left).contains(&expected), "{}", email(&left));
    }
}

#[test]
fn only_open_incidents_are_acknowledged() {
    for (event, names, expected) in [
        (Event::Opened, &["status-api"][..], true),
        (Event::MonitoringLost, &[], false),
        (Event::Recovered, &["status-api"], false),
    ] {
        assert_eq!(email(&notification(event, names)).contains("synthetics ack "), expected, "{event:?}");
    }
}

#[test]
fn spans_name_the_two_largest_units() {
    let cases = [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_600, "1 h"), (90_061, "1 d 1 h"), (-5, "0 s")];
    for (seconds, expected) in cases {
        assert_eq!(span(seconds), expected);
    }
}

/// Budget of an objective of 99 %.
fn error_budget(days: u32, spent: Option<f64>, gone_in_seconds: Option<i64>) -> ErrorBudget {
    let left = spent.map(|spent| (1.0 - spent).max(0.0));
    ErrorBudget { objective: 0.99, days, passed: 100, failed: 1, spent, left, gone_in_seconds }
}

#[test]
fn budget_says_what_is_left_and_for_how_long() {
    for (days, spent, gone_in_seconds, expected) in [
        (2, None, None, "unknown until the runs cover a whole day (objective 99 % in 30 days, 2 days so far)"),
        (
            30,
            Some(0.25),
            Some(97_200),
            "75 % left, 25 % spent (objective 99 % in 30 days); gone in 1 d 3 h at the rate since yesterday",
        ),
        (
            5,
            Some(0.003),
            None,
            "99.7 % left, 0.3 % spent (objective 99 % in 30 days, 5 days so far); it lasts at the rate since yesterday",
        ),
        (30, Some(1.4), Some(0), "none left, 140 % spent (objective 99 % in 30 days)"),
    ] {
        let mut opened = notification(Event::Opened, &["status-api"]);
        assert!(!email(&opened).contains("Error budget") && !chat(&opened).to_string().contains("Error budget"));
        opened.error_budget = Some(error_budget(days, spent, gone_in_seconds));
        let mail = email(&opened);
        assert!(mail.contains(&format!("\nError budget         {expected}\n")), "{mail}");
        let description = chat(&opened)["content"]["description"].as_str().unwrap().to_owned();
        assert!(description.ends_with(&format!("\nError budget: `{expected}`")), "{description}");
    }
}

#[test]
fn sms_has_the_budget_only_where_it_fits() {
    let mut n = notification(Event::Recovered, &["status-api"]);
    let without = sms(&n);
    for (spent, expected) in [(Some(0.25), ". Error budget 75 % left"), (Some(1.4), ". Error budget gone"), (None, "")]
    {
        n.error_budget = Some(error_budget(30, spent, None));
        assert_eq!(sms(&n), format!("{without}{expected}"), "{spent:?}");
    }
    // It takes no room from what comes before, nor from the contact.
    for (expected, actual, has_budget) in [("200", "500", true), ("status 200", "status 500", false)] {
        let mut n = notification(Event::Opened, &["status-api"]);
        (n.subjects[0].failure.expected, n.subjects[0].failure.actual) = (Text::own(expected), Text::own(actual));
        let without = sms(&n);
        n.error_budget = Some(error_budget(30, Some(0.25), None));
        let text = sms(&n);
        let contact = if has_budget { ". Error budget 75 % left. Contact" } else { ". Contact" };
        assert_eq!(text, without.replace(". Contact", contact));
        assert!(text.chars().count() <= MAX_SMS && text.contains("Contact +45"), "{text}");
    }
}
