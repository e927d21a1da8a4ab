use jiff::{SignedDuration, Timestamp};
use review::{CostTrend, Datapoints, StepTrends, SubjectTrends, Trends, Values};

use super::*;

fn from() -> Timestamp {
    "2026-10-21T00:00:00Z".parse().unwrap()
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// An alarm that never fired, replayed from some days after the start of the window on.
fn alarm(number: usize, late: i64, recorded: RecordedFirings) -> AlarmReview {
    let behaviour = Behaviour {
        firings: Vec::new(),
        minutes_in_alarm: 0.0,
        flaps: 0,
        shortest_minutes: None,
        longest_minutes: None,
        matched: 0,
        unmatched: 0,
        missed: Vec::new(),
        detection: None,
    };
    AlarmReview {
        alarm: format!("Alarm{number}"),
        name: String::new(),
        check: None,
        kind: Kind::Symptom,
        notifies: true,
        metric: String::new(),
        unit: None,
        threshold: 1.0,
        breaches_below: false,
        breaches_equal: false,
        datapoints: Datapoints { to_alarm: 1, periods: 1 },
        period_seconds: 60,
        replayed_from: from() + days(late) + SignedDuration::from_mins(12),
        replayed_from_reason: Some("older values are too coarse".to_owned()),
        behaviour,
        headroom: None,
        values: Values { periods: 0, missing: 0, gaps: Vec::new(), gap_count: 0 },
        recorded,
        verdict: Verdict::Keep { reason: "it never fired".to_owned() },
    }
}

fn review(alarms: Vec<AlarmReview>) -> Review {
    Review {
        schema_version: Review::SCHEMA_VERSION,
        environment: "staging".to_owned(),
        from: from(),
        until: from() + days(30),
        incidents: Vec::new(),
        marks: Vec::new(),
        alarms,
        without_values: Vec::new(),
        what_if: Vec::new(),
        diff: None,
        checks: Vec::new(),
        without_runs: Vec::new(),
        trends: Trends {
            weeks: Vec::new(),
            checks: Vec::new(),
            subjects: SubjectTrends::NotAsked,
            steps: StepTrends::NotAsked,
            series: Vec::new(),
            unavailable: Vec::new(),
            cost: CostTrend::OnOneMachine,
        },
        warnings: Vec::new(),
    }
}

#[test]
fn late_starts_of_all_alarms_are_listed() {
    let unknown = RecordedFirings::Unknown;
    let late = (1..=7).map(|number| alarm(number, 15, unknown));
    let review = review(late.chain([alarm(8, 0, unknown)]).collect());
    let shown = |detail| later_starts(&review, detail);
    let line =
        "Replayed from 2026-11-05 only, since older values are too coarse: Alarm1, Alarm2, Alarm3, Alarm4, Alarm5";
    assert_eq!(shown(Detail::Short), [format!("{line} and 2 more.")]);
    assert_eq!(shown(Detail::Full), [format!("{line}, Alarm6, Alarm7.")]);
    assert_eq!(fired(&review, Detail::Full).lines[0], shown(Detail::Full)[0]);
}

#[test]
fn changes_that_are_no_longer_kept_are_unknown() {
    let partly = RecordedFirings::Partly { from: from() + days(16), firings: 0 };
    let known = RecordedFirings::Known { firings: 0 };
    let review = review(vec![
        alarm(1, 0, partly),
        alarm(2, 0, partly),
        alarm(3, 0, known),
        alarm(4, 0, RecordedFirings::Unknown),
    ]);
    assert_eq!(
        fired(&review, Detail::Short).lines,
        [
            "Recorded changes are unknown for 1 alarm, so that firings are those of the replay.",
            "Recorded changes from before 2026-11-06 00:00 UTC are unknown for 2 alarms.",
        ]
    );
}
