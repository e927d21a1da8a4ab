//! Reviews of a history in memory: sources with less knowledge, and proposals at their limits.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests fail by panicking")]

mod fake;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use fake::Fake;
use history::{SubjectCounts, Window};
use jiff::SignedDuration;
use review::{
    AlarmReview, Change, Datapoints, Gap, Input, Kind, RecordedFirings, Review, SeenBy, Sensitivity, StepTrends,
    SubjectTrends, SubjectWeek, Verdict, review,
};

const TEMPLATE: &str = include_str!("../../../../infra/alarms.yaml");

async fn reviewed_with(fake: &Fake, logs: bool, what_if: &[String]) -> Review {
    let input = Input {
        environment: "production",
        template: TEMPLATE,
        template_path: "infra/alarms.yaml",
        window: fake.window,
        objectives: &BTreeMap::new(),
        cost: None,
        what_if,
        logs,
        progress: &|_| (),
    };
    review(&input, fake).await.unwrap()
}

async fn reviewed(fake: &Fake) -> Review {
    reviewed_with(fake, false, &[]).await
}

fn alarm<'r>(review: &'r Review, id: &str) -> &'r AlarmReview {
    review.alarms.iter().find(|alarm| alarm.alarm == id).unwrap_or_else(|| panic!("{id}: {:?}", review.without_values))
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// Slow runs for some minutes on each of the first days, at noon.
fn add_slow_runs(fake: &mut Fake, on_days: i64, minutes: i64, duration: f64) {
    for day in 0..on_days {
        fake.set("login", "Duration", day * 1_440 + 720, minutes, duration);
    }
}

#[tokio::test]
async fn coarse_values_are_replayed_by_long_periods_only() {
    let mut fake = Fake::new(30, "login");
    fake.fine_from = fake.window.until - days(15);
    fake.set("availability", "Success", 0, 30 * 1_440, 1.0);
    for metric in ["Inconclusive", "Maintenance"] {
        fake.set("availability", metric, -720, 31 * 1_440, 0.0);
    }
    fake.set("availability", "CertificateDaysRemaining", 0, 30 * 1_440, 50.0);
    let review = reviewed(&fake).await;
    let slow = alarm(&review, "SlowLogin");
    // Ten periods, and two more in case that some are missing.
    assert_eq!(slow.replayed_from, fake.fine_from + SignedDuration::from_mins(12));
    assert!(slow.replayed_from_reason.as_ref().unwrap().contains("longer periods than its own, of 60 s"), "{slow:?}");
    let certificates = alarm(&review, "CertificatesSoon");
    assert_eq!((certificates.replayed_from, &certificates.replayed_from_reason), (fake.window.from, &None));
    let login = review.trends.checks.iter().find(|trend| trend.check == "login").unwrap();
    assert_eq!(login.weeks.iter().flatten().map(|week| week.passed).sum::<u64>(), 30 * 1_440, "trends have all days");
    assert!(review.alarms.iter().all(|alarm| alarm.behaviour.firings.is_empty()));
    let gaps: Vec<_> = review.checks.iter().map(|check| (check.check.as_str(), check.gap_count)).collect();
    assert_eq!(gaps, [("availability", 0), ("login", 0)], "a point of five minutes covers all of them");
}

#[tokio::test]
async fn runs_outside_the_window_do_not_count() {
    let mut fake = Fake::new(30, "login");
    fake.window = Window::new(fake.window.from + hours(6), fake.window.until + hours(6));
    // Each end of the window is within a day.
    fake.set("login", "Success", -30, 40, 0.0);
    fake.set("login", "Success", 30 * 1_440 - 5, 60, 0.0);
    fake.set("login", "Inconclusive", 20, 5, 1.0);
    fake.remove("login", "Success", 20, 15);
    let review = reviewed(&fake).await;
    let login = &review.checks[0];
    let found = (login.passed, login.failed, login.inconclusive, login.maintenance);
    assert_eq!(found, (30 * 1_440 - 30, 15, 5, 10));
    let weeks = review.trends.checks[0].weeks.iter().flatten();
    assert_eq!(weeks.map(|week| week.passed + week.failed).sum::<u64>(), 30 * 1_440 - 15);
}

#[tokio::test]
async fn gap_between_coarse_values_is_found() {
    let mut fake = Fake::new(30, "login");
    fake.fine_from = fake.window.until - days(15);
    fake.remove("login", "Inconclusive", 1_440, 60);
    let gap = Gap { from: fake.at(1_440), until: fake.at(1_500) };
    assert_eq!(reviewed(&fake).await.checks[0].gaps, [gap]);
}

#[tokio::test]
async fn window_of_coarse_values_keeps_the_cadence() {
    let mut fake = Fake::new(30, "login");
    fake.fine_from = fake.window.until;
    let review = reviewed(&fake).await;
    assert_eq!((review.checks[0].cadence_seconds, review.checks[0].gap_count), (60, 0));
    let slow = review.without_values.iter().find(|without| without.alarm == "SlowLogin").unwrap();
    assert!(slow.reason.contains("longer periods than its own, of 60 s"), "{slow:?}");
}

#[tokio::test]
async fn incident_outside_the_replay_is_not_unseen() {
    let mut fake = Fake::new(30, "login");
    fake.fine_from = fake.window.until - days(15);
    // One failed run is too few for an alarm.
    fake.incident("login", 3 * 1_440, 1);
    fake.incident("login", 20 * 1_440, 1);
    let review = reviewed(&fake).await;
    let [old, new] = &review.incidents[..] else { panic!("{:?}", review.incidents) };
    assert_eq!((old.replayed, new.replayed), (false, true));
    assert_eq!((&old.seen_by, &new.seen_by), (&Vec::new(), &Vec::new()));
    assert_eq!(review.unseen().collect::<Vec<_>>(), [new]);
    assert_eq!(review.not_replayed().collect::<Vec<_>>(), [old]);
    assert_eq!((old.without_alarm(), new.without_alarm()), ("not replayed", "no alarm"));
}

#[tokio::test]
async fn incident_from_before_the_replay_is_not_missed() {
    let mut fake = Fake::new(14, "login");
    fake.incident("login", -60, 90);
    let review = reviewed(&fake).await;
    assert_eq!(alarm(&review, "SlowLogin").behaviour.missed, Vec::<String>::new());
    assert!(!review.incidents[0].replayed);
}

#[tokio::test]
async fn other_checks_explain_only_what_begins_with_them() {
    let mut fake = Fake::new(30, "login");
    for metric in ["Inconclusive", "Success"] {
        fake.set("booking", metric, -720, 31 * 1_440, f64::from(u8::from(metric == "Success")));
    }
    // The log-in is slow when the incident of bookings begins, and on five days while it lasts.
    fake.set("login", "Duration", 300, 20, 20_000.0);
    fake.incident("booking", 300, 29 * 1_440);
    add_slow_runs(&mut fake, 5, 7, 9_000.0);
    let review = reviewed(&fake).await;
    let slow = alarm(&review, "SlowLogin");
    assert_eq!((slow.behaviour.matched, slow.behaviour.unmatched), (1, 5));
    let seen: Vec<&str> = review.incidents[0].seen_by.iter().map(|seen| seen.alarm.as_str()).collect();
    assert_eq!(seen, ["SlowLogin", "FailingBooking", "BookingObjective"]);
    let headroom = slow.headroom.unwrap();
    assert_eq!((headroom.values, headroom.worst), (30 * 1_440, 20_000.0), "the incident is not one of the log-in");
    assert!(matches!(slow.verdict, Verdict::Change(_)), "{:?}", slow.verdict);
}

#[tokio::test]
async fn firing_from_before_the_replay_has_no_delay() {
    let mut fake = Fake::new(14, "login");
    fake.incident("login", -60, 90);
    fake.set("login", "Duration", -60, 90, 9_000.0);
    fake.incident("login", 5_000, 30);
    fake.set("login", "Duration", 5_000, 30, 9_000.0);
    let review = reviewed(&fake).await;
    let slow = alarm(&review, "SlowLogin");
    let before: Vec<bool> = slow.behaviour.firings.iter().map(|firing| firing.began_before).collect();
    assert_eq!(before, [true, false]);
    let words = |incident: usize| review.incidents[incident].seen_by.iter().map(SeenBy::words).collect::<Vec<_>>();
    let before = ["SlowLogin before the window", "FailingLogin before the window", "LoginObjective before the window"];
    assert_eq!(words(0), before);
    assert_eq!(words(1)[..2], ["FailingLogin after 2 min", "SlowLogin after 5 min"]);
    let delay = slow.behaviour.detection.unwrap();
    assert_eq!((delay.median_minutes, delay.longest_minutes), (5.0, 5.0), "the first one does not count");
}

#[tokio::test]
async fn median_of_two_delays_is_between_them() {
    let mut fake = Fake::new(14, "login");
    for (from, late) in [(5_000, 0), (9_000, 10)] {
        fake.incident("login", from, 60);
        fake.set("login", "Duration", from + late, 60 - late, 9_000.0);
    }
    let review = reviewed(&fake).await;
    let delay = alarm(&review, "SlowLogin").behaviour.detection.unwrap();
    assert_eq!((delay.median_minutes, delay.longest_minutes), (10.0, 15.0));
}

#[tokio::test]
async fn replay_begins_when_runs_began() {
    let mut fake = Fake::new(30, "login");
    for metric in ["Inconclusive", "Success", "Duration"] {
        fake.remove("login", metric, -720, 720 + 10 * 1_440);
    }
    let review = reviewed(&fake).await;
    let lost = alarm(&review, "MonitoringLostLogin");
    assert_eq!(lost.replayed_from, fake.window.from + days(10) + SignedDuration::from_mins(7));
    assert!(lost.behaviour.firings.is_empty(), "runs that were not planned are not lost");
    assert_eq!(review.checks[0].gap_count, 0);
    assert_eq!(review.without_runs.len(), 9);
}

#[tokio::test]
async fn changes_are_unknown_beyond_their_source() {
    let mut fake = Fake::new(30, "login");
    let name = "just-driving-synthetics-production-login-slow";
    fake.fired(name, 29 * 1_440);
    for (complete_from, expected) in [
        (fake.window.from, RecordedFirings::Known { firings: 1 }),
        (fake.window.until - days(14), RecordedFirings::Partly { from: fake.window.until - days(14), firings: 1 }),
    ] {
        fake.complete_from = complete_from;
        let review = reviewed(&fake).await;
        assert_eq!(alarm(&review, "SlowLogin").recorded, expected);
        assert_eq!(alarm(&review, "FailingLogin").recorded, RecordedFirings::Unknown, "nothing says that it exists");
        assert!(review.warnings[0].starts_with("states of alarms are unknown: "), "{:?}", review.warnings);
    }
}

#[tokio::test]
async fn log_lines_are_searched_only_when_asked() {
    let mut fake = Fake::new(14, "login");
    fake.has_steps = false;
    assert_eq!(reviewed(&fake).await.trends.steps, StepTrends::NotAsked);
    assert_eq!(fake.searches.load(Ordering::Relaxed), 0);
    let asked = reviewed_with(&fake, true, &[]).await;
    assert!(matches!(&asked.trends.steps, StepTrends::Known { steps } if steps.len() == 1));
    assert_eq!(fake.searches.load(Ordering::Relaxed), asked.trends.weeks.len(), "once a week and check");
}

#[tokio::test]
async fn subjects_have_weeks_where_the_source_counts_them() {
    let mut fake = Fake::new(14, "login");
    let counts = |passed, failed| SubjectCounts { passed, failed };
    fake.subjects = Some(
        [("-", 9, 1), ("api", 0, 0), ("web", 3, 1)]
            .map(|(name, passed, failed)| (name.to_owned(), counts(passed, failed)))
            .into(),
    );
    let SubjectTrends::Known { subjects } = reviewed(&fake).await.trends.subjects else { panic!("they are counted") };
    let [api, web] = &subjects[..] else { panic!("{subjects:?}") };
    assert_eq!((api.subject.as_str(), &api.weeks), ("api", &vec![None; 3]), "no run judged it");
    assert_eq!((web.check.as_str(), web.subject.as_str()), ("login", "web"));
    // Three days, a week, and four days.
    let week = |days| Some(SubjectWeek { passed: 3 * days, failed: days, success: 0.75 });
    assert_eq!(web.weeks, [week(3), week(7), week(4)]);
    fake.subjects = None;
    assert_eq!(reviewed(&fake).await.trends.subjects, SubjectTrends::NotAsked);
}

#[tokio::test]
async fn proposal_needs_enough_data() {
    for (name, window, on_days, minutes, part) in [
        ("too short a window", 13, 5, 7, "days of values; a proposal needs 14"),
        ("too few firings", 30, 2, 7, "2 firings without an incident on 2 days"),
    ] {
        let mut fake = Fake::new(window, "login");
        add_slow_runs(&mut fake, on_days, minutes, 9_000.0);
        let review = reviewed(&fake).await;
        let Verdict::TooLittleData { reason } = &alarm(&review, "SlowLogin").verdict else { panic!("{name}") };
        assert!(reason.contains(part), "{name}: {reason}");
        assert_eq!(review.diff, None, "{name}");
    }
}

#[tokio::test]
async fn without_an_incident_only_small_changes_are_proposed() {
    for (duration, expected) in [(9_000.0, Some(9_100.0..=10_500.0)), (30_000.0, None)] {
        let mut fake = Fake::new(30, "login");
        add_slow_runs(&mut fake, 5, 7, duration);
        let review = reviewed(&fake).await;
        match (&alarm(&review, "SlowLogin").verdict, expected) {
            (Verdict::Change(proposal), Some(expected)) => {
                let Change::Threshold { to, .. } = proposal.change else { panic!("{proposal:?}") };
                assert!(expected.contains(&to), "{to}");
                assert_eq!((proposal.before.unmatched, proposal.after.unmatched), (5, 0));
            }
            (Verdict::Keep { reason }, None) => assert!(reason.contains("no incident shows"), "{reason}"),
            (verdict, _) => panic!("{duration}: {verdict:?}"),
        }
    }
}

#[tokio::test]
async fn change_that_would_miss_an_incident_is_not_proposed() {
    let mut fake = Fake::new(30, "login");
    // The incident is as slow and as long as the bursts.
    add_slow_runs(&mut fake, 5, 7, 12_000.0);
    fake.set("login", "Duration", 20 * 1_440, 7, 12_000.0);
    fake.incident("login", 20 * 1_440, 7);
    let review = reviewed(&fake).await;
    let slow = alarm(&review, "SlowLogin");
    assert_eq!((slow.behaviour.unmatched, slow.behaviour.matched), (5, 1));
    assert!(matches!(&slow.verdict, Verdict::Keep { reason } if reason.contains("still sees 1 incident")), "{slow:?}");
}

#[tokio::test]
async fn nearer_threshold_is_proposed_for_missed_incidents() {
    let mut fake = Fake::new(30, "login");
    for day in [10, 20] {
        fake.set("login", "Duration", day * 1_440, 30, 6_000.0);
        fake.incident("login", day * 1_440, 30);
    }
    let review = reviewed(&fake).await;
    let slow = alarm(&review, "SlowLogin");
    assert_eq!(slow.behaviour.missed.len(), 2);
    let Verdict::Change(proposal) = &slow.verdict else { panic!("{:?}", slow.verdict) };
    let Change::Threshold { to, .. } = proposal.change else { panic!("{proposal:?}") };
    // Normal runs take one second.
    assert!((1_250.0..6_000.0).contains(&to), "{to}");
    assert_eq!((proposal.after.incidents_seen, proposal.after.unmatched), (2, 0));
    assert!(review.diff.as_ref().unwrap().contains(&format!("production: {to}")), "{:?}", review.diff);
}

#[tokio::test]
async fn maintenance_and_early_warnings_are_no_false_firings() {
    let mut fake = Fake::new(30, "login");
    for metric in ["Inconclusive", "Maintenance"] {
        fake.set("availability", metric, -720, 31 * 1_440, 0.0);
    }
    fake.set("availability", "Success", 0, 30 * 1_440, 1.0);
    for day in [3, 9, 15, 21] {
        fake.set("availability", "Maintenance", day * 1_440, 60, 1.0);
        fake.set("login", "Duration", day * 1_440 + 20, 20, 20_000.0);
    }
    fake.set("application", "Success", 0, 30 * 1_440, 1.0);
    fake.set("application", "Inconclusive", -720, 31 * 1_440, 0.0);
    for day in 0..10 {
        fake.set("application", "DiskUsed", day * 2_880, 1_440, 90.0);
        fake.set("application", "DiskUsed", day * 2_880 + 1_440, 1_440, 80.0);
    }
    let review = reviewed(&fake).await;
    let slow = alarm(&review, "SlowLogin");
    assert_eq!((slow.behaviour.firings.len(), slow.behaviour.unmatched), (4, 0));
    let disk = alarm(&review, "DiskUsed");
    assert_eq!((disk.kind, disk.behaviour.unmatched), (Kind::Early, 10));
    assert!(matches!(&disk.verdict, Verdict::Keep { reason } if reason.contains("warns before")), "{disk:?}");
}

#[tokio::test]
async fn firings_are_counted_with_flaps_and_lengths() {
    let mut fake = Fake::new(14, "login");
    // Two firings within an hour, and one much later.
    for (from, minutes) in [(1_000, 20), (1_050, 10), (9_000, 40)] {
        fake.set("login", "Duration", from, minutes, 9_000.0);
    }
    let behaviour = alarm(&reviewed(&fake).await, "SlowLogin").behaviour.clone();
    assert_eq!((behaviour.firings.len(), behaviour.flaps), (3, 1));
    let lengths: Vec<f64> = behaviour
        .firings
        .iter()
        .map(|firing| firing.until.unwrap().duration_since(firing.from).as_secs_f64() / 60.0)
        .collect();
    assert_eq!(behaviour.minutes_in_alarm, lengths.iter().sum::<f64>());
    assert_eq!((behaviour.shortest_minutes, behaviour.longest_minutes), (Some(lengths[1]), Some(lengths[2])));
    assert!(lengths[1] < lengths[0] && lengths[0] < lengths[2], "{lengths:?}");
}

#[tokio::test]
async fn rarer_runs_lengthen_the_periods() {
    let mut fake = Fake::new(14, "login");
    for metric in ["Inconclusive", "Success", "Duration"] {
        let key = ("login".to_owned(), metric.to_owned());
        fake.values.get_mut(&key).unwrap().retain(|minute, _| minute % 5 == 0);
    }
    let review = reviewed(&fake).await;
    assert_eq!(review.checks[0].cadence_seconds, 300);
    assert_eq!(review.checks[0].gap_count, 0);
    assert!(alarm(&review, "MonitoringLostLogin").behaviour.firings.is_empty());
    assert_eq!(alarm(&review, "SlowLogin").period_seconds, 300);
}

#[tokio::test]
async fn questions_without_values_are_answered_as_such() {
    let fake = Fake::new(14, "login");
    let review = reviewed_with(&fake, false, &["Lockouts=10".to_owned(), "SlowLogin=3of3".to_owned()]).await;
    let [none, shared] = &review.what_if[..] else { panic!("{:?}", review.what_if) };
    assert_eq!((&none.before, &none.after), (&None, &None));
    assert!(none.diff.is_some(), "the template has the number all the same");
    let to = Datapoints { to_alarm: 3, periods: 3 };
    assert!(matches!(shared.change, Change::Datapoints { to: found, .. } if found == to));
    assert_eq!(shared.diff, None, "all slow alarms share their M of N");
    assert!(matches!(review.checks[0].sensitivity, Sensitivity::NeverFailed { .. }));
}

#[tokio::test]
async fn progress_reaches_its_end() {
    let fake = Fake::new(14, "login");
    let seen = Mutex::new(Vec::new());
    let input = Input {
        environment: "production",
        template: TEMPLATE,
        template_path: "infra/alarms.yaml",
        window: fake.window,
        objectives: &BTreeMap::new(),
        cost: None,
        what_if: &[],
        logs: false,
        progress: &|progress| seen.lock().unwrap().push((progress.done, progress.all)),
    };
    review(&input, &fake).await.unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted() && seen.iter().all(|(done, all)| done < all), "{seen:?}");
}
