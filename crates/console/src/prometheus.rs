//! `GET /metrics`: what runs published, in the format of Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;

use alarm::State as AlarmState;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use check::metric::{CATALOGUE, DURATION, INCONCLUSIVE, SUCCESS};
use jiff::{SignedDuration, Timestamp};
use local::Newest;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use runtime::PortError;
use scheduler::Board;

use crate::source::{Live, Source};

/// Start of every name.
const PREFIX: &str = "synthetics";
/// Media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text";
/// Age at which a value is no longer shown: several times the longest cadence.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(1);

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
type Counters = Family<Labels, Counter>;

/// Answers with all metrics: in OpenMetrics for callers like Prometheus, otherwise in Prometheus's own format.
pub(crate) async fn metrics(State(source): State<Source>, headers: HeaderMap) -> Response {
    let unread = |error: String| (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response();
    let Some(live) = &source.live else {
        return (StatusCode::NOT_FOUND, "no checks run here; `synthetics up` has metrics\n").into_response();
    };
    let registry = match registry(&source, live) {
        Ok(registry) => registry,
        Err(error) => return unread(error.to_string()),
    };
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => {
            let accepted = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
            let is_open = accepted.into_iter().any(|accept| accept.contains(OPEN_METRICS));
            let (format, text) = if is_open {
                (format!("{OPEN_METRICS}; version=1.0.0; charset=utf-8"), text)
            } else {
                ("text/plain; version=0.0.4; charset=utf-8".to_owned(), in_plain_format(&text))
            };
            ([(CONTENT_TYPE, format)], text).into_response()
        }
        Err(error) => unread(error.to_string()),
    }
}

/// Rewrites OpenMetrics in the older format, in which the comments on a counter have the name of its value: `synthetics_runs_total`.
fn in_plain_format(text: &str) -> String {
    let counter = |line: &str| Some(line.strip_prefix("# TYPE ")?.strip_suffix(" counter")?.to_owned());
    let counters: BTreeSet<String> = text.lines().filter_map(counter).collect();
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("UNIT" | "EOF"), ..) => String::new(),
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                format!("# {what} {name}_total {rest}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

fn registry(source: &Source, live: &Live) -> Result<Registry, PortError> {
    let mut registry = Registry::with_prefix(PREFIX);
    let mut newest = live.store.newest_values(source.clock.now() - SHOWN_FOR)?;
    keep_current(&mut newest, &live.board.standings().into_keys().collect());
    published(&mut registry, &newest);
    progress(&mut registry, &live.board);
    alarms(&mut registry, &live.board);
    let release = Gauges::default();
    release.get_or_create(&vec![("release".to_owned(), source.release.clone())]).set(1.0);
    registry.register("build_info", "Release of the program", release);
    Ok(registry)
}

/// Removes values of checks that do not run, and verdicts of earlier runs than the last: an inconclusive run has none.
fn keep_current(newest: &mut Vec<Newest>, checks: &BTreeSet<&str>) {
    let check = |value: &Newest| value.dimensions.get("Check").cloned();
    // Every run publishes it.
    let last = newest.iter().filter(|value| value.metric == INCONCLUSIVE.name);
    let last: BTreeMap<String, Timestamp> = last.filter_map(|value| Some((check(value)?, value.at))).collect();
    let of_each_run = [SUCCESS.name, DURATION.name];
    newest.retain(|value| {
        check(value).is_none_or(|check| {
            let is_old = last.get(&check).is_some_and(|last| value.at < *last);
            checks.contains(check.as_str()) && !(is_old && of_each_run.contains(&value.metric.as_str()))
        })
    });
}

/// The newest values, in the base units of Prometheus.
fn published(registry: &mut Registry, newest: &[Newest]) {
    let mut by_metric: BTreeMap<&str, Vec<&Newest>> = BTreeMap::new();
    newest.iter().for_each(|value| by_metric.entry(&value.metric).or_default().push(value));
    for (metric, values) in by_metric {
        let gauges = Gauges::default();
        let (unit, divisor) = match values[0].unit.as_str() {
            "Milliseconds" => (Some(Unit::Seconds), 1_000.0),
            "Seconds" => (Some(Unit::Seconds), 1.0),
            "Percent" => (Some(Unit::Ratios), 100.0),
            _ => (None, 1.0),
        };
        for value in &values {
            let labels: Labels =
                value.dimensions.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
            gauges.get_or_create(&labels).set(value.value / divisor);
        }
        let help = CATALOGUE.iter().find(|known| known.name == metric).map_or("", |known| known.meaning);
        let (name, help) = (snake_case(metric), help.trim_end_matches('.'));
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, gauges),
            None => registry.register(name, help, gauges),
        }
    }
}

/// Progress of the checks since the start of the program.
fn progress(registry: &mut Registry, board: &Board) {
    let (runs, missed, losses) = (Counters::default(), Counters::default(), Counters::default());
    let (last, next) = (Gauges::default(), Gauges::default());
    let label = |check: &str| vec![("check".to_owned(), check.to_owned())];
    for (check, standing) in board.standings() {
        for (outcome, count) in &standing.runs {
            let labels = [label(check), vec![("outcome".to_owned(), (*outcome).to_owned())]].concat();
            runs.get_or_create(&labels).inc_by(*count);
        }
        missed.get_or_create(&label(check)).inc_by(standing.missed);
        losses.get_or_create(&label(check)).inc_by(standing.losses);
        let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1_000.0;
        if let Some(ended) = standing.ended {
            last.get_or_create(&label(check)).set(seconds(ended));
        }
        if let Some(at) = standing.next {
            next.get_or_create(&label(check)).set(seconds(at));
        }
    }
    registry.register("runs", "Runs since the start of the program, by outcome", runs);
    registry.register("missed_runs", "Runs that were due and did not take place", missed);
    registry.register("incomplete_runs", "Runs of which the store lost a part", losses);
    registry.register_with_unit("last_run_timestamp", "End of the last run, since 1970", Unit::Seconds, last);
    registry.register_with_unit("next_run_timestamp", "Time of the next run, since 1970", Unit::Seconds, next);
}

/// The shipped alarms, as evaluated here.
fn alarms(registry: &mut Registry, board: &Board) {
    let alarms = Gauges::default();
    for (name, state) in board.alarms() {
        let value = f64::from(u8::from(state == AlarmState::Alarm));
        alarms.get_or_create(&vec![("alarm".to_owned(), name)]).set(value);
    }
    registry.register("alarm", "1 for an alarm in the state ALARM, 0 in any other", alarms);
}

/// `PaymentMismatches` becomes `payment_mismatches`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metric: &str, check: Option<&str>, second: i64) -> Newest {
        let dimensions = check.map(|check| ("Check".to_owned(), check.to_owned()));
        let at = Timestamp::from_second(second).unwrap_or_default();
        Newest {
            metric: metric.to_owned(),
            dimensions: dimensions.into_iter().collect(),
            unit: "Count".to_owned(),
            at,
            value: 1.0,
        }
    }

    #[test]
    fn old_verdicts_and_removed_checks_are_not_shown() {
        let mut newest = vec![
            value("Success", Some("login"), 60),
            value("Duration", Some("login"), 60),
            value("Inconclusive", Some("login"), 120),
            // Not every run measures it.
            value("Leftovers", Some("login"), 60),
            value("Success", Some("queues"), 120),
            value("Inconclusive", Some("queues"), 120),
            value("Success", Some("removed"), 120),
            value("Maintenance", None, 60),
        ];
        keep_current(&mut newest, &BTreeSet::from(["login", "queues"]));
        let shown: Vec<&str> = newest.iter().map(|value| value.metric.as_str()).collect();
        assert_eq!(shown, ["Inconclusive", "Leftovers", "Success", "Inconclusive", "Maintenance"]);
    }

    #[test]
    fn names_are_those_of_prometheus() {
        assert_eq!(["PaymentMismatches", "Success"].map(snake_case), ["payment_mismatches", "success"]);
    }
}
