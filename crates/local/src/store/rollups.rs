//! Numbers of each UTC day, kept after its runs are removed.

use std::collections::BTreeMap;

use check::{Outcome, Phases, Report, Verdict};
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::error::Failed;
use super::state::execute;

/// **Units:** milliseconds.
const DAY: i64 = 86_400_000;
/// Most subjects of a check and day. The platform names some subjects, such as queues.
const MAX_SUBJECTS: i64 = 1_000;

/// Adds a run to its day. A refused one is none.
pub(super) fn add(store: &Transaction<'_>, report: &Report) -> Result<(), Failed> {
    let outcome = match report.outcome {
        Outcome::Refused { .. } => return Ok(()),
        Outcome::Passed | Outcome::Failed { .. } | Outcome::Inconclusive { .. } | Outcome::Maintenance { .. } => {
            report.outcome.word()
        }
    };
    let check = &report.key.check;
    let at = report.key.scheduled_time.as_millisecond();
    let day = at - at.rem_euclid(DAY);
    let sql = format!(
        "INSERT INTO daily_runs (check_id, day, {outcome}) VALUES (?, ?, 1)
         ON CONFLICT (check_id, day) DO UPDATE SET {outcome} = {outcome} + 1"
    );
    execute(store, &sql, params![check, day])?;
    if let Some(duration_ms) = duration_ms(report) {
        add_duration(store, check, day, duration_ms)?;
    }
    let Some(attempt) = report.last_attempt() else { return Ok(()) };
    for (subject, verdict) in attempt.verdicts() {
        let column = match verdict {
            Verdict::Healthy => "passed",
            Verdict::Failing(_) => "failed",
            Verdict::Inconclusive(_) | Verdict::Maintenance(_) => continue,
        };
        let subject = subject.as_str();
        let sql =
            format!("UPDATE daily_subjects SET {column} = {column} + 1 WHERE check_id = ? AND day = ? AND subject = ?");
        if execute(store, &sql, params![check, day, subject])? == 0 {
            let sql = format!(
                "INSERT INTO daily_subjects (check_id, day, subject, {column}) SELECT ?1, ?2, ?3, 1
                 WHERE (SELECT count(*) FROM daily_subjects WHERE check_id = ?1 AND day = ?2) < ?4"
            );
            execute(store, &sql, params![check, day, subject, MAX_SUBJECTS])?;
        }
    }
    Ok(())
}

/// Duration of the last attempt of a passed or failed run.
pub(super) fn duration_ms(report: &Report) -> Option<f64> {
    let is_judged = matches!(report.outcome, Outcome::Passed | Outcome::Failed { .. });
    report.last_attempt().filter(|_| is_judged).map(|attempt| attempt.duration_ms)
}

/// Time in each phase of HTTP, summed over the requests of the last attempt.
pub(super) fn phases(report: &Report) -> Phases {
    let steps = report.last_attempt().into_iter().flat_map(|attempt| &attempt.steps);
    let exchanges: Vec<&Phases> = steps.flat_map(|step| &step.exchanges).map(|exchange| &exchange.phases).collect();
    let sum =
        |phase: fn(&Phases) -> Option<f64>| exchanges.iter().filter_map(|own| phase(own)).reduce(|sum, own| sum + own);
    Phases {
        dns_ms: sum(|own| own.dns_ms),
        connect_ms: sum(|own| own.connect_ms),
        tls_ms: sum(|own| own.tls_ms),
        first_byte_ms: sum(|own| own.first_byte_ms),
        transfer_ms: sum(|own| own.transfer_ms),
    }
}

fn add_duration(store: &Transaction<'_>, check: &str, day: i64, duration_ms: f64) -> Result<(), Failed> {
    let sql = "SELECT histogram FROM daily_runs WHERE check_id = ? AND day = ?";
    let stored: Option<String> =
        store.prepare_cached(sql)?.query_row(params![check, day], |row| row.get(0)).optional()?;
    let mut histogram: Histogram = stored.map(|text| Histogram::read(&text)).transpose()?.unwrap_or_default();
    histogram.add(duration_ms);
    let sql = "UPDATE daily_runs SET durations = ?, p50_ms = ?, p95_ms = ?, p99_ms = ?, histogram = ?
               WHERE check_id = ? AND day = ?";
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| histogram.percentile(share));
    let text = serde_json::to_string(&histogram.0)?;
    execute(store, sql, params![histogram.count(), p50, p95, p99, text, check, day])?;
    Ok(())
}

/// Number of durations by step. Each doubling of the duration has 32 steps, so that the middle of a step is at most 1.1 % off.
#[derive(Debug, Default)]
struct Histogram(BTreeMap<u16, u64>);

impl Histogram {
    const STEPS: f64 = 32.0;
    /// Step of 2^30 ms: 12 days.
    const LAST: f64 = 30.0 * Self::STEPS;

    fn read(text: &str) -> Result<Self, Failed> {
        let read = serde_json::from_str(text);
        read.map(Self).map_err(|error| Failed::Unreadable(format!("daily_runs.histogram: {error}")))
    }

    fn add(&mut self, duration_ms: f64) {
        let step = (duration_ms.max(1.0).log2() * Self::STEPS).floor().min(Self::LAST);
        *self.0.entry(step as u16).or_default() += 1;
    }

    fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// Least step that at least this share of the durations does not exceed, by its middle. `None` without durations.
    fn percentile(&self, share: f64) -> Option<f64> {
        let rank = (self.count() as f64 * share).ceil();
        let mut sum = 0;
        let (step, _) = self.0.iter().find(|(_, count)| {
            sum += **count;
            sum as f64 >= rank
        })?;
        let middle = ((f64::from(*step) + 0.5) / Self::STEPS).exp2();
        Some((middle * 10.0).round() / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles(durations: &[f64]) -> [Option<f64>; 3] {
        let mut histogram = Histogram::default();
        durations.iter().for_each(|duration| histogram.add(*duration));
        [0.5, 0.95, 0.99].map(|share| histogram.percentile(share))
    }

    #[test]
    fn percentiles_are_those_of_the_durations() {
        assert_eq!(percentiles(&[]), [None; 3]);
        let mut random = fastrand::Rng::with_seed(7);
        for count in [1, 2, 19, 20, 100, 1_440] {
            let mut durations: Vec<f64> = (0..count).map(|_| 2_000.0 * random.f64().powi(3) + 5.0).collect();
            let found = percentiles(&durations);
            durations.sort_by(f64::total_cmp);
            for (share, found) in [0.5, 0.95, 0.99].into_iter().zip(found) {
                // Nearest rank.
                let exact = durations[(f64::from(count) * share).ceil() as usize - 1];
                let off = (found.unwrap() / exact - 1.0).abs();
                assert!(off < 0.02, "p{share} of {count}: {found:?}, exactly {exact}");
            }
        }
    }

    #[test]
    fn extreme_durations_have_a_step() {
        for (duration, most) in [(0.0, 1.1), (-1.0, 1.1), (f64::MAX, 1.2e9), (f64::NAN, 1.1)] {
            let [p50, ..] = percentiles(&[duration]);
            assert!((1.0..most).contains(&p50.unwrap()), "{duration}: {p50:?}");
        }
    }
}
