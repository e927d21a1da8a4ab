//! Timelines in which several things happen at once, or in another order than usual.

use super::*;

/// Plays a line of one subject and returns the notification reasons.
fn reasons(policy: &Policy, line: &str) -> Vec<String> {
    play(policy, &[("web", line)]).1.into_iter().map(|reason| reason.replace(" web ", " ")).collect()
}

#[test]
fn flapping_is_reminded_of_only_during_an_incident() {
    let policy = Policy { remind_every: Duration::from_secs(120), ..Policy::default() };
    assert_eq!(
        reasons(&policy, "X..X..XXXX..x")[6..],
        [
            "6 Flapping",
            "7 SuppressedNotYetStable",
            "8 Reminded",
            "9 SuppressedNotYetStable",
            "10 SuppressedNotYetStable",
            "11 SuppressedNotYetStable",
            "12 SuppressedNotYetStable"
        ]
    );
}

#[test]
fn subject_that_fails_again_has_not_stabilized() {
    let policy = Policy { stable_after: Duration::from_secs(240), ..Policy::default() };
    let reasons = reasons(&policy, "X..X..X..---x.");
    assert_eq!(reasons[9..], ["12 SuppressedNotConfirmed", "13 Stabilized"]);
}

#[test]
fn stable_subject_keeps_its_openings_for_the_flap_window() {
    let policy = Policy { stable_after: Duration::from_secs(240), ..Policy::default() };
    assert!(reasons(&policy, "X........X........X").contains(&"18 Flapping".to_owned()));
}

/// Policy under which incidents are warnings that become critical after three minutes.
fn escalating() -> Policy {
    Policy { severity: Severity::Warning, escalate_after: Some(Duration::from_secs(180)), ..Policy::default() }
}

#[test]
fn incident_escalates_only_while_it_fails() {
    let (state, _) = play(&escalating(), &[("web", "XXX..")]);
    let incident = state.subjects[&subject("web")].incident.clone().unwrap();
    assert_eq!((incident.severity, incident.escalated_at), (Severity::Warning, None));
}

#[test]
fn muted_incident_escalates_when_the_mute_ends() {
    let votes = BTreeMap::from([(subject("web"), failing("web", true))]);
    let mut state = CheckState::default();
    let mut reasons = Vec::new();
    for minute in 0..6 {
        if minute == 1 {
            state.mutes.push(mute(1, 5));
        }
        let decision = decide(&state, &findings(&run_at(minute, "home"), &votes), &escalating());
        reasons.extend(decision.reasons.iter().map(|reason| reason.notification_reason));
        state = decision.next;
    }
    use NotificationReason::{Escalated, Opened, SuppressedMuted};
    assert_eq!(reasons, [Opened, SuppressedMuted, SuppressedMuted, SuppressedMuted, SuppressedMuted, Escalated]);
    let incident = state.subjects[&subject("web")].incident.clone().unwrap();
    assert_eq!(incident.escalated_at, Some(run_at(5, "home").scheduled_time));
}

#[test]
fn record_of_a_long_incident_has_its_end() {
    let policy = Policy { remind_every: Duration::from_secs(60), ..Policy::default() };
    let mut state = CheckState::default();
    let mut events = Vec::new();
    for minute in 0..70 {
        let vote = if minute < 60 { failing("web", true) } else { Vote::Healthy };
        let votes = BTreeMap::from([(subject("web"), vote)]);
        let decision = decide(&state, &findings(&run_at(minute, "home"), &votes), &policy);
        events.extend(decision.changes.into_iter().filter_map(|change| change.notification).map(|entry| entry.event));
        state = decision.next;
    }
    assert_eq!(events.len(), 51);
    assert_eq!((events[0], events[49], events[50]), (Event::Opened, Event::Reminded, Event::Recovered));
}

#[test]
fn since_is_the_earliest_failure_of_any_location() {
    let votes = BTreeMap::from([(subject("web"), failing("web", false))]);
    let mut state = CheckState::default();
    for (location, minute, expected) in [("n", 5, 5), ("s", 3, 3), ("w", 4, 3)] {
        state = decide(&state, &findings(&run_at(minute, location), &votes), &Policy::default()).next;
        assert_eq!(state.subjects[&subject("web")].since, run_at(expected, "n").scheduled_time, "{location}");
    }
}

#[test]
fn inconclusive_run_before_a_failure_is_not_its_start() {
    let (state, _) = play(&Policy::default(), &[("web", "?x")]);
    assert_eq!(state.subjects[&subject("web")].since, run_at(1, "home").scheduled_time);
}

#[test]
fn failure_at_one_location_alone_is_unconfirmed() {
    use NotificationReason::{SuppressedNotConfirmed, SuppressedPassedAgain};
    let reasons = play_locations(&Policy::default(), &["n", "s"], "nx s. n.");
    assert_eq!(reasons, [SuppressedNotConfirmed, SuppressedNotConfirmed, SuppressedPassedAgain]);
}

#[test]
fn failure_of_one_shard_alone_is_unconfirmed() {
    use NotificationReason::{SuppressedNotConfirmed, SuppressedNotYetLost};
    let mut state = CheckState::default();
    let mut reasons = Vec::new();
    for (index, letter) in [(0, '?'), (1, 'x')] {
        let run = RunKey { shard: Shard { index, of: 2, manual: false }, ..run_at(0, "home") };
        let votes = BTreeMap::from([(Subject::whole(), vote("-", letter).unwrap())]);
        let decision = decide(&state, &findings(&run, &votes), &Policy::default());
        reasons.extend(decision.reasons.iter().map(|reason| reason.notification_reason));
        state = decision.next;
    }
    assert_eq!(reasons, [SuppressedNotYetLost, SuppressedNotConfirmed]);
}

#[test]
fn monitoring_is_restored_when_a_majority_reaches_verdicts() {
    use NotificationReason::{MonitoringLost, MonitoringRestored, SuppressedNotYetLost};
    let policy = Policy { monitoring_lost_after: 1, ..Policy::default() };
    let mut state = CheckState::default();
    let mut found = Vec::new();
    for (minute, location, letter) in [
        (0, "n", '.'),
        (0, "s", '.'),
        (0, "w", '.'),
        (1, "n", '?'),
        (1, "s", '?'),
        (1, "w", '.'),
        (2, "n", '.'),
        (2, "s", '.'),
    ] {
        let votes = BTreeMap::from([(subject("web"), vote("web", letter).unwrap())]);
        let decision = decide(&state, &findings(&run_at(minute, location), &votes), &policy);
        state = decision.next;
        let gap = state.subjects.get(&subject("web")).and_then(|state| state.monitoring_gap.as_ref());
        let since = gap.map(|gap| gap.since.duration_since(run_at(0, "n").scheduled_time).as_mins());
        let reasons: Vec<_> = decision.reasons.iter().map(|reason| reason.notification_reason).collect();
        found.push((reasons, since));
    }
    assert_eq!(
        found[3..],
        [
            (vec![SuppressedNotYetLost], Some(1)),
            (vec![MonitoringLost], Some(1)),
            (vec![], Some(1)),
            (vec![MonitoringRestored], Some(1)),
            (vec![], None)
        ]
    );
}
