//! Limits on what a run changes and a state holds.

use super::*;
use crate::incident::{Announced, Announcement, Leftovers};

#[test]
fn changes_beyond_one_write_wait_for_the_next_run() {
    let names: Vec<String> = (0..150).map(|n| format!("t{n:03}")).collect();
    let votes = |vote: &dyn Fn(&str) -> Vote| names.iter().map(|name| (subject(name), vote(name))).collect();
    let mut state = CheckState::default();
    let mut counts = Vec::new();
    for (minute, passes) in (0..).zip([false, false, true, true, true]) {
        let votes = votes(&|name| if passes { Vote::Healthy } else { failing(name, true) });
        let decision = decide(&state, &findings(&run_at(minute, "home"), &votes), &Policy::default());
        let count = |wanted: NotificationReason| {
            decision.reasons.iter().filter(|reason| reason.notification_reason == wanted).count()
        };
        counts.push((
            count(NotificationReason::Opened),
            count(NotificationReason::Recovered),
            count(NotificationReason::SuppressedPostponed),
            decision.changes.len(),
        ));
        state = decision.next;
    }
    assert_eq!(counts, [(99, 0, 51, 99), (51, 0, 0, 51), (0, 0, 0, 0), (0, 99, 51, 99), (0, 51, 0, 51)]);
}

#[test]
fn subjects_beyond_the_limit_are_counted() {
    let votes = (0..CheckState::MAX_SUBJECTS + 3).map(|n| (subject(&format!("t{n:03}")), failing("t", true))).collect();
    let decision = decide(&CheckState::default(), &findings(&run_at(0, "home"), &votes), &Policy::default());
    assert_eq!(decision.next.subjects.len(), CheckState::MAX_SUBJECTS);
    assert_eq!(decision.next.not_stored, 3);
    assert_eq!(
        decision
            .reasons
            .iter()
            .filter(|reason| reason.notification_reason == NotificationReason::SuppressedNotStored)
            .count(),
        3
    );
}

#[test]
fn longest_texts_fit_in_the_table() {
    let failure = |n: usize| {
        let long = Mismatch::new(FailureKind::Status, foreign("\u{1}".repeat(300)), foreign("𝄞".repeat(300)))
            .with_evidence(foreign("\"".repeat(600)));
        Failure::new(subject(&format!("{n:064}")), "x".repeat(64), long, &NoSecrets)
    };
    let votes: BTreeMap<_, _> = (0..CheckState::MAX_SUBJECTS)
        .map(|n| (failure(n).subject, Vote::Failing { failure: failure(n), confirmed: true }))
        .collect();
    let mut state = CheckState::default();
    for (minute, location) in (0..).zip(["eu-north-1", "eu-central-1", "us-east-1", "eu-north-1", "eu-west-1"]) {
        state = decide(&state, &findings(&run_at(minute, location), &votes), &Policy::default()).next;
        let bytes = serde_json::to_vec(&state).unwrap().len();
        assert!(bytes <= CheckState::MAX_BYTES, "{bytes} bytes");
    }
}

/// State in which every subject fails without an incident, with room for `room` more.
fn nearly_full(room: usize) -> CheckState {
    let state = SubjectState::new(run_at(0, "home").scheduled_time, &failing("t", false));
    let subjects = (room..CheckState::MAX_SUBJECTS).map(|n| (subject(&format!("t{n:03}")), state.clone())).collect();
    CheckState { subjects, ..CheckState::default() }
}

#[test]
fn unhealthy_subject_takes_the_place_of_a_healthy_one() {
    let at = run_at(0, "home").scheduled_time;
    let announced = Announced { what: Announcement::Flapping, severity: Severity::Warning, first: at, last: at };
    let votes = BTreeMap::from([(subject("web"), failing("web", true))]);
    for (case, room, phase, announced, leaves, is_stored) in [
        ("room for one", 1, Phase::Suspect, None, None, true),
        ("all are unhealthy", 0, Phase::Suspect, None, None, false),
        ("one is healthy", 0, Phase::Healthy, None, Some("t100"), true),
        ("the end of one is not announced", 0, Phase::Healthy, Some(announced), None, false),
    ] {
        let mut state = nearly_full(room);
        let other = state.subjects.get_mut(&subject("t100")).unwrap();
        (other.phase, other.announced) = (phase, announced);
        let next = decide(&state, &findings(&run_at(1, "home"), &votes), &Policy::default()).next;
        let left: Vec<_> = state.subjects.keys().filter(|known| !next.subjects.contains_key(known)).collect();
        assert_eq!(left, leaves.map(subject).iter().collect::<Vec<_>>(), "{case}");
        assert_eq!(
            (next.subjects.contains_key(&subject("web")), next.not_stored),
            (is_stored, u32::from(!is_stored)),
            "{case}"
        );
    }
}

#[test]
fn number_of_subjects_not_stored_is_that_of_the_last_run() {
    let state = CheckState { not_stored: 3, ..CheckState::default() };
    let votes = BTreeMap::from([(subject("web"), Vote::Healthy)]);
    assert_eq!(decide(&state, &findings(&run_at(1, "home"), &votes), &Policy::default()).next.not_stored, 0);
}

#[test]
fn dropped_subjects_beyond_one_write_wait_for_the_next_run() {
    let names = (0..120).map(|n| format!("t{n:03}")).chain(["-".to_owned()]);
    let votes = names.map(|name| (subject(&name), failing("t", true))).collect();
    let (none, no_subjects) = (BTreeMap::new(), BTreeSet::new());
    let mut state = CheckState::default();
    let mut counts = Vec::new();
    for (minute, votes) in (0..).zip([&votes, &votes, &none, &none]) {
        let run = run_at(minute, "home");
        let subjects = votes.is_empty().then_some(&no_subjects);
        let decision = decide(&state, &Findings { subjects, ..findings(&run, votes) }, &Policy::default());
        counts.push((decision.changes.len(), decision.next.subjects.len()));
        state = decision.next;
    }
    assert_eq!(counts, [(99, 121), (22, 121), (99, 22), (21, 1)]);
    assert!(state.subjects.keys().all(Subject::is_whole), "the whole check is always a subject");
}

#[test]
fn leftovers_beyond_the_limit_are_counted() {
    let healthy = BTreeMap::from([(subject("web"), Vote::Healthy)]);
    let mute = Silence { subject: None, ..mute(0, 3) };
    let mut state = CheckState { mutes: vec![mute], ..CheckState::default() };
    let mut counts = Vec::new();
    for (minute, count) in (0..).zip([15, 8, 2, 0]) {
        let leftovers = vec![Leftover::new("cancel", "status 500", None, &NoSecrets); count];
        let run = run_at(minute, "home");
        let decision =
            decide(&state, &Findings { leftovers: &leftovers, ..findings(&run, &healthy) }, &Policy::default());
        state = decision.next;
        let count = |leftovers: &Leftovers| (leftovers.pending.len(), leftovers.more);
        counts.push((state.leftovers.as_ref().map(count), decision.leftovers.as_ref().map(count)));
    }
    assert_eq!(
        counts,
        [(Some((15, 0)), None), (Some((20, 3)), None), (Some((20, 5)), None), (Some((0, 0)), Some((20, 5)))]
    );
}

#[test]
fn reminders_beyond_one_write_wait_for_the_next_run() {
    let votes = (0..150).map(|n| (subject(&format!("t{n:03}")), failing("t", true))).collect();
    let policy = Policy { remind_every: Duration::from_secs(180), ..Policy::default() };
    let mut state = CheckState::default();
    let mut counts = Vec::new();
    for minute in [0, 1, 4, 5, 6] {
        let decision = decide(&state, &findings(&run_at(minute, "home"), &votes), &policy);
        let count = |wanted| decision.reasons.iter().filter(|reason| reason.notification_reason == wanted).count();
        counts.push((count(NotificationReason::Reminded), count(NotificationReason::SuppressedPostponed)));
        state = decision.next;
    }
    assert_eq!(counts, [(0, 51), (0, 0), (99, 51), (51, 0), (0, 0)]);
}
