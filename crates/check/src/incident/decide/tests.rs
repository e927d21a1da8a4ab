//! Timelines of incidents: one letter per minute for the vote of a run, and the expected notification reasons.

mod acknowledged;
mod limits;
mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::incident::event::Event;
use crate::incident::{IncidentChange, IncidentRecord, Severity, SeverityRule, SilenceKind, parts_of_id};
use crate::model::{
    Cause, Failure, FailureKind, Inconclusive, Leftover, Mismatch, NoSecrets, RunKey, Shard, Text, foreign,
};

const START: i64 = 1_780_000_020;

fn run_at(minute: i64, location: &str) -> RunKey {
    RunKey {
        check: "availability".to_owned(),
        location: location.to_owned(),
        shard: Shard::ONLY,
        scheduled_time: Timestamp::from_second(START + minute * 60).unwrap(),
    }
}

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

fn failing(name: &str, confirmed: bool) -> Vote {
    let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
    Vote::Failing { failure: Failure::new(subject(name), "response", mismatch, &NoSecrets), confirmed }
}

/// Reads one letter: `.` passed, `x` failed once, `X` failed and confirmed, `?` inconclusive, `m` maintenance, `-` no vote.
fn vote(name: &str, letter: char) -> Option<Vote> {
    match letter {
        '.' => Some(Vote::Healthy),
        'x' => Some(failing(name, false)),
        'X' => Some(failing(name, true)),
        '?' => Some(Vote::Inconclusive(Inconclusive::new(Cause::Reference, "no such parameter", &NoSecrets))),
        'm' => Some(Vote::Maintenance),
        '-' => None,
        other => panic!("expected one of `.xX?m-`, found `{other}`"),
    }
}

/// Findings that consist of votes only.
fn findings<'a>(run: &'a RunKey, votes: &'a BTreeMap<Subject, Vote>) -> Findings<'a> {
    Findings { run, run_id: "run", votes, passed: None, subjects: None, leftovers: &[], windows: &[] }
}

#[test]
fn only_runs_with_a_verdict_are_counted() {
    let (run, votes) = (run_at(0, "home"), BTreeMap::from([(subject("web"), Vote::Maintenance)]));
    let mut state = CheckState::default();
    for passed in [Some(true), None, Some(false), Some(true), None] {
        state = decide(&state, &Findings { passed, ..findings(&run, &votes) }, &Policy::default()).next;
    }
    let counted = serde_json::to_value(&state.runs).unwrap();
    assert_eq!(counted.as_object().unwrap().values().collect::<Vec<_>>(), [&serde_json::json!([2, 1])]);
}

/// Plays one line per subject. Returns the final state, and `minute subject reason` for each reason.
fn play(policy: &Policy, lines: &[(&str, &str)]) -> (CheckState, Vec<String>) {
    let mut state = CheckState::default();
    let mut reasons = Vec::new();
    let minutes = lines.iter().map(|(_, line)| line.len()).max().unwrap_or_default();
    for minute in 0..minutes {
        let votes = lines
            .iter()
            .filter_map(|(name, line)| Some((subject(name), vote(name, line.chars().nth(minute)?)?)))
            .collect();
        let (run_id, run) = (format!("run-{minute}"), run_at(minute as i64, "home"));
        let decision = decide(&state, &Findings { run_id: &run_id, ..findings(&run, &votes) }, policy);
        reasons.extend(
            decision
                .reasons
                .iter()
                .map(|reason| format!("{minute} {} {:?}", reason.subject, reason.notification_reason)),
        );
        state = decision.next;
    }
    (state, reasons)
}

#[test]
fn one_subject_over_time() {
    let cases: &[(&str, &[&str])] = &[
        ("....", &[]),
        (".x.", &["1 web SuppressedNotConfirmed", "2 web SuppressedPassedAgain"]),
        ("xx", &["0 web SuppressedNotConfirmed", "1 web Opened"]),
        ("X", &["0 web Opened"]),
        (
            "x.x.",
            &[
                "0 web SuppressedNotConfirmed",
                "1 web SuppressedPassedAgain",
                "2 web SuppressedNotConfirmed",
                "3 web SuppressedPassedAgain",
            ],
        ),
        ("X..", &["0 web Opened", "1 web SuppressedNotYetRecovered", "2 web Recovered"]),
        (
            "X.x..",
            &[
                "0 web Opened",
                "1 web SuppressedNotYetRecovered",
                "2 web SuppressedAlreadyNotified",
                "3 web SuppressedNotYetRecovered",
                "4 web Recovered",
            ],
        ),
        ("X-..", &["0 web Opened", "2 web SuppressedNotYetRecovered", "3 web Recovered"]),
        ("x-x", &["0 web SuppressedNotConfirmed", "2 web Opened"]),
        ("?.", &["0 web SuppressedNotYetLost"]),
    ];
    for (line, expected) in cases {
        assert_eq!(play(&Policy::default(), &[("web", line)]).1, *expected, "{line}");
    }
}

#[test]
fn second_subject_is_notified_during_an_incident() {
    let (state, reasons) = play(&Policy::default(), &[("a", "XXXX.."), ("b", "..XX..")]);
    assert_eq!(
        reasons,
        [
            "0 a Opened",
            "1 a SuppressedAlreadyNotified",
            "2 a SuppressedAlreadyNotified",
            "2 b Opened",
            "3 a SuppressedAlreadyNotified",
            "3 b SuppressedAlreadyNotified",
            "4 a SuppressedNotYetRecovered",
            "4 b SuppressedNotYetRecovered",
            "5 a Recovered",
            "5 b Recovered",
        ]
    );
    assert!(state.subjects.values().all(|subject| subject.phase == Phase::Healthy));
    assert_eq!(state.last_successful_run.unwrap().run_id, "run-5");
}

#[test]
fn open_incident_sends_reminders() {
    let policy = Policy { remind_every: Duration::from_secs(180), ..Policy::default() };
    let (state, reasons) = play(&policy, &[("web", "XXXXXXX")]);
    let reminded: Vec<_> = reasons.iter().filter(|line| line.contains("Reminded")).collect();
    assert_eq!(reminded, ["3 web Reminded", "6 web Reminded"]);
    let incident = state.subjects[&subject("web")].incident.clone().unwrap();
    assert_eq!(incident.opened_at, run_at(0, "home").scheduled_time);
    assert_eq!(incident.id, format!("availability.web.{}", incident.opened_at.strftime("%Y%m%dT%H%M%SZ")));
}

#[test]
fn since_is_the_first_failure_after_the_last_successful_run() {
    let (state, _) = play(&Policy::default(), &[("web", "..xx")]);
    let web = &state.subjects[&subject("web")];
    assert_eq!(web.since, run_at(2, "home").scheduled_time);
    assert_eq!(web.incident.clone().unwrap().opened_at, run_at(3, "home").scheduled_time);
    assert_eq!(
        state.last_successful_run.unwrap(),
        LastSuccessfulRun { run_id: "run-1".to_owned(), at: run_at(1, "home").scheduled_time }
    );
}

#[test]
fn run_is_successful_when_every_subject_is_healthy() {
    for (a, b, is_successful) in [
        (".", ".", true),
        ("-", ".", true),
        ("x.", "..", true),
        ("x-", "..", false),
        ("m", ".", false),
        ("?", ".", false),
    ] {
        let (state, _) = play(&Policy::default(), &[("a", a), ("b", b)]);
        let expected = is_successful.then(|| format!("run-{}", a.len() - 1));
        assert_eq!(state.last_successful_run.map(|run| run.run_id), expected, "{a:?} {b:?}");
    }
}

#[test]
fn run_without_votes_is_not_successful() {
    let decision = decide(&CheckState::default(), &findings(&run_at(0, "home"), &BTreeMap::new()), &Policy::default());
    assert_eq!(decision.next.last_successful_run, None);
    assert_eq!((decision.reasons, decision.changes), (vec![], vec![]));
}

/// Plays pairs of location and letter, one per minute, after one healthy run from each `known` location.
fn play_locations(policy: &Policy, known: &[&str], script: &str) -> Vec<NotificationReason> {
    let mut state = CheckState::default();
    for location in known {
        let healthy = BTreeMap::from([(subject("web"), Vote::Healthy)]);
        state = decide(&state, &findings(&run_at(0, location), &healthy), policy).next;
    }
    let mut reasons = Vec::new();
    for (minute, part) in (1..).zip(script.split_whitespace()) {
        let (location, letter) = part.split_at(1);
        let votes = BTreeMap::from([(subject("web"), vote("web", letter.chars().next().unwrap()).unwrap())]);
        let decision = decide(&state, &findings(&run_at(minute, location), &votes), policy);
        reasons.extend(decision.reasons.iter().map(|reason| reason.notification_reason));
        state = decision.next;
    }
    reasons
}

#[test]
fn locations_open_and_close_by_quorum() {
    use NotificationReason::{Opened, Recovered, SuppressedNotYetRecovered, SuppressedOutvoted, SuppressedPassedAgain};
    let policy = Policy::default();
    // With two locations, both must agree to open and to close.
    assert_eq!(
        play_locations(&policy, &["n", "s"], "nX s. sX n. n. s. s."),
        [
            SuppressedOutvoted,
            SuppressedOutvoted,
            Opened,
            SuppressedNotYetRecovered,
            SuppressedNotYetRecovered,
            SuppressedNotYetRecovered,
            Recovered
        ]
    );
    // With three, two must agree, regardless of how the third one votes.
    assert_eq!(
        play_locations(&policy, &["n", "s", "w"], "nX w. s. n. w."),
        [SuppressedOutvoted, SuppressedOutvoted, SuppressedOutvoted, SuppressedPassedAgain]
    );
    assert_eq!(play_locations(&policy, &["n", "s", "w"], "nX w. sX"), [SuppressedOutvoted, SuppressedOutvoted, Opened]);
    // A single location decides alone.
    assert_eq!(play_locations(&policy, &["n"], "nX n. n."), [Opened, SuppressedNotYetRecovered, Recovered]);
    let all = Policy { quorum: Some(9), ..Policy::default() };
    assert_eq!(play_locations(&all, &["n", "s", "w"], "nX sX wX"), [SuppressedOutvoted, SuppressedOutvoted, Opened]);
    assert_eq!(play_locations(&all, &["n"], "nX"), [Opened]);
}

#[test]
fn inconclusive_and_silent_locations_do_not_vote() {
    use NotificationReason::{Opened, SuppressedNotYetLost, SuppressedOutvoted};
    let policy = Policy::default();
    assert_eq!(play_locations(&policy, &["n", "s"], "nX s? nX"), [SuppressedOutvoted, SuppressedNotYetLost, Opened]);
    // The second location has not run for six minutes.
    assert_eq!(play_locations(&policy, &["n", "s"], "n. n. n. n. n. nX"), [Opened]);
    assert_eq!(play_locations(&policy, &["n", "s"], "n. n. n. nX"), [SuppressedOutvoted]);
}

#[test]
fn lost_monitoring_is_notified_once_and_on_restore() {
    let reasons = play(&Policy::default(), &[("web", ".???x?x.")]).1;
    assert_eq!(
        reasons,
        [
            "1 web SuppressedNotYetLost",
            "2 web SuppressedNotYetLost",
            "3 web MonitoringLost",
            "4 web MonitoringRestored",
            "4 web SuppressedNotConfirmed",
            "5 web SuppressedNotYetLost",
            // The earlier failure still counts, since no run passed in between.
            "6 web Opened",
            "7 web SuppressedNotYetRecovered",
        ]
    );
    let policy = Policy { remind_every: Duration::from_secs(120), ..Policy::default() };
    let reasons = play(&policy, &[("web", "??????")]).1;
    assert_eq!(
        reasons[2..],
        [
            "2 web MonitoringLost",
            "3 web SuppressedAlreadyNotified",
            "4 web MonitoringLost",
            "5 web SuppressedAlreadyNotified"
        ]
    );
    // With several locations, monitoring is lost when a majority is inconclusive.
    let script = "n? n? n? s. s? n? s? n? s? n. s.";
    let reasons = play_locations(&Policy::default(), &["n", "s"], script);
    assert_eq!(
        reasons.iter().filter(|reason| **reason == NotificationReason::MonitoringLost).count(),
        1,
        "{reasons:?}"
    );
    assert_eq!(
        reasons.iter().filter(|reason| **reason == NotificationReason::MonitoringRestored).count(),
        1,
        "{reasons:?}"
    );
}

#[test]
fn maintenance_keeps_incidents_and_suppresses_notifications() {
    let policy = Policy { remind_every: Duration::from_secs(120), ..Policy::default() };
    let reasons = play(&policy, &[("web", "Xmmmm..")]).1;
    assert_eq!(reasons[0], "0 web Opened");
    assert!(reasons[1..5].iter().all(|line| line.ends_with("SuppressedMaintenance")), "{reasons:?}");
    assert_eq!(reasons[5..], ["5 web SuppressedNotYetRecovered", "6 web Recovered"]);
    assert_eq!(play(&policy, &[("web", "mmmm")]).1, [""; 0]);
}

#[test]
fn flapping_is_notified_once_until_stable() {
    let policy = Policy { stable_after: Duration::from_secs(240), ..Policy::default() };
    let reasons = |line: &str| -> Vec<String> {
        let is_sent = |line: &String| {
            ["Opened", "Recovered", "Flapping", "Stabilized"].iter().any(|reason| line.ends_with(reason))
        };
        let (state, reasons) = play(&policy, &[("web", line)]);
        assert!(line.len() < 180 || state.subjects.is_empty(), "{state:#?}");
        reasons.into_iter().filter(is_sent).filter(|line| !line.contains("NotYet")).collect()
    };
    let flaps = ["0 web Opened", "2 web Recovered", "3 web Opened", "5 web Recovered", "6 web Flapping"];
    assert_eq!(reasons("X..X..X..X..X.."), flaps);
    assert_eq!(reasons("X..X..X......."), [&flaps[..], &["12 web Stabilized"]].concat());
    // A subject can also stabilize while failing; its recovery is reported afterwards.
    assert_eq!(reasons("X..X..XXXXXX.."), [&flaps[..], &["10 web Stabilized", "13 web Recovered"]].concat());
    // Incidents that are far apart do not count as flapping. The window is an hour, without its end.
    let rare = |minutes: usize| format!("X..{0}X..{0}X..{0}", ".".repeat(minutes - 3));
    assert!(reasons(&rare(29)).contains(&"58 web Flapping".to_owned()));
    for minutes in [30, 61] {
        let expected =
            (0..3).flat_map(|n| [format!("{} web Opened", n * minutes), format!("{} web Recovered", n * minutes + 2)]);
        assert_eq!(reasons(&rare(minutes)), expected.collect::<Vec<_>>());
    }
}

/// Mute of the subject from one minute until another.
fn mute(from: i64, until: i64) -> Silence {
    Silence {
        id: "m1".to_owned(),
        kind: SilenceKind::Mute,
        subject: Some(subject("web")),
        from: run_at(from, "home").scheduled_time,
        until: run_at(until, "home").scheduled_time,
        by: "anna".to_owned(),
        reason: "deploy".to_owned(),
    }
}

/// Plays a line with a mute in the state, or with a maintenance window from the settings.
fn play_silenced(line: &str, silence: &Silence) -> (Vec<String>, Vec<IncidentChange>) {
    let is_mute = silence.kind == SilenceKind::Mute;
    let mut state = CheckState::default();
    let (mut reasons, mut changes) = (Vec::new(), Vec::new());
    for (minute, letter) in (0..).zip(line.chars()) {
        let votes = BTreeMap::from([(subject("web"), vote("web", letter).unwrap())]);
        let run = run_at(minute, "home");
        let now = run.scheduled_time;
        if is_mute && now == silence.from {
            state.mutes.push(silence.clone());
        }
        let is_window = !is_mute && silence.from <= now && now < silence.until;
        let windows = if is_window { vec![silence.clone()] } else { vec![] };
        let decision = decide(&state, &Findings { windows: &windows, ..findings(&run, &votes) }, &Policy::default());
        reasons.extend(decision.reasons.iter().map(|reason| format!("{minute} {:?}", reason.notification_reason)));
        changes.extend(decision.changes);
        state = decision.next;
    }
    let last = run_at(line.len() as i64 - 1, "home").scheduled_time;
    assert!(state.mutes.iter().all(|mute| last < mute.until), "an expired mute is still stored");
    (reasons, changes)
}

#[test]
fn open_incident_is_notified_when_the_silence_ends() {
    let (reasons, changes) = play_silenced("XXXXX..", &mute(0, 3));
    assert_eq!(
        reasons,
        [
            "0 SuppressedMuted",
            "1 SuppressedMuted",
            "2 SuppressedMuted",
            "3 Opened",
            "4 SuppressedAlreadyNotified",
            "5 SuppressedNotYetRecovered",
            "6 Recovered"
        ]
    );
    assert_eq!(changes[0].silence.as_ref().unwrap().by, "anna");
    assert_eq!(changes.iter().filter(|change| change.silence.is_some()).count(), 1);
    assert_eq!(
        play_silenced("X....", &mute(0, 4)).0,
        ["0 SuppressedMuted", "1 SuppressedNotYetRecovered", "2 SuppressedMuted"]
    );
    // The incident closes after the silence, but its opening was never reported.
    assert_eq!(
        play_silenced("X...", &mute(0, 1)).0,
        ["0 SuppressedMuted", "1 SuppressedNotYetRecovered", "2 SuppressedNeverNotified"]
    );
    // The recovery of a reported incident is reported despite the mute.
    let (reasons, _) = play_silenced("XXX..", &mute(1, 5));
    assert_eq!(
        reasons,
        ["0 Opened", "1 SuppressedMuted", "2 SuppressedMuted", "3 SuppressedNotYetRecovered", "4 Recovered"]
    );
    let window = Silence { kind: SilenceKind::Maintenance, subject: None, ..mute(0, 2) };
    assert_eq!(play_silenced("XXX", &window).0, ["0 SuppressedMaintenance", "1 SuppressedMaintenance", "2 Opened"]);
    assert_eq!(play_silenced("???", &Silence { until: mute(0, 9).until, ..window }).0[2], "2 SuppressedMaintenance");
    let elsewhere = Silence { subject: Some(subject("other")), ..mute(0, 2) };
    assert_eq!(play_silenced("XXX", &elsewhere).0[0], "0 Opened");
    assert_eq!(
        play_silenced("????", &mute(0, 3)).0,
        ["0 SuppressedNotYetLost", "1 SuppressedNotYetLost", "2 SuppressedMuted", "3 MonitoringLost"]
    );
}

#[test]
fn severity_follows_the_failure_and_warnings_escalate() {
    let rules = |kind| SeverityRule { subject: None, kind: Some(kind), severity: Severity::Warning };
    let policy = Policy {
        severities: vec![rules(FailureKind::Status)],
        escalate_after: Some(Duration::from_secs(180)),
        ..Policy::default()
    };
    assert_eq!(
        play(&policy, &[("web", "XXXXX..")]).1,
        [
            "0 web Opened",
            "1 web SuppressedAlreadyNotified",
            "2 web SuppressedAlreadyNotified",
            "3 web Escalated",
            "4 web SuppressedAlreadyNotified",
            "5 web SuppressedNotYetRecovered",
            "6 web Recovered"
        ]
    );
    let never = Policy { escalate_after: None, ..policy.clone() };
    assert!(!play(&never, &[("web", "XXXXX")]).1.iter().any(|line| line.ends_with("Escalated")));
    // An open incident escalates on a more severe failure.
    let state = play(&never, &[("web", "X")]).0;
    let Vote::Failing { mut failure, .. } = failing("web", true) else { unreachable!() };
    failure.kind = FailureKind::Timeout;
    let votes = BTreeMap::from([(subject("web"), Vote::Failing { failure, confirmed: true })]);
    let decision = decide(&state, &findings(&run_at(1, "home"), &votes), &never);
    assert_eq!(
        (decision.reasons[0].notification_reason, decision.reasons[0].severity),
        (NotificationReason::Escalated, Severity::Critical)
    );
    assert_eq!(decision.changes.len(), 1);
}

#[test]
fn leftovers_are_notified_at_most_once_per_reminder_interval() {
    let leftover = |name: &str| Leftover::new(name, "status 500", None, &NoSecrets);
    let healthy = BTreeMap::from([(subject("web"), Vote::Healthy)]);
    let mut state = CheckState::default();
    let mut reasons = Vec::new();
    let policy = Policy { remind_every: Duration::from_secs(180), ..Policy::default() };
    for minute in 0..9 {
        let leftovers = if minute < 5 { vec![leftover(&format!("cancel {minute}"))] } else { vec![] };
        let run = run_at(minute, "home");
        let decision = decide(&state, &Findings { leftovers: &leftovers, ..findings(&run, &healthy) }, &policy);
        reasons.extend(decision.leftovers.map(|current| (minute, current.pending.len())));
        state = decision.next;
    }
    assert_eq!(reasons, [(0, 1), (3, 3), (6, 1)]);
    assert_eq!(state.leftovers, None);
}

#[test]
fn record_keeps_the_first_failure_and_all_notifications() {
    let failing = |actual: &'static str| {
        let Vote::Failing { mut failure, .. } = failing("web", false) else { unreachable!() };
        failure.actual = Text::own(actual);
        Vote::Failing { failure, confirmed: false }
    };
    let mut state = CheckState::default();
    let mut record = None;
    for (minute, vote) in (0..).zip([failing("a"), failing("b"), failing("c"), Vote::Healthy, Vote::Healthy]) {
        let votes = BTreeMap::from([(subject("web"), vote)]);
        let decision = decide(&state, &findings(&run_at(minute, "home"), &votes), &Policy::default());
        for change in &decision.changes {
            record = Some(IncidentRecord::after(record, change));
        }
        state = decision.next;
    }
    let record = record.unwrap();
    assert_eq!((record.first.actual.as_str(), record.latest.actual.as_str()), ("a", "c"));
    let events: Vec<_> = record.notifications.iter().map(|entry| entry.event).collect();
    assert_eq!(events, [Event::Opened, Event::Recovered]);
    let id = "availability/home/0of1/20260528T202800Z/opened/critical";
    assert_eq!((record.notifications[0].notification_id.as_str(), record.notifications[0].at), (id, record.opened_at));
    assert_eq!(record.closed_at, Some(run_at(4, "home").scheduled_time));
    assert_eq!(parts_of_id(&record.id), Some(("availability", "20260528T202700Z")));
    assert_eq!((parts_of_id("availability"), parts_of_id("a.b.c"), parts_of_id("")), (None, None, None));
}

#[test]
fn state_of_another_release_is_rejected() {
    let stored = serde_json::to_string(&CheckState::default()).unwrap();
    assert_eq!(CheckState::read(&stored).unwrap(), CheckState::default());
    let version = |version: &str| stored.replace("\"schema_version\":3", &format!("\"schema_version\":{version}"));
    for (version_found, expected) in [("2", "an older release wrote the state"), ("4", "deploy that release again")] {
        let error = CheckState::read(&version(version_found)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn removed_subject_is_dropped() {
    let (state, _) = play(&Policy::default(), &[("gone", "X"), ("kept", "X")]);
    let remaining = BTreeSet::from([subject("kept")]);
    let votes = BTreeMap::from([(subject("kept"), Vote::Healthy)]);
    let run = run_at(1, "home");
    let decision =
        decide(&state, &Findings { subjects: Some(&remaining), ..findings(&run, &votes) }, &Policy::default());
    let reasons: Vec<_> =
        decision.reasons.iter().map(|reason| (reason.subject.as_str(), reason.notification_reason)).collect();
    assert_eq!(
        reasons,
        [("gone", NotificationReason::SuppressedDropped), ("kept", NotificationReason::SuppressedNotYetRecovered)]
    );
    assert!(!decision.next.subjects.contains_key(&subject("gone")));
    assert!(decision.changes[0].incident.closed_at.is_some(), "the record stays open");
}
