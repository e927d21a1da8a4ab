//! Failures in a step that needs another check.

use super::*;
use crate::incident::{Dependency, Need, NeededFailure};

const LOG_IN: Need = Need { check: "login", steps: &["log-in"] };

/// A failed run, at the step of the log-in or at one of the check's own.
fn failing_at(step: &str) -> BTreeMap<Subject, Vote> {
    let mismatch = Mismatch::new(FailureKind::Status, "status 200", "status 500");
    let failure = Failure::new(Subject::whole(), step, mismatch, &NoSecrets);
    BTreeMap::from([(Subject::whole(), Vote::Failing { failure, confirmed: false })])
}

/// Plays runs: the letter is the step that failed (`l` the log-in, `c` one of the check's own, `.` none), and after it `!` while
/// the needed check fails, `?` while it does with a warning. It fails since the first run of a row with such a mark. Returns the
/// reason of each run, and the final state.
fn play_needing(runs: &[&str]) -> (Vec<Option<NotificationReason>>, CheckState) {
    let (mut state, mut since) = (CheckState::default(), None);
    let mut reasons = Vec::new();
    for (number, run) in (0..).zip(runs) {
        let votes = match &run[..1] {
            "." => BTreeMap::from([(Subject::whole(), Vote::Healthy)]),
            "l" => failing_at("log-in"),
            _ => failing_at("create"),
        };
        let severity = run.chars().nth(1).map(|mark| if mark == '!' { Severity::Critical } else { Severity::Warning });
        let run = run_at(number, "home");
        since = severity.map(|_| since.unwrap_or(run.scheduled_time));
        let failing = since.zip(severity).map(|(since, severity)| NeededFailure { since, severity });
        let dependencies = [Dependency { need: LOG_IN, failing }];
        let decision =
            decide(&state, &Findings { dependencies: &dependencies, ..findings(&run, &votes) }, &Policy::default());
        reasons.push(decision.reasons.first().map(|reason| reason.notification_reason));
        state = decision.next;
    }
    (reasons, state)
}

#[test]
fn failed_log_in_is_suppressed_only_while_login_fails() {
    use NotificationReason::{
        Opened, Recovered, SuppressedAlreadyNotified, SuppressedDependency, SuppressedNeverNotified,
        SuppressedNotConfirmed, SuppressedNotYetRecovered,
    };
    for (case, runs, expected) in [
        (
            "it recovers first",
            &["l!", "l!", "l!", ".", "."][..],
            &[SuppressedDependency, SuppressedDependency, SuppressedNotYetRecovered, SuppressedNeverNotified][..],
        ),
        ("it still fails", &["l!", "l!", "l", "l"], &[SuppressedDependency, Opened, SuppressedAlreadyNotified]),
        ("login was found to fail later", &["l", "l!", "l!"], &[SuppressedDependency, SuppressedDependency]),
        (
            "this check was first",
            &["l", "l", "l!", ".", "."],
            &[Opened, SuppressedAlreadyNotified, SuppressedNotYetRecovered, Recovered],
        ),
        ("an own step", &["c!", "c!"], &[Opened]),
        ("an own step, then the log-in", &["c!", "l!"], &[Opened]),
        ("the log-in, then an own step", &["l!", "c!"], &[Opened]),
        (
            "an own step while suppressed",
            &["l!", "l!", "c!", "l!"],
            &[SuppressedDependency, Opened, SuppressedAlreadyNotified],
        ),
    ] {
        let (reasons, _) = play_needing(runs);
        assert_eq!(reasons[0], Some(SuppressedNotConfirmed), "{case}");
        let later: Vec<_> = reasons[1..].iter().copied().flatten().collect();
        assert_eq!(later, expected, "{case}");
    }
}

#[test]
fn failure_that_began_before_the_last_pass_explains_nothing() {
    use NotificationReason::{Opened, SuppressedAlreadyNotified, SuppressedDependency};
    for (case, runs, expected) in [
        ("passed meanwhile", &[".!", ".!", "l!", "l!", "l!"][..], [Opened, SuppressedAlreadyNotified]),
        ("began in the minute of the last pass", &[".!", "l!", "l!", "l!"], [SuppressedDependency; 2]),
        ("began later", &[".", ".", "l!", "l!", "l!"], [SuppressedDependency; 2]),
        ("failed again later", &[".!", ".!", ".", "l!", "l!", "l!"], [SuppressedDependency; 2]),
    ] {
        let (reasons, _) = play_needing(runs);
        let last: Vec<_> = reasons[runs.len() - 2..].iter().copied().flatten().collect();
        assert_eq!(last, expected, "{case}");
    }
}

#[test]
fn warning_about_login_suppresses_nothing_critical() {
    use NotificationReason::{Opened, SuppressedDependency};
    for (case, runs, expected) in [
        ("a warning", &["l?", "l?"][..], Opened),
        ("first not known to be a warning", &["l!", "l!", "l?"], Opened),
        ("it became critical", &["l?", "l!"], SuppressedDependency),
    ] {
        let (reasons, _) = play_needing(runs);
        assert_eq!(reasons.last(), Some(&Some(expected)), "{case}");
    }
}

#[test]
fn suppressed_incident_names_the_needed_check() {
    let (_, state) = play_needing(&["l!", "l!"]);
    let incident = state.subjects[&Subject::whole()].incident.clone().unwrap();
    assert_eq!(incident.dependency.as_deref(), Some("login"));
    let (_, state) = play_needing(&["l", "l", "l!"]);
    let incident = state.subjects[&Subject::whole()].incident.clone().unwrap();
    assert_eq!(incident.dependency, None, "it was reported");
}

#[test]
fn next_incident_is_suppressed_again() {
    let (reasons, _) = play_needing(&["c", "c", ".", ".", "l!", "l!"]);
    assert_eq!(reasons.last(), Some(&Some(NotificationReason::SuppressedDependency)));
}

#[test]
fn flapping_log_in_is_suppressed_while_login_fails() {
    let once = ["l!", "l!", ".", "."];
    let runs: Vec<&str> = once.iter().copied().cycle().take(10).collect();
    let (reasons, state) = play_needing(&runs);
    assert_eq!(reasons.last(), Some(&Some(NotificationReason::SuppressedDependency)), "{reasons:?}");
    assert!(state.subjects[&Subject::whole()].is_flapping);
    let all: Vec<&str> = runs.into_iter().chain(["l"]).collect();
    assert_eq!(play_needing(&all).0.last(), Some(&Some(NotificationReason::Flapping)));
}
