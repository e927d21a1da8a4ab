//! The read side against a server that speaks CloudWatch's protocol as documented: pages, retention by age, partial results.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

mod logs;

/// Points on a page.
const PAGE: usize = 100;
/// Time of all tests.
const NOW: Timestamp = Timestamp::constant(1_772_359_350, 0);

fn days_ago(days: i64) -> Timestamp {
    NOW - SignedDuration::from_hours(24 * days)
}

/// A clock that stands still, and passes over waits.
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, _duration: Duration) {}
}

/// A server of CloudWatch and CloudWatch Logs.
#[derive(Default)]
struct Served {
    /// Values by metric and minute.
    values: Mutex<BTreeMap<String, BTreeMap<i64, Vec<f64>>>>,
    /// Changes of alarms: name, seconds, states. Newest first.
    changes: Mutex<Vec<(String, i64, &'static str, &'static str)>>,
    /// Answers of CloudWatch Logs, by operation; the last one of each repeats.
    logs: Mutex<BTreeMap<String, Vec<Value>>>,
    /// Names and inputs of all calls.
    calls: Mutex<Vec<(String, Value)>>,
    /// Status of every last page.
    status: Mutex<Option<&'static str>>,
    /// Leaves out the token of the next page.
    is_cut: Mutex<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Served {
    /// Publishes a value in each of these minutes before now.
    fn publish(&self, metric: &str, minutes: impl IntoIterator<Item = i64>, value: f64) {
        let mut values = lock(&self.values);
        let own = values.entry(metric.to_owned()).or_default();
        for minute in minutes {
            let at = Period::MINUTE.floor(NOW - SignedDuration::from_mins(minute));
            own.entry(at.as_second()).or_default().push(value);
        }
    }

    fn calls(&self, operation: &str) -> Vec<Value> {
        let calls = lock(&self.calls);
        calls.iter().filter(|(name, _)| name == operation).map(|(_, input)| input.clone()).collect()
    }

    /// Points of a query. CloudWatch has none if the start is too old for the period.
    fn points(&self, query: &Value, from: i64, until: i64) -> Vec<(i64, f64)> {
        let metric = &query["MetricStat"]["Metric"];
        let (period, statistic) =
            (query["MetricStat"]["Period"].as_i64().unwrap(), query["MetricStat"]["Stat"].as_str().unwrap());
        assert_eq!(metric["Namespace"], "JustDriving/Synthetics");
        let age = NOW.as_second() - from;
        let finest = match age / 86_400 {
            ..15 => 60,
            15..63 => 300,
            63..455 => 3_600,
            _ => return Vec::new(),
        };
        if period % finest != 0 {
            return Vec::new();
        }
        let values = lock(&self.values);
        let mut periods: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (at, own) in values.get(metric["MetricName"].as_str().unwrap()).into_iter().flatten() {
            if (from..until).contains(at) {
                periods.entry(at - at % period).or_default().extend(own);
            }
        }
        let statistic = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
            match statistic {
                "SampleCount" => count,
                "Sum" => sum,
                "Average" => sum / count,
                "Maximum" => values[values.len() - 1],
                "Minimum" => values[0],
                "p50" => values[values.len() / 2],
                "p95" | "p99" => values[values.len() - 1],
                other => panic!("unknown statistic {other}"),
            }
        };
        periods.into_iter().map(|(at, values)| (at, statistic(values))).collect()
    }

    fn metric_data(&self, input: &Value) -> Answered {
        let (from, until) = (input["StartTime"].as_i64().unwrap(), input["EndTime"].as_i64().unwrap());
        assert!(from < until, "{input}");
        let queries = input["MetricDataQueries"].as_array().unwrap();
        assert!(queries.len() <= 500, "{}", queries.len());
        let first: usize = input["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let mut has_more = false;
        let mut results = Vec::new();
        for query in queries {
            let mut points = self.points(query, from, until);
            // Newest first, the default.
            points.reverse();
            let is_last = points.len() <= first + PAGE;
            has_more |= !is_last;
            let page = points.iter().skip(first).take(PAGE);
            let (times, values): (Vec<_>, Vec<_>) =
                page.map(|(at, value)| (Answered::Time(*at), Answered::Number(*value))).unzip();
            let status = if is_last { lock(&self.status).unwrap_or("Complete") } else { "PartialData" };
            results.push(Answered::Map(vec![
                ("Id", Answered::text(query["Id"].as_str().unwrap())),
                ("Label", Answered::text("label")),
                ("StatusCode", Answered::text(status)),
                ("Timestamps", Answered::List(times)),
                ("Values", Answered::List(values)),
            ]));
        }
        let mut answer = vec![("MetricDataResults", Answered::List(results))];
        if has_more && !*lock(&self.is_cut) {
            answer.push(("NextToken", Answered::Text((first + PAGE).to_string())));
        }
        Answered::Map(answer)
    }

    fn alarm_history(&self, input: &Value) -> Answered {
        let is_metric = input["AlarmTypes"] == json!(["MetricAlarm"]);
        assert!(is_metric || input["AlarmTypes"] == json!(["CompositeAlarm"]), "one type: {input}");
        assert_eq!(
            (&input["HistoryItemType"], &input["ScanBy"]),
            (&json!("StateUpdate"), &json!("TimestampDescending"))
        );
        let (from, until) = (input["StartDate"].as_i64().unwrap(), input["EndDate"].as_i64().unwrap());
        let changes = lock(&self.changes);
        let own: Vec<_> = changes
            .iter()
            .filter(|(name, at, ..)| name.ends_with("-any") != is_metric && (from..=until).contains(at))
            .collect();
        let first: usize = input["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let items = own.iter().skip(first).take(PAGE).map(|(name, at, old, new)| {
            let data = json!({
                "version": "1.0",
                "oldState": { "stateValue": old, "stateReason": "before" },
                "newState": { "stateValue": new, "stateReason": "because", "stateReasonData": { "threshold": 3 } },
            });
            Answered::Map(vec![
                ("AlarmName", Answered::text(name)),
                ("Timestamp", Answered::Time(*at)),
                ("HistoryItemType", Answered::text("StateUpdate")),
                ("HistoryData", Answered::Text(data.to_string())),
            ])
        });
        let mut answer = vec![("AlarmHistoryItems", Answered::List(items.collect()))];
        if own.len() > first + PAGE {
            answer.push(("NextToken", Answered::Text((first + PAGE).to_string())));
        }
        Answered::Map(answer)
    }

    fn answer(&self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        if let Some(target) = headers.get("x-amz-target") {
            let operation = target.to_str().unwrap().strip_prefix("Logs_20140328.").unwrap().to_owned();
            lock(&self.calls).push((operation.clone(), serde_json::from_slice(body).unwrap()));
            let mut logs = lock(&self.logs);
            let answers = logs.get_mut(&operation).unwrap();
            let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            return (StatusCode::OK, answer.to_string()).into_response();
        }
        let operation = uri.path().rsplit('/').next().unwrap().to_owned();
        let input = read(&mut Decoder::new(body));
        lock(&self.calls).push((operation.clone(), input.clone()));
        let answer = match operation.as_str() {
            "GetMetricData" => self.metric_data(&input),
            "DescribeAlarmHistory" => self.alarm_history(&input),
            other => panic!("unexpected call: {other}"),
        };
        let mut encoder = Encoder::new(Vec::new());
        answer.write(&mut encoder);
        let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
        (StatusCode::OK, headers, encoder.into_writer()).into_response()
    }
}

/// Part of an answer.
enum Answered {
    Map(Vec<(&'static str, Self)>),
    List(Vec<Self>),
    Text(String),
    Number(f64),
    Time(i64),
}

impl Answered {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn write(&self, encoder: &mut Encoder) {
        match self {
            Self::Map(members) => {
                encoder.map(members.len());
                for (name, value) in members {
                    encoder.str(name);
                    value.write(encoder);
                }
            }
            Self::List(items) => {
                encoder.array(items.len());
                items.iter().for_each(|item| item.write(encoder));
            }
            Self::Text(text) => {
                encoder.str(text);
            }
            Self::Number(number) => {
                encoder.double(*number);
            }
            Self::Time(seconds) => {
                encoder.timestamp(&DateTime::from_secs(*seconds));
            }
        }
    }
}

/// Reads an input; times become seconds.
fn read(decoder: &mut Decoder<'_>) -> Value {
    let is_end = |decoder: &mut Decoder<'_>, left: &mut Option<u64>| match left {
        Some(0) => true,
        Some(left) => {
            *left -= 1;
            false
        }
        None if decoder.datatype().unwrap() == Type::Break => {
            decoder.skip().unwrap();
            true
        }
        None => false,
    };
    match decoder.datatype().unwrap() {
        Type::Map | Type::MapIndef => {
            let mut left = decoder.map().unwrap();
            let mut members = serde_json::Map::new();
            while !is_end(decoder, &mut left) {
                let key = decoder.string().unwrap();
                members.insert(key, read(decoder));
            }
            Value::Object(members)
        }
        Type::Array | Type::ArrayIndef => {
            let mut left = decoder.list().unwrap();
            let mut items = Vec::new();
            while !is_end(decoder, &mut left) {
                items.push(read(decoder));
            }
            Value::Array(items)
        }
        Type::String | Type::StringIndef => decoder.string().unwrap().into(),
        Type::Tag => decoder.timestamp().unwrap().secs().into(),
        _ => decoder.integer().unwrap().into(),
    }
}

/// Starts a server, and a client of it.
async fn serve() -> (DeployedHistory, Arc<Served>) {
    let served = Arc::<Served>::default();
    let handler = |Shared(served): Shared<Arc<Served>>, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        served.answer(&uri, &headers, &body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(handler).with_state(Arc::clone(&served));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-north-1"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret-key", None, None, "test"))
        .load()
        .await;
    let names = Deployed {
        environment: "demo".to_owned(),
        table: "state".to_owned(),
        alarms: "just-driving-synthetics-demo-".to_owned(),
        log_groups: "/just-driving/demo/synthetics/".to_owned(),
    };
    let history = DeployedHistory::new(names, &config).await.unwrap();
    (DeployedHistory { clock: Arc::new(Still), ..history }, served)
}

fn metric(name: &str) -> MetricId {
    MetricId {
        namespace: "JustDriving/Synthetics".to_owned(),
        name: name.to_owned(),
        dimensions: BTreeMap::from([("Environment".to_owned(), "demo".to_owned())]),
    }
}

#[tokio::test]
async fn pages_are_read_to_the_last() {
    let (history, served) = serve().await;
    served.publish("Duration", 0..450, 7.0);
    let window = Window::new(days_ago(1), NOW);
    let series = history.series(&metric("Duration"), Statistic::Average, window, Period::MINUTE).await.unwrap();
    assert_eq!(series.points().count(), 450);
    assert!(series.points().is_sorted_by_key(|point| point.at) && series.points().all(|point| point.value == 7.0));
    assert_eq!(served.calls("GetMetricData").len(), 5, "pages of {PAGE}");
}

#[tokio::test]
async fn old_values_come_in_the_periods_that_exist() {
    let (history, served) = serve().await;
    // One value in each minute of some hours: yesterday, 40 days ago, and 100 days ago.
    for day in [1, 40, 100] {
        served.publish("Duration", (0..120).map(|minute| day * 1_440 + minute), 5.0);
    }
    let window = Window::new(days_ago(120), NOW);
    let series = history.series(&metric("Duration"), Statistic::Sum, window, Period::MINUTE).await.unwrap();
    let periods: Vec<_> = series.parts.iter().map(|part| (part.period, part.points.len())).collect();
    let [hour, minutes] = [60, 5].map(Period::minutes);
    assert_eq!(periods, [(hour, 3), (minutes, 25), (Period::MINUTE, 120)], "the first periods are not full");
    let sum: f64 = series.points().map(|point| point.value).sum();
    assert_eq!(sum, 3.0 * 120.0 * 5.0, "every value counts once");
    assert_eq!(series.resolution(), Some(hour));
}

/// Every minute of the time around both borders is in one part, whatever the requested period is.
#[tokio::test]
async fn no_value_at_a_border_is_lost_or_counted_twice() {
    for period in [1, 2, 7, 60, 90].map(Period::minutes) {
        let (history, served) = serve().await;
        for day in [15, 63] {
            served.publish("Duration", (-200..200).map(|minute| day * 1_440 + minute), 1.0);
        }
        let window = Window::new(days_ago(70), NOW);
        let series = history.series(&metric("Duration"), Statistic::SampleCount, window, period).await.unwrap();
        let sum: f64 = series.points().map(|point| point.value).sum();
        assert_eq!(sum, 800.0, "{period:?}: {:?}", series.parts.iter().map(|part| part.window).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn partial_answer_is_an_error() {
    for (status, is_cut, found) in [
        (Some("InternalError"), false, "InternalError"),
        (Some("PartialData"), false, "PartialData"),
        (Some("Forbidden"), false, "Forbidden"),
        (None, true, "PartialData"),
    ] {
        let (history, served) = serve().await;
        served.publish("Duration", 0..150, 7.0);
        *lock(&served.status) = status;
        *lock(&served.is_cut) = is_cut;
        let window = Window::new(days_ago(1), NOW);
        let error = history.series(&metric("Duration"), Statistic::Sum, window, Period::MINUTE).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "failed to read the values of Duration: Duration: expected all values, found a part of them ({found})\n  try again"
            )
        );
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn lists_of_runs_end_at_their_limit() {
    let (history, served) = serve().await;
    // A run every 5 minutes for 20 days; the newest one failed.
    served.publish("Inconclusive", (0..20 * 288).map(|run| run * 5), 0.0);
    served.publish("Success", (1..20 * 288).map(|run| run * 5), 1.0);
    served.publish("Success", [0], 0.0);
    served.publish("Duration", (0..20 * 288).map(|run| run * 5), 30.0);
    let newest = history.runs("login", Window::new(days_ago(30), NOW), 10).await.unwrap();
    assert_eq!((newest.runs.len(), newest.has_more, newest.precision), (10, true, Some(Period::MINUTE)));
    let outcomes: Vec<_> = newest.runs[..2].iter().map(|run| run.outcome.word()).collect();
    assert_eq!(outcomes, ["failed", "passed"]);
    assert_eq!(newest.runs[0].duration_ms, Some(30.0));
    // One day is enough.
    let asked = served.calls("GetMetricData");
    assert!(asked.iter().all(|input| input["StartTime"].as_i64().unwrap() > days_ago(2).as_second()), "{asked:?}");
    let all = history.runs("login", Window::new(days_ago(30), NOW), 10_000).await.unwrap();
    assert_eq!((all.runs.len(), all.has_more, all.precision), (20 * 288, false, Some(Period::minutes(5))));
    let days = history.daily("login", Window::new(days_ago(30), NOW)).await.unwrap();
    assert_eq!(days.iter().map(|day| day.runs.passed).sum::<u64>(), 20 * 288 - 1);
    assert_eq!((days.len(), days[20].runs.failed), (21, 1));
}

#[tokio::test]
async fn changes_of_alarms_are_those_of_the_deployment() {
    let (history, served) = serve().await;
    let own = "just-driving-synthetics-demo-login-slow";
    let at = |seconds: i64| NOW.as_second() - seconds;
    let mut changes = vec![("just-driving-synthetics-demo-any".to_owned(), at(3), "OK", "ALARM")];
    for index in 0..250 {
        changes.push((own.to_owned(), at(10 * index), "ALARM", "OK"));
        changes.push(("of-another-program".to_owned(), at(10 * index), "OK", "ALARM"));
    }
    *lock(&served.changes) = changes;
    let read = async |from: i64, limit| {
        let window = Window::new(NOW - SignedDuration::from_secs(from), NOW);
        history.alarm_changes(window, limit).await.unwrap()
    };
    let all = read(3_600, 1_000).await;
    // The change of this very second is not before the end.
    assert_eq!((all.changes.len(), all.has_more), (250, false));
    assert!(all.changes.is_sorted_by_key(|change| std::cmp::Reverse(change.now.since)));
    let words: Vec<_> = all.changes[..2].iter().map(|change| (change.now.alarm.as_str(), change.now.state)).collect();
    assert_eq!(words, [("just-driving-synthetics-demo-any", alarm::State::Alarm), (own, alarm::State::Ok)]);
    let newest = &all.changes[0];
    assert_eq!((newest.previous, newest.now.reason.as_str()), (Some(alarm::State::Ok), "because"));
    assert_eq!(newest.now.decided_by, json!({ "threshold": 3 }));
    let limited = read(3_600, 5).await;
    assert_eq!((limited.changes, limited.has_more), (all.changes[..5].to_vec(), true));
    assert_eq!(read(100, 1_000).await.changes.len(), 11);
    // CloudWatch keeps two weeks; with a limit, the changes before the oldest one are unknown too.
    assert_eq!(all.complete_from, NOW - SignedDuration::from_secs(3_600));
    assert_eq!(read(40 * 86_400, 1_000).await.complete_from, days_ago(14));
    assert_eq!(read(3_600, 5).await.complete_from, all.changes[4].now.since);
    assert_eq!(read(0, 1_000).await.changes, []);
}
