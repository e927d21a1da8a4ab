//! What a review does not know, and why.

use review::words::counted;
use review::{Projection, Review, StepTrends, SubjectTrends};

/// Part of the periods without a value from which a review says so.
const MISSING: f64 = 0.05;

/// A reason, and everything that it concerns.
pub(crate) struct Unknown {
    pub(crate) what: String,
    pub(crate) names: Vec<String>,
}

/// All reasons, those that concern the whole review first.
pub(super) fn unknown(review: &Review) -> Vec<Unknown> {
    let mut found: Vec<Unknown> =
        review.warnings.iter().map(|warning| Unknown { what: warning.clone(), names: Vec::new() }).collect();
    let mut add = |what: String, name: Option<&str>| {
        let place = found.iter().position(|own| own.what == what).unwrap_or_else(|| {
            found.push(Unknown { what, names: Vec::new() });
            found.len() - 1
        });
        found[place].names.extend(name.map(str::to_owned));
    };
    for check in &review.without_runs {
        add("Checks without a run in the window".to_owned(), Some(check));
    }
    for without in &review.without_values {
        add(format!("Alarms not replayed, since {}", without.reason), Some(&without.alarm));
    }
    for alarm in &review.alarms {
        if let Some(reason) = review.late_start(alarm) {
            let from = alarm.replayed_from.strftime("%Y-%m-%d");
            add(format!("Alarms replayed from {from} only, since {reason}"), Some(&alarm.alarm));
        }
    }
    for alarm in review.alarms.iter().filter(|alarm| alarm.values.coverage() < 1.0 - MISSING) {
        let name = format!("{} ({:.0} %)", alarm.alarm, (1.0 - alarm.values.coverage()) * 100.0);
        add("Alarms with periods without values".to_owned(), Some(&name));
    }
    let (unknown, partly) = review.unknown_changes();
    for (what, count) in [
        ("Changes of state as they were recorded, so that firings are those of the replay only", unknown),
        ("Older changes of state than those that CloudWatch keeps", partly),
    ] {
        if count > 0 {
            add(format!("{what}: {}", counted(count, "alarm")), None);
        }
    }
    if review.trends.subjects == SubjectTrends::NotAsked {
        add("Success of subjects: it is in log lines, and was not asked for".to_owned(), None);
    }
    if review.trends.steps == StepTrends::NotAsked {
        let what = "Durations of steps: they are in log lines, and were not asked for; synthetics review --logs searches them at a price";
        add(what.to_owned(), None);
    }
    for series in &review.trends.series {
        if let Some(projection @ Projection::TooLittleData { .. }) = &series.projection {
            add(
                "Resources without a projection".to_owned(),
                Some(&format!("{} ({})", series.metric, projection.words())),
            );
        }
    }
    for what in &review.trends.unavailable {
        add("Numbers that are not recorded".to_owned(), Some(what));
    }
    found
}
