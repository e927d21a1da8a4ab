//! Timelines: one letter a minute for what a run saw, and beside it what people were told.

use super::*;
use crate::{FailureKind, Mismatch, Shard};

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
    let mismatch = Mismatch {
        kind: FailureKind::Status,
        expected: "status 200".to_owned(),
        seen: "status 500".to_owned(),
        evidence: None,
    };
    Vote::Failing { failure: Failure::new(subject(name), "response", mismatch), confirmed }
}

/// `.` passed, `x` failed once, `X` failed and confirmed, `-` no vote.
fn vote(name: &str, letter: char) -> Option<Vote> {
    match letter {
        '.' => Some(Vote::Healthy),
        'x' => Some(failing(name, false)),
        'X' => Some(failing(name, true)),
        '-' => None,
        other => panic!("no vote is written `{other}`"),
    }
}

/// Plays one line per subject and gives `minute subject told` for every word that is not silence about the healthy.
fn play(policy: &Policy, lines: &[(&str, &str)]) -> (CheckState, Vec<String>) {
    let mut state = CheckState::default();
    let mut told = Vec::new();
    let minutes = lines.iter().map(|(_, line)| line.len()).max().unwrap_or_default();
    for minute in 0..minutes {
        let votes = lines
            .iter()
            .filter_map(|(name, line)| Some((subject(name), vote(name, line.chars().nth(minute)?)?)))
            .collect();
        let run_id = format!("run-{minute}");
        let decision = decide(&state, &votes, None, &run_at(minute as i64, "home"), &run_id, policy);
        told.extend(decision.reasons.iter().map(|reason| format!("{minute} {} {:?}", reason.subject, reason.told)));
        state = decision.next;
    }
    (state, told)
}

#[test]
fn one_subject_over_time() {
    let cases: &[(&str, &[&str])] = &[
        ("....", &[]),
        (".x.", &["1 web NotConfirmed", "2 web PassedAgain"]),
        ("xx", &["0 web NotConfirmed", "1 web Opened"]),
        ("X", &["0 web Opened"]),
        ("x.x.", &["0 web NotConfirmed", "1 web PassedAgain", "2 web NotConfirmed", "3 web PassedAgain"]),
        ("X..", &["0 web Opened", "1 web NotYetRecovered", "2 web Recovered"]),
        (
            "X.x..",
            &[
                "0 web Opened",
                "1 web NotYetRecovered",
                "2 web KnownAlready",
                "3 web NotYetRecovered",
                "4 web Recovered",
            ],
        ),
        ("X-..", &["0 web Opened", "2 web NotYetRecovered", "3 web Recovered"]),
        ("x-x", &["0 web NotConfirmed", "2 web Opened"]),
    ];
    for (line, expected) in cases {
        assert_eq!(play(&Policy::default(), &[("web", line)]).1, *expected, "{line}");
    }
}

#[test]
fn a_second_subject_is_told_while_the_first_is_down() {
    let (state, told) = play(&Policy::default(), &[("a", "XXXX.."), ("b", "..XX..")]);
    assert_eq!(
        told,
        [
            "0 a Opened",
            "1 a KnownAlready",
            "2 a KnownAlready",
            "2 b Opened",
            "3 a KnownAlready",
            "3 b KnownAlready",
            "4 a NotYetRecovered",
            "4 b NotYetRecovered",
            "5 a Recovered",
            "5 b Recovered",
        ]
    );
    assert!(state.subjects.is_empty());
    assert_eq!(state.last_good.unwrap().run_id, "run-5");
}

#[test]
fn people_are_reminded_of_what_stays_open() {
    let policy = Policy { remind_every: Duration::from_secs(180), ..Policy::default() };
    let (state, told) = play(&policy, &[("web", "XXXXXXX")]);
    let reminded: Vec<_> = told.iter().filter(|line| line.contains("Reminded")).collect();
    assert_eq!(reminded, ["3 web Reminded", "6 web Reminded"]);
    let incident = state.subjects[&subject("web")].incident.clone().unwrap();
    assert_eq!(incident.opened_at, run_at(0, "home").scheduled_time);
    assert_eq!(incident.id, format!("availability.web.{}", incident.opened_at.strftime("%Y%m%dT%H%M%SZ")));
}

#[test]
fn since_is_the_first_failed_run_and_last_good_the_one_before() {
    let (state, _) = play(&Policy::default(), &[("web", "..xx")]);
    let web = &state.subjects[&subject("web")];
    assert_eq!(web.since, run_at(2, "home").scheduled_time);
    assert_eq!(web.incident.clone().unwrap().opened_at, run_at(3, "home").scheduled_time);
    assert_eq!(state.last_good.unwrap(), LastGood { run_id: "run-1".to_owned(), at: run_at(1, "home").scheduled_time });
}

#[test]
fn a_run_without_votes_is_not_a_good_one() {
    let decision =
        decide(&CheckState::default(), &BTreeMap::new(), None, &run_at(0, "home"), "run-0", &Policy::default());
    assert_eq!(decision.next, CheckState::default());
}

#[test]
fn locations_open_and_close_by_quorum() {
    let policy = Policy { quorum: 2, ..Policy::default() };
    let mut state = CheckState::default();
    let mut told = Vec::new();
    let script = [("n", 'X'), ("s", '.'), ("s", 'X'), ("n", '.'), ("n", '.'), ("s", '.'), ("s", '.')];
    for (minute, (location, letter)) in script.into_iter().enumerate() {
        let votes = BTreeMap::from([(subject("web"), vote("web", letter).unwrap())]);
        let decision = decide(&state, &votes, None, &run_at(minute as i64, location), "run", &policy);
        told.push(decision.reasons.first().map(|reason| reason.told));
        state = decision.next;
    }
    assert_eq!(
        told.into_iter().flatten().collect::<Vec<_>>(),
        [
            Told::NotConfirmed,
            Told::NotConfirmed,
            Told::Opened,
            Told::NotYetRecovered,
            Told::NotYetRecovered,
            Told::NotYetRecovered,
            Told::Recovered
        ]
    );
}

#[test]
fn more_subjects_than_there_is_room_for_are_counted() {
    let votes = (0..CheckState::MAX_SUBJECTS + 3).map(|n| (subject(&format!("t{n:03}")), failing("t", true))).collect();
    let decision = decide(&CheckState::default(), &votes, None, &run_at(0, "home"), "run", &Policy::default());
    assert_eq!(decision.next.subjects.len(), CheckState::MAX_SUBJECTS);
    assert_eq!(decision.next.not_stored, 3);
    assert_eq!(decision.reasons.iter().filter(|reason| reason.told == Told::NotStored).count(), 3);
    assert!(serde_json::to_vec(&decision.next).unwrap().len() < 300_000, "the table takes 400 KB an item");
}

#[test]
fn a_subject_that_the_check_no_longer_has_is_dropped() {
    let (state, _) = play(&Policy::default(), &[("gone", "X"), ("kept", "X")]);
    let left = BTreeSet::from([subject("kept")]);
    let votes = BTreeMap::from([(subject("kept"), Vote::Healthy)]);
    let decision = decide(&state, &votes, Some(&left), &run_at(1, "home"), "run-1", &Policy::default());
    let told: Vec<_> = decision.reasons.iter().map(|reason| (reason.subject.as_str(), reason.told)).collect();
    assert_eq!(told, [("gone", Told::Dropped), ("kept", Told::NotYetRecovered)]);
    assert!(!decision.next.subjects.contains_key(&subject("gone")));
}
