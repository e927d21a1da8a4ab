//! Incidents that a person has acknowledged.

use super::*;
use crate::incident::Acknowledgement;

/// Plays a line of votes from the state of an earlier one, whose minutes it continues.
fn go_on(
    policy: &Policy,
    state: CheckState,
    from: usize,
    line: &str,
) -> (CheckState, Vec<String>, Vec<IncidentChange>) {
    let (mut state, mut reasons, mut changes) = (state, Vec::new(), Vec::new());
    for (minute, letter) in (from..).zip(line.chars()) {
        let votes = vote("web", letter).map(|vote| (subject("web"), vote)).into_iter().collect();
        let run = run_at(minute as i64, "home");
        let decision = decide(&state, &findings(&run, &votes), policy);
        reasons.extend(decision.reasons.iter().map(|reason| format!("{minute} {:?}", reason.notification_reason)));
        changes.extend(decision.changes);
        state = decision.next;
    }
    (state, reasons, changes)
}

/// Acknowledges the open incident of `web`.
fn acknowledge(state: &mut CheckState) {
    let incident = state.subjects.get_mut(&subject("web")).unwrap().incident.as_mut().unwrap();
    incident.acknowledged = Some(Acknowledgement::new(run_at(2, "home").scheduled_time, "anna", "on it"));
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[test]
fn reminders_stop_until_recovery_and_escalation_comes() {
    let policy = Policy {
        severity: Severity::Warning,
        remind_every: minutes(2),
        escalate_after: Some(minutes(6)),
        ..Policy::default()
    };
    let (mut state, reasons, _) = go_on(&policy, CheckState::default(), 0, "XXX");
    assert_eq!(reasons, ["0 Opened", "1 SuppressedAlreadyNotified", "2 Reminded"]);
    acknowledge(&mut state);
    let (state, reasons, changes) = go_on(&policy, state, 3, "XXXXXXX.X..");
    let expected = [
        "3 SuppressedAlreadyNotified",
        "4 SuppressedAcknowledged",
        "5 SuppressedAcknowledged",
        "6 Escalated",
        "7 SuppressedAlreadyNotified",
        "8 SuppressedAcknowledged",
        "9 SuppressedAcknowledged",
        "10 SuppressedNotYetRecovered",
        "11 SuppressedAcknowledged",
        "12 SuppressedNotYetRecovered",
        "13 Recovered",
    ];
    assert_eq!(reasons, expected);
    // The acknowledgement, the escalation and the recovery. Suppressed reminders write nothing.
    let recorded: Vec<_> = changes.iter().map(|change| (change.at, change.incident.acknowledged.clone())).collect();
    let given = Acknowledgement::new(run_at(2, "home").scheduled_time, "anna", "on it").recorded();
    let expected = [3, 6, 13].map(|minute| (run_at(minute, "home").scheduled_time, Some(given.clone())));
    assert_eq!(recorded, expected);
    let record = changes.iter().fold(None, |record, change| Some(IncidentRecord::after(record, change))).unwrap();
    assert_eq!(record.acknowledged, Some(given));
    // The next incident is another one.
    let (_, reasons, _) = go_on(&policy, state, 14, "XXX");
    assert_eq!(reasons, ["14 Opened", "15 SuppressedAlreadyNotified", "16 Reminded"]);
}

#[test]
fn acknowledgement_just_before_the_recovery_is_recorded() {
    let (mut state, ..) = go_on(&Policy::default(), CheckState::default(), 0, "X.");
    acknowledge(&mut state);
    let (_, reasons, changes) = go_on(&Policy::default(), state, 2, ".");
    assert_eq!(reasons, ["2 Recovered"]);
    let [change] = &changes[..] else { panic!("{changes:?}") };
    let record = IncidentRecord::after(None, change);
    assert!(record.acknowledged.is_some_and(|given| !given.is_new) && record.closed_at.is_some());
}

#[test]
fn reminders_of_a_flapping_subject_stop_too() {
    let policy = Policy { remind_every: minutes(2), flap_threshold: 2, ..Policy::default() };
    let (mut state, reasons, _) = go_on(&policy, CheckState::default(), 0, "X..XXX");
    assert_eq!(reasons[3..], ["3 Flapping", "4 SuppressedNotYetStable", "5 Reminded"]);
    acknowledge(&mut state);
    let (_, reasons, _) = go_on(&policy, state, 6, "XXX..X");
    let expected = [
        "6 SuppressedNotYetStable",
        "7 SuppressedAcknowledged",
        "8 SuppressedAcknowledged",
        "9 SuppressedNotYetStable",
        "10 SuppressedNotYetStable",
        // The next incident.
        "11 Reminded",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn texts_are_bounded() {
    let given = Acknowledgement::new(run_at(0, "home").scheduled_time, &"æ".repeat(99), &"ø".repeat(999));
    assert_eq!((given.by.chars().count(), given.reason.chars().count()), (40, 120));
}
