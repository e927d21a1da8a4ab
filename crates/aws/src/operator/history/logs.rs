//! Searches by Logs Insights: reports and the durations of steps, since the log line of a run holds its report, and logs of the platform.

use check::Report;
use history::{Found, LogLine, Percentiles, Period, SearchCost, StepPercentiles, SubjectDays, Window};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use runtime::{Clock, PortError};
use serde_json::{Value, json};

use crate::operator::api::Api;

/// Price of a search. **Units:** USD for each GB that it scans, in most regions.
const USD_PER_GB: f64 = 0.005;
/// Bytes of a GB.
const GB: f64 = 1e9;
/// Time searched before the start of a run: the clocks of a function and of CloudWatch Logs may differ.
const BEFORE: SignedDuration = SignedDuration::from_mins(1);
/// Time from the start of a run within which its line is written: the longest run of a Lambda function, and some for the clocks.
const AFTER: SignedDuration = SignedDuration::from_mins(17);
/// Most lines of an answer.
const MAX_LINES: u32 = 20;
/// Pauses between looks at a search, and the longest time for one.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);
const LONGEST: SignedDuration = SignedDuration::from_secs(60);
/// Longest time for a search of all runs of a window.
const LONGEST_OF_WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// Percentiles of the durations of each step that passed or failed.
const STEPS: &str = "filter type = \"run\"
| fields jsonParse(@message) as line
| unnest line.report.attempts into attempt
| unnest attempt.steps into step
| filter step.result in [\"passed\", \"failed\"]
| stats pct(step.duration_ms, 50) as p50, pct(step.duration_ms, 95) as p95, pct(step.duration_ms, 99) as p99 by step.subject, step.name
| limit 1000";

/// Runs with a verdict about each subject, by day: those in which a step of it passed or failed.
const JUDGED: &str = "filter type = \"run\" and outcome in [\"passed\", \"failed\"]
| fields jsonParse(@message) as line
| unnest line.report.attempts into attempt
| unnest attempt.steps into step
| filter step.result in [\"passed\", \"failed\"]
| fields step.subject as subject, datefloor(@timestamp, 1d) as day
| stats count(*) as steps by run_id, subject, day
| stats count(*) as runs by subject, day
| limit 10000";
/// Failed runs of each subject, by day.
const FAILED: &str = "filter type = \"run\" and outcome = \"failed\"
| fields jsonParse(@message) as line
| unnest line.report.outcome.failures into failure
| fields failure.subject as subject, datefloor(@timestamp, 1d) as day
| stats count(*) as failures by run_id, subject, day
| stats count(*) as runs by subject, day
| limit 10000";

/// Lines about errors: those of Laravel's levels from `error` on, and those of servers.
const ERRORS: &str = "filter @message like /(?i)(error|critical|alert|emergency|exception|fatal)/";

/// Estimates the price of a search for a run, from the stored bytes of the group and the share of time to search.
pub(super) async fn cost(api: &Api, group: &str, run_id: &str, now: Timestamp) -> Result<SearchCost, PortError> {
    let operation = format!("estimate a search of {group}");
    let (from, until) = searched(run_id).ok_or_else(|| not_a_run_id(&operation, run_id))?;
    cost_of_window(api, group, Window::new(from, until), now).await
}

/// Estimates the price of a search in a window.
pub(super) async fn cost_of_window(
    api: &Api,
    group: &str,
    window: Window,
    now: Timestamp,
) -> Result<SearchCost, PortError> {
    let operation = format!("estimate a search of {group}");
    let input = json!({ "logGroupNamePrefix": group });
    let found = read(api, &operation, "DescribeLogGroups", &input).await?;
    let groups = found["logGroups"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(own) = groups.iter().find(|own| own["logGroupName"] == group) else {
        return Err(PortError::new(operation, "expected a log group of this name, found none"));
    };
    let created = own["creationTime"].as_i64().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(now);
    let kept = own["retentionInDays"].as_i64().map_or(created, |days| now - SignedDuration::from_hours(24 * days));
    let oldest = created.max(kept).min(now - SignedDuration::from_mins(1));
    let span = |from: Timestamp, until: Timestamp| until.duration_since(from).as_secs_f64().max(0.0);
    let share = (span(window.from.max(oldest), window.until.min(now)) / span(oldest, now)).min(1.0);
    let bytes = own["storedBytes"].as_f64().unwrap_or_default() * share;
    Ok(SearchCost { bytes: bytes as u64, usd: bytes / GB * USD_PER_GB })
}

/// Searches the report of a run. **Side effects:** starts a query with a price.
pub(super) async fn report(
    api: &Api,
    clock: &dyn Clock,
    group: &str,
    run_id: &str,
) -> Result<Option<Report>, PortError> {
    let operation = format!("search {group} for the run {run_id}");
    let (from, until) = searched(run_id).ok_or_else(|| not_a_run_id(&operation, run_id))?;
    // Other lines may quote the id.
    let query = format!("fields @message | filter @message like /\"run_id\":\"{run_id}\"/ | limit {MAX_LINES}");
    let search = Search { group, window: Window::new(from, until), query: &query, longest: LONGEST };
    find(&operation, &search.results(api, clock, &operation).await?, run_id)
}

/// Searches the durations of all steps. **Side effects:** starts a query with a price.
pub(super) async fn steps(
    api: &Api,
    clock: &dyn Clock,
    group: &str,
    window: Window,
) -> Result<Vec<StepPercentiles>, PortError> {
    let operation = format!("search {group} for the durations of steps");
    let search = Search { group, window, query: STEPS, longest: LONGEST_OF_WINDOW };
    let results = search.results(api, clock, &operation).await?;
    let mut steps = Vec::new();
    for fields in results.as_array().into_iter().flatten() {
        let field = |name: &str| field(&operation, fields, name);
        let number = |name: &str| number(&operation, fields, name);
        steps.push(StepPercentiles {
            subject: field("step.subject")?.to_owned(),
            name: field("step.name")?.to_owned(),
            durations: Percentiles { p50: number("p50")?, p95: number("p95")?, p99: number("p99")? },
        });
    }
    steps.sort_by(|one, other| (&one.subject, &one.name).cmp(&(&other.subject, &other.name)));
    Ok(steps)
}

/// Searches the runs of each subject by day. **Side effects:** starts two queries with a price each.
pub(super) async fn subjects(
    api: &Api,
    clock: &dyn Clock,
    group: &str,
    window: Window,
) -> Result<SubjectDays, PortError> {
    let operation = format!("search {group} for the runs of subjects");
    let mut days = SubjectDays::new();
    for query in [JUDGED, FAILED] {
        let search = Search { group, window, query, longest: LONGEST_OF_WINDOW };
        let results = search.results(api, clock, &operation).await?;
        for fields in results.as_array().into_iter().flatten() {
            let runs = number(&operation, fields, "runs")? as u64;
            let day = days.entry(Period::DAY.floor(time(&operation, fields, "day")?)).or_default();
            let counts = day.entry(field(&operation, fields, "subject")?.to_owned()).or_default();
            if query == JUDGED {
                counts.passed = runs;
            } else {
                (counts.passed, counts.failed) = (counts.passed.saturating_sub(runs), runs);
            }
        }
    }
    Ok(days)
}

/// Searches the reports of runs that did not pass. **Side effects:** starts a query with a price.
pub(super) async fn unpassed(
    api: &Api,
    clock: &dyn Clock,
    group: &str,
    window: Window,
    limit: usize,
) -> Result<Found<Report>, PortError> {
    let operation = format!("search {group} for runs that did not pass");
    // One line more shows that there are more.
    let query = format!(
        "filter type = \"run\" and outcome != \"passed\" | fields @message | sort @timestamp asc | limit {}",
        limit.saturating_add(1)
    );
    let search = Search { group, window, query: &query, longest: LONGEST_OF_WINDOW };
    let results = search.results(api, clock, &operation).await?;
    let report = |fields: &Value| {
        let mut line: Value = serde_json::from_str(field(&operation, fields, "@message")?).map_err(|error| {
            PortError::new(operation.as_str(), format!("the log line of a run is not JSON: {error}"))
        })?;
        readable(&operation, line["report"].take())
    };
    let reports = results.as_array().into_iter().flatten().map(report);
    Ok(Found::limited(reports.collect::<Result<_, _>>()?, limit))
}

/// Searches the lines about errors. **Side effects:** starts a query with a price.
pub(super) async fn errors(
    api: &Api,
    clock: &dyn Clock,
    group: &str,
    window: Window,
    limit: usize,
) -> Result<Found<LogLine>, PortError> {
    let operation = format!("search {group} for errors");
    let query =
        format!("{ERRORS} | fields @timestamp, @message | sort @timestamp asc | limit {}", limit.saturating_add(1));
    let search = Search { group, window, query: &query, longest: LONGEST_OF_WINDOW };
    let results = search.results(api, clock, &operation).await?;
    let line = |fields: &Value| {
        Ok(LogLine {
            at: time(&operation, fields, "@timestamp")?,
            text: field(&operation, fields, "@message")?.to_owned(),
        })
    };
    let lines = results.as_array().into_iter().flatten().map(line);
    Ok(Found::limited(lines.collect::<Result<_, _>>()?, limit))
}

/// Number in a field of a row.
fn number(operation: &str, fields: &Value, name: &str) -> Result<f64, PortError> {
    let text = field(operation, fields, name)?;
    let malformed = |_| PortError::new(operation, format!("{name}: expected a number, found {text}"));
    text.parse().map_err(malformed)
}

/// Time in a field of a row, as Logs Insights writes it: `2026-12-01 08:00:00.000`, in UTC.
fn time(operation: &str, fields: &Value, name: &str) -> Result<Timestamp, PortError> {
    let text = field(operation, fields, name)?;
    let malformed = |_| PortError::new(operation, format!("{name}: expected a time, found {text}"));
    text.parse::<DateTime>().and_then(|at| TimeZone::UTC.to_timestamp(at)).map_err(malformed)
}

/// Field of a row.
fn field<'f>(operation: &str, fields: &'f Value, name: &str) -> Result<&'f str, PortError> {
    let found = fields.as_array().into_iter().flatten().find(|field| field["field"] == name);
    let missing = || PortError::new(operation, format!("expected the field {name} in the answer, found none"));
    found.and_then(|field| field["value"].as_str()).ok_or_else(missing)
}

/// A query on one log group.
struct Search<'a> {
    group: &'a str,
    window: Window,
    query: &'a str,
    /// Longest time to wait.
    longest: SignedDuration,
}

impl Search<'_> {
    /// Starts the query and waits for its results.
    async fn results(&self, api: &Api, clock: &dyn Clock, operation: &str) -> Result<Value, PortError> {
        let (start, end) = (self.window.from.as_second(), self.window.until.as_second());
        let input =
            json!({ "logGroupName": self.group, "startTime": start, "endTime": end, "queryString": self.query });
        let started = read(api, operation, "StartQuery", &input).await?;
        let id = started["queryId"].as_str().unwrap_or_default();
        let begun = clock.now();
        loop {
            let mut found = read(api, operation, "GetQueryResults", &json!({ "queryId": id })).await?;
            match found["status"].as_str().unwrap_or_default() {
                "Complete" => return Ok(found["results"].take()),
                "Scheduled" | "Running" if clock.now().duration_since(begun) < self.longest => clock.sleep(PAUSE).await,
                status => {
                    let detail = format!("expected results within {} s, found status {status}", self.longest.as_secs());
                    return Err(PortError { retryable: true, ..PortError::new(operation, detail) });
                }
            }
        }
    }
}

/// Time in which the line of a run can be. `None`: the text is not the id of a run.
fn searched(run_id: &str) -> Option<(Timestamp, Timestamp)> {
    let is_plain = run_id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let began = runtime::began(run_id).filter(|_| is_plain)?;
    Some((began - BEFORE, began + AFTER))
}

fn not_a_run_id(operation: &str, run_id: &str) -> PortError {
    PortError::new(operation, format!("expected the id of a run, a UUID with its start time, found {run_id}"))
}

/// Report in the line of the run, among the results of a query.
fn find(operation: &str, results: &Value, run_id: &str) -> Result<Option<Report>, PortError> {
    for fields in results.as_array().into_iter().flatten() {
        let fields = fields.as_array().map(Vec::as_slice).unwrap_or_default();
        let message =
            fields.iter().find(|field| field["field"] == "@message").and_then(|field| field["value"].as_str());
        let Ok(mut line) = serde_json::from_str::<Value>(message.unwrap_or_default()) else { continue };
        if line["type"] == "run" && line["run_id"] == run_id {
            return readable(operation, line["report"].take()).map(Some);
        }
    }
    Ok(None)
}

/// The report in a log line.
fn readable(operation: &str, report: Value) -> Result<Report, PortError> {
    serde_json::from_value(report)
        .map_err(|error| PortError::new(operation, format!("the log line of the run has no readable report: {error}")))
}

async fn read(api: &Api, operation: &str, call: &str, input: &Value) -> Result<Value, PortError> {
    let answer = api.read("logs", call, input).await;
    answer.map_err(|refused| PortError::new(operation, refused.to_string()))
}
