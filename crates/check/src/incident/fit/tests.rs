//! Sizes of arbitrary states.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::incident::{
    Announced, Announcement, Incident, LastSuccessfulRun, Leftovers, LocationActivity, MonitoringGap, Severity,
    Silence, SilenceKind, Streak,
};
use crate::model::{Cause, FailureKind, Inconclusive, Leftover, NoSecrets, Text, foreign};
use crate::phrase;

/// Numbers of entries, and lengths of texts.
#[derive(Clone, Debug)]
struct Size {
    subjects: usize,
    /// Of ten subjects, so many have an open incident.
    open: usize,
    locations: usize,
    openings: usize,
    mutes: usize,
    leftovers: usize,
    name: usize,
    characters: &'static str,
}

fn sizes() -> impl Strategy<Value = Size> {
    let characters = proptest::sample::select(&["x", "𝄞", "\"", "\u{1}", "\\"][..]);
    let most = CheckState::MAX_SUBJECTS;
    let numbers =
        (0..=most, 0..=10_usize, 0..=20_usize, 0..40_usize, 0..=CheckState::MAX_MUTES, 0..=Leftovers::MAX, 1..65_usize);
    let full =
        (Just(most), 0..=10_usize, Just(20), Just(40), Just(CheckState::MAX_MUTES), Just(Leftovers::MAX), Just(64));
    let numbers = prop_oneof![2 => numbers.boxed(), 1 => full.boxed()];
    (numbers, characters).prop_map(|((subjects, open, locations, openings, mutes, leftovers, name), characters)| Size {
        subjects,
        open,
        locations,
        openings,
        mutes,
        leftovers,
        name,
        characters,
    })
}

fn state(size: &Size) -> CheckState {
    let at: Timestamp = "2026-11-23T04:49:00.123Z".parse().unwrap();
    let text =
        |length: usize| -> Text { phrase!("{}", foreign(size.characters.repeat(length))).admit(&NoSecrets, length) };
    let string = |length: usize| size.characters.repeat(length);
    let subject = |number: usize| Subject::new(format!("{number:064}")).unwrap();
    let location = |number: usize| format!("{}{number}", string(size.name.min(58)));
    let (short, long) = (text(Failure::MAX_TEXT), text(Failure::MAX_EVIDENCE));
    let subject_state = |number: usize| {
        let is_open = number % 10 < size.open;
        let incident = Incident {
            id: format!("payment-webhook.{number:064}.20261123T044900Z"),
            opened_at: at,
            severity: Severity::Critical,
            escalated_at: Some(at),
            closed_at: (!is_open).then_some(at),
            recorded: 50,
            silenced_by: Some("mute-20261123T044900Z".to_owned()),
        };
        let streak =
            Streak { failed: u32::from(number.is_multiple_of(3)), passed: 1_000, confirmed: true, inconclusive: 1_000 };
        SubjectState {
            phase: if is_open { Phase::Failing } else { [Phase::Healthy, Phase::Suspect][number % 2] },
            since: at,
            votes: (0..size.locations).map(|number| (location(number), streak.clone())).collect(),
            failure: Some(Failure {
                subject: subject(number),
                step: string(size.name),
                kind: FailureKind::Assertion,
                expected: short.clone(),
                actual: short.clone(),
                evidence: Some(long.clone()),
            }),
            incident: Some(incident),
            changed_at: at,
            announced: is_open.then_some(Announced {
                what: Announcement::Flapping,
                severity: Severity::Critical,
                first: at,
                last: at,
            }),
            openings: vec![at; size.openings],
            is_flapping: false,
            monitoring_gap: Some(MonitoringGap {
                since: at,
                inconclusive: Inconclusive { cause: Cause::ClockSkew, detail: text(Inconclusive::MAX_DETAIL) },
                notified_at: Some(at),
            }),
        }
    };
    let mute = |number: usize| Silence {
        id: format!("mute-20261123T04{number:04}Z"),
        kind: SilenceKind::Mute,
        subject: Some(subject(number)),
        from: at,
        until: at,
        by: string(Silence::MAX_TEXT),
        reason: string(Silence::MAX_TEXT),
    };
    let leftover = Leftover {
        compensation: string(size.name),
        detail: text(Leftover::MAX_DETAIL),
        instructions: Some(string(1_000)),
    };
    CheckState {
        subjects: (0..size.subjects).map(|number| (subject(number), subject_state(number))).collect(),
        last_successful_run: Some(LastSuccessfulRun { run_id: "0".repeat(36), at }),
        locations: (0..size.locations)
            .map(|number| (location(number), LocationActivity { at, every_seconds: 60 }))
            .collect(),
        mutes: (0..size.mutes).map(mute).collect(),
        leftovers: Some(Leftovers {
            since: at,
            last: at,
            notified_at: Some(at),
            pending: vec![leftover; size.leftovers],
            more: 7,
        }),
        ..CheckState::default()
    }
}

fn open(state: &CheckState) -> BTreeSet<&Subject> {
    state.subjects.iter().filter(|(_, state)| state.must_stay()).map(|(subject, _)| subject).collect()
}

fn check_fitted(whole: &CheckState) -> usize {
    let fitted = whole.clone().fitted();
    let text = serde_json::to_string(&fitted).unwrap();
    assert_eq!(CheckState::read(&text).unwrap(), fitted);
    assert_eq!(open(&fitted), open(whole), "an open incident was left out");
    assert_eq!(fitted.mutes.len(), whole.mutes.len(), "a mute was left out");
    if whole.bytes() <= CheckState::MAX_BYTES {
        assert_eq!(&fitted, whole);
    }
    text.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_state_fits_and_keeps_open_incidents(size in sizes()) {
        let bytes = check_fitted(&state(&size));
        prop_assert!(bytes <= CheckState::MAX_BYTES, "{} bytes", bytes);
    }
}

#[test]
fn largest_state_fits() {
    for characters in ["x", "𝄞", "\"", "\u{1}", "\\"] {
        for open in [0, 5, 10] {
            let (subjects, mutes, leftovers) = (CheckState::MAX_SUBJECTS, CheckState::MAX_MUTES, Leftovers::MAX);
            let size = Size { subjects, open, locations: 20, openings: 40, mutes, leftovers, name: 64, characters };
            let bytes = check_fitted(&state(&size));
            assert!(bytes <= CheckState::MAX_BYTES, "{bytes} bytes of {characters:?}, {open} of ten open");
        }
    }
}

#[test]
fn oldest_suspects_are_left_out_and_counted() {
    let (subjects, mutes, leftovers) = (CheckState::MAX_SUBJECTS, 0, 0);
    let size = Size { subjects, open: 9, locations: 20, openings: 40, mutes, leftovers, name: 58, characters: "\u{1}" };
    let mut whole = state(&size);
    for (second, state) in (1_780_000_020..).zip(whole.subjects.values_mut().rev()) {
        state.since = Timestamp::from_second(second).unwrap();
    }
    let suspects = |state: &CheckState| state.subjects.values().filter(|state| !state.must_stay()).count();
    let fitted = whole.clone().fitted();
    assert_eq!(suspects(&fitted) + fitted.not_stored as usize, suspects(&whole));
    assert!(fitted.not_stored > 0, "the state is too small for the test");
}
