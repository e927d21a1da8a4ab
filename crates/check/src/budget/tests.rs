//! Objectives, counted days and error budgets.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn objective(target: f64) -> Objective {
    Objective::new(target).unwrap()
}

/// The same runs on each of some days up to 2026-11-23.
fn days(count: i64, passed: u64, failed: u64) -> RunCounts {
    let last = Date::constant(2026, 11, 23);
    (0..count).map(|back| (days_after(last, -back), DayRuns { passed, failed })).collect()
}

#[test]
fn alarm_needs_the_failures_of_six_times_the_rate() {
    for (target, seconds, expected) in [
        (0.995, 60, (11, 360)),
        (0.99, 60, (22, 360)),
        (0.98, 300, (9, 72)),
        (0.95, 300, (22, 72)),
        // Whole numbers stay: 54, 72 and 360.
        (0.975, 60, (54, 360)),
        (0.9, 900, (15, 24)),
        (0.834, 60, (359, 360)),
        (0.9995, 60, (2, 360)),
        (0.9976, 300, (2, 72)),
    ] {
        let alarm = objective(target).burn_alarm(Duration::from_secs(seconds)).unwrap();
        assert_eq!((alarm.to_alarm, alarm.periods), expected, "{target} every {seconds} s");
    }
}

#[test]
fn objective_that_no_alarm_can_guard_is_refused() {
    let refused = |target, seconds| objective(target).burn_alarm(Duration::from_secs(seconds)).unwrap_err().to_string();
    let rule = "expected at most 0.9995 for a check with a run every 60 s, found 0.9996: a single failed run within six hours \
                would raise the alarm";
    assert_eq!(refused(0.9996, 60), rule);
    assert!(refused(0.998, 300).starts_with("expected at most 0.9976 "), "{}", refused(0.998, 300));
    assert!(refused(0.995, 21_600).starts_with("expected at most 0.8333 "), "{}", refused(0.995, 21_600));
    let rule = "expected at least 0.834, found 0.8: the alarm would need more failed runs than six hours have";
    assert_eq!(refused(0.8, 60), rule);
    for target in [0.0, 1.0, 99.0, -0.5, f64::NAN, f64::INFINITY] {
        let refused = Objective::new(target).unwrap_err().to_string();
        assert!(refused.starts_with("expected a number above 0 and below 1, such as 0.99, found "), "{refused}");
    }
}

#[test]
fn counted_days_are_bounded() {
    let mut counts = RunCounts::default();
    let begin = at("2026-01-01T23:59:00Z");
    for minutes in (0..200 * 1_440).step_by(60) {
        counts.count(begin + SignedDuration::from_mins(minutes), minutes % 7 != 0);
        assert!(counts.0.len() <= 31);
    }
    assert_eq!(counts.0.len(), 31);
    let largest: RunCounts = counts.0.keys().map(|day| (*day, DayRuns { passed: 99_999, failed: 99_999 })).collect();
    let bytes = serde_json::to_string(&largest).unwrap().len();
    assert!(bytes < 1_000, "{bytes} bytes");
    // A clock that was a year ahead.
    counts.count(at("2027-07-20T12:00:00Z"), true);
    counts.count(at("2026-07-20T12:00:00Z"), true);
    assert_eq!(counts.0.keys().collect::<Vec<_>>(), [&Date::constant(2026, 7, 20)]);
}

#[test]
fn late_run_counts_for_its_own_day() {
    let mut counts = RunCounts::default();
    for (time, passed) in [("2026-11-23T00:00:00Z", true), ("2026-11-22T23:59:00Z", false)] {
        counts.count(at(time), passed);
    }
    let text = serde_json::to_string(&counts).unwrap();
    assert_eq!(text, r#"{"2026-11-22":[0,1],"2026-11-23":[1,0]}"#);
    assert_eq!(serde_json::from_str::<RunCounts>(&text).unwrap(), counts);
}

#[test]
fn budget_is_the_failed_part_of_the_allowed_runs() {
    let now = at("2026-11-23T12:00:00Z");
    for (case, counts, target, expected) in [
        ("no failure", days(30, 1_440, 0), 0.99, (30, Some(0.0), Some(1.0))),
        ("half of it", days(30, 990, 10), 0.98, (30, Some(0.5), Some(0.5))),
        ("all of it", days(30, 990, 10), 0.99, (30, Some(1.0), Some(0.0))),
        ("more than that", days(30, 90, 10), 0.99, (30, Some(10.0), Some(0.0))),
        ("older days do not count", days(40, 990, 10), 0.98, (30, Some(0.5), Some(0.5))),
        ("three days", days(3, 990, 10), 0.98, (3, Some(0.5), Some(0.5))),
        ("less than a day at worst", days(2, 990, 10), 0.98, (2, None, None)),
        ("today", days(1, 990, 10), 0.98, (1, None, None)),
        ("nothing", RunCounts::default(), 0.98, (0, None, None)),
        ("days without a verdict", days(30, 0, 0), 0.98, (0, None, None)),
    ] {
        let budget = ErrorBudget::new(objective(target), &counts, now);
        assert_eq!((budget.days, budget.spent, budget.left), expected, "{case}");
        assert_eq!(budget.is_gone(), expected.2 == Some(0.0), "{case}");
        assert_eq!(budget.gone_in_seconds.is_some(), budget.is_gone(), "{case}");
    }
    let budget = ErrorBudget::new(objective(0.98), &days(30, 990, 10), now);
    assert_eq!((budget.passed, budget.failed, budget.success()), (29_700, 300, Some(0.99)));
}

#[test]
fn budget_ends_at_the_rate_since_yesterday() {
    let now = at("2026-11-23T12:00:00Z");
    // 28 days without a failure, then 36 h in which a tenth of the runs fails.
    let mut counts = days(30, 1_440, 0);
    counts.0.insert(Date::constant(2026, 11, 22), DayRuns { passed: 1_296, failed: 144 });
    counts.0.insert(Date::constant(2026, 11, 23), DayRuns { passed: 648, failed: 72 });
    let budget = ErrorBudget::new(objective(0.99), &counts, now);
    // 42,480 runs: 424.8 may fail, and 216 did. Each hour 6 fail, and 0.6 more may.
    let seconds = budget.gone_in_seconds.unwrap();
    let expected = (424.8 - 216.0) / 5.4 * 3_600.0;
    // Days that leave the window take 14.4 allowed failures each with them.
    assert!((0.7 * expected..expected).contains(&(seconds as f64)), "{seconds} s, {expected} s without leaving days");
    // A failure rate below the allowed one ends no budget.
    let lasting = ErrorBudget::new(objective(0.99), &days(30, 1_434, 6), now);
    assert_eq!((lasting.gone_in_seconds, lasting.is_gone()), (None, false));
}

#[test]
fn budget_may_end_when_a_good_day_leaves() {
    let now = at("2026-11-23T12:00:00Z");
    // The rate is just the allowed one, and the only good day is the oldest.
    let mut counts = days(30, 990, 10);
    counts.0.insert(Date::constant(2026, 10, 25), DayRuns { passed: 1_000, failed: 0 });
    let budget = ErrorBudget::new(objective(0.99), &counts, now);
    assert!(!budget.is_gone());
    assert_eq!(budget.gone_in_seconds, Some(12 * 3_600), "at midnight");
}

proptest! {
    #[test]
    fn any_counts_give_a_budget(
        runs in proptest::collection::vec((0..3_000_u64, 0..3_000_u64), 0..45),
        target in 0.001..0.9999_f64,
        seconds in 0..86_400_i64,
    ) {
        let last = Date::constant(2026, 11, 23);
        let counts: RunCounts =
            (0..).zip(runs).map(|(back, runs)| (days_after(last, -back), DayRuns::from(runs))).collect();
        let now = at("2026-11-23T00:00:00Z") + SignedDuration::from_secs(seconds);
        let budget = ErrorBudget::new(objective(target), &counts, now);
        if let (Some(spent), Some(left)) = (budget.spent, budget.left) {
            prop_assert!(spent >= 0.0 && (0.0..=1.0).contains(&left));
            prop_assert!(left == 0.0 || (spent + left - 1.0).abs() < 1e-3);
        }
        if let Some(gone) = budget.gone_in_seconds {
            prop_assert!((0..=30 * 86_400).contains(&gone));
        }
        let text = serde_json::to_string(&budget).unwrap();
        prop_assert_eq!(serde_json::from_str::<ErrorBudget>(&text).unwrap(), budget);
    }
}
