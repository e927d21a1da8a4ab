//! Sizes of arbitrary states.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::budget::{DayRuns, RunCounts};
use crate::incident::{
    Acknowledgement, Announced, Announcement, Incident, LastSuccessfulRun, Leftovers, LocationActivity, MonitoringGap,
    Severity, Silence, SilenceKind, Streak,
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
    /// Days with counted runs.
    days: u16,
    name: usize,
    characters: &'static str,
}

fn sizes() -> impl Strategy<Value = Size> {
    let characters = proptest::sample::select(&["x", "𝄞", "\"", "\u{1}", "\\"][..]);
    let (most, mutes, days) = (CheckState::MAX_SUBJECTS, CheckState::MAX_MUTES, MAX_DAYS);
    let numbers =
        (0..=most, 0..=10_usize, 0..=20_usize, 0..40_usize, 0..=mutes, 0..=Leftovers::MAX, 0..=days, 1..65_usize);
    let full = (Just(most), 0..=10_usize, Just(20), Just(40), Just(mutes), Just(Leftovers::MAX), Just(days), Just(64));
    let numbers = prop_oneof![2 => numbers.boxed(), 1 => full.boxed()];
    (numbers, characters).prop_map(
        |((subjects, open, locations, openings, mutes, leftovers, days, name), characters)| Size {
            subjects,
            open,
            locations,
            openings,
            mutes,
            leftovers,
            days,
            name,
            characters,
        },
    )
}

fn small() -> Size {
    Size { subjects: 0, open: 0, locations: 1, openings: 0, mutes: 0, leftovers: 0, days: 0, name: 1, characters: "x" }
}

const MAX_DAYS: u16 = RunCounts::MAX_DAYS as u16;

/// The most runs on each of the last days.
fn runs(days: u16) -> RunCounts {
    let last = jiff::civil::date(2026, 11, 23);
    (0..days).map(|ago| (last - i64::from(ago).days(), DayRuns { passed: u64::MAX, failed: u64::MAX })).collect()
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
            dependency: Some("payment-webhook".to_owned()),
            acknowledged: Some(Acknowledgement::new(at, &string(100), &string(300))),
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
            is_dependent: true,
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
        not_stored: u32::MAX,
        runs: runs(size.days),
        ..CheckState::default()
    }
}

/// Subjects whose incident is open, or whose end was not announced.
fn open(state: &CheckState) -> BTreeSet<&Subject> {
    let is_open = |state: &SubjectState| {
        state.announced.is_some() || state.incident.as_ref().is_some_and(|incident| incident.closed_at.is_none())
    };
    state.subjects.iter().filter(|(_, state)| is_open(state)).map(|(subject, _)| subject).collect()
}

/// Number of open incidents that are acknowledged.
fn acknowledged(state: &CheckState) -> usize {
    let incidents = state.subjects.values().filter_map(|state| state.incident.as_ref());
    incidents.filter(|incident| incident.is_open() && incident.acknowledged.is_some()).count()
}

fn check_fitted(whole: &CheckState) -> usize {
    let fitted = whole.clone().fitted();
    let text = serde_json::to_string(&fitted).unwrap();
    assert_eq!(CheckState::read(&text).unwrap(), fitted);
    assert_eq!(open(&fitted), open(whole), "an open incident was left out");
    assert_eq!(acknowledged(&fitted), acknowledged(whole), "an acknowledgement was left out");
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
            let (locations, openings, days, name) = (20, 40, MAX_DAYS, 64);
            let size = Size { subjects, open, locations, openings, mutes, leftovers, days, name, characters };
            let bytes = check_fitted(&state(&size));
            assert!(bytes <= CheckState::MAX_BYTES, "{bytes} bytes of {characters:?}, {open} of ten open");
        }
    }
}

/// State with the largest subjects and nothing else.
fn subjects(subjects: usize, open: usize, characters: &'static str) -> CheckState {
    let (locations, openings, mutes, leftovers, days, name) = (20, 40, 0, 0, 0, 58);
    CheckState {
        not_stored: 0,
        ..state(&Size { subjects, open, locations, openings, mutes, leftovers, days, name, characters })
    }
}

#[test]
fn state_of_exactly_the_limit_stays_as_it_is() {
    let mut whole = subjects(20, 5, "x");
    let room = CheckState::MAX_BYTES - whole.bytes();
    whole.last_successful_run.as_mut().unwrap().run_id += &"0".repeat(room);
    assert_eq!(whole.bytes(), CheckState::MAX_BYTES);
    assert_eq!(whole.clone().fitted(), whole);
    whole.last_successful_run.as_mut().unwrap().run_id += "0";
    assert_ne!(whole.clone().fitted(), whole);
}

#[test]
fn evidence_is_left_out_first() {
    let mut states = (1..=CheckState::MAX_SUBJECTS).map(|number| subjects(number, 5, "x"));
    let whole = states.find(|state| state.bytes() > CheckState::MAX_BYTES).unwrap();
    let mut expected = whole.clone();
    for state in expected.subjects.values_mut() {
        state.failure.as_mut().unwrap().evidence = None;
    }
    assert_eq!(whole.fitted(), expected);
}

#[test]
fn oldest_suspects_are_left_out_and_counted() {
    let mut whole = subjects(200, 0, "𝄞");
    for (second, state) in (1_780_000_020..).zip(whole.subjects.values_mut().rev()) {
        state.since = Timestamp::from_second(second).unwrap();
    }
    let mut fewer = whole.clone();
    fewer.without_oldest_suspects();
    let kept = fewer.subjects.len();
    assert_eq!(kept + fewer.not_stored as usize, 200);
    assert!(whole.subjects.keys().take(kept).eq(fewer.subjects.keys()), "others than the oldest were left out");
    let one = whole.bytes() / 200;
    let limit = CheckState::MAX_BYTES;
    assert!((limit - 2 * one..=limit).contains(&fewer.bytes()), "{} bytes, of which {one} for each", fewer.bytes());
}

#[test]
fn healthy_subjects_stay_while_their_end_is_not_announced() {
    let mut whole = subjects(3, 0, "x");
    for (number, state) in whole.subjects.values_mut().enumerate() {
        let announced =
            Announced { what: Announcement::Open, severity: Severity::Warning, first: state.since, last: state.since };
        state.phase = if number == 2 { Phase::Suspect } else { Phase::Healthy };
        state.announced = (number == 1).then_some(announced);
    }
    let expected: Vec<_> = whole.subjects.keys().skip(1).cloned().collect();
    whole.without_healthy_subjects();
    assert_eq!(whole.subjects.into_keys().collect::<Vec<_>>(), expected);
}

#[test]
fn leftovers_are_counted_instead_of_listed() {
    let mut whole = state(&Size { leftovers: Leftovers::MAX, ..small() });
    whole.without_listed_leftovers();
    let leftovers = whole.leftovers.unwrap();
    assert_eq!((leftovers.pending.len(), leftovers.more), (1, 7 + 19));
}

#[test]
fn votes_of_failed_runs_are_kept_first() {
    let mut whole = subjects(1, 0, "x");
    let votes = &mut whole.subjects.values_mut().next().unwrap().votes;
    *votes = ["a", "b", "c", "d"].map(|voter| (voter.to_owned(), Streak::default())).into();
    for (voter, failed) in [("b", 2), ("d", 1)] {
        votes.get_mut(voter).unwrap().failed = failed;
    }
    whole.keep_votes(3);
    let votes = &whole.subjects.values().next().unwrap().votes;
    assert_eq!(votes.keys().collect::<Vec<_>>(), ["b", "c", "d"]);
}
