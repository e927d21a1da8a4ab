//! Searches of logs.

use super::*;

/// Id of a run that began two days ago.
fn run_id() -> String {
    runtime::identity(days_ago(2)).run_id
}

#[tokio::test]
async fn price_of_a_search_is_known_before() {
    let (history, served) = serve().await;
    let created = days_ago(400).as_millisecond();
    let group = |name: &str, retention: Value| {
        let mut group = json!({ "storedBytes": 36e9, "creationTime": created, "retentionInDays": retention });
        group["logGroupName"] = name.into();
        group
    };
    let (own, other) = ("/just-driving/demo/synthetics/login", "/just-driving/demo/synthetics/login-old");
    let answer = |retention| json!({ "logGroups": [group(other, Value::Null), group(own, retention)] });
    let answers = vec![answer(json!(30)), answer(Value::Null), json!({ "logGroups": [group(other, Value::Null)] })];
    lock(&served.logs).insert("DescribeLogGroups".to_owned(), answers);
    // 18 minutes of 30 days.
    let kept_a_month = history.search_cost("login", &run_id()).await.unwrap();
    assert_eq!(kept_a_month.bytes, 15_000_000);
    assert!((kept_a_month.usd - 0.000_075).abs() < 1e-9, "{kept_a_month:?}");
    // 18 minutes of 400 days.
    assert_eq!(history.search_cost("login", &run_id()).await.unwrap().bytes, 1_125_000);
    let error = history.search_cost("login", &run_id()).await.unwrap_err().to_string();
    assert!(error.ends_with("expected a log group of this name, found none"), "{error}");
    assert!(served.calls("StartQuery").is_empty(), "nothing is searched");
}

fn report(at: Timestamp, id: &str, outcome: &Value) -> Value {
    let key =
        json!({ "check": "login", "location": "eu-north-1", "shard": check::Shard::MANUAL, "scheduled_time": at });
    json!({
        "schema_version": 2, "run": key, "run_id": id, "trace_id": "t", "environment": "demo", "started": at, "ended": at,
        "outcome": outcome, "attempts": [], "reasons": [], "notifications": [],
    })
}

#[tokio::test]
async fn report_comes_from_the_log_line_of_the_run() {
    let (history, served) = serve().await;
    let (at, id) = (days_ago(2), run_id());
    let report = report(at, &id, &json!({ "result": "passed" }));
    let line = |id: &str, report: &Value| json!({ "type": "run", "run_id": id, "report": report }).to_string();
    let found = |lines: &[String]| {
        let row = |line: &String| json!([{ "field": "@ptr", "value": "p" }, { "field": "@message", "value": line }]);
        json!({ "status": "Complete", "results": lines.iter().map(row).collect::<Vec<_>>() })
    };
    let running = json!({ "status": "Running", "results": [] });
    let failed = json!({ "status": "Failed", "results": [] });
    let others = [format!("START {id}"), line("another", &json!({ "quoted": id }))];
    let own = [&others[..], &[line(&id, &report)]].concat();
    let answers = vec![running, found(&own), found(&others), failed, found(&[line(&id, &json!({}))])];
    lock(&served.logs)
        .extend([("StartQuery".to_owned(), vec![json!({ "queryId": "q" })]), ("GetQueryResults".to_owned(), answers)]);
    let read = history.run("login", &id).await.unwrap().unwrap();
    assert_eq!((&read.run_id, read.started), (&id, at));
    let started = &served.calls("StartQuery")[0];
    assert_eq!(started["logGroupName"], "/just-driving/demo/synthetics/login");
    let window = started["endTime"].as_i64().unwrap() - started["startTime"].as_i64().unwrap();
    assert_eq!(window, 18 * 60);
    assert!(started["queryString"].as_str().unwrap().contains(&format!("\"run_id\":\"{id}\"")), "{started}");
    assert_eq!(history.run("login", &id).await, Ok(None), "no line of this run");
    for part in ["found status Failed", "the log line of the run has no readable report"] {
        let error = history.run("login", &id).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    for wrong in ["", "42", "\" | limit 1"] {
        let error = history.run("login", wrong).await.unwrap_err().to_string();
        assert!(error.contains("expected the id of a run"), "{error}");
    }
    assert_eq!(served.calls("StartQuery").len(), 4, "a wrong id starts no query");
}

#[tokio::test]
async fn steps_come_from_log_lines_at_a_known_price() {
    let (history, served) = serve().await;
    let window = Window::new(days_ago(7), NOW);
    assert_eq!(history.step_percentiles("login", window).await.unwrap(), None, "metrics have no steps");
    let group = json!({ "logGroupName": "/just-driving/demo/synthetics/login", "storedBytes": 30e9, "creationTime": 0, "retentionInDays": 30 });
    let row = |fields: &[(&str, &str)]| -> Value {
        fields.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
    };
    let whole = [("step.subject", "-"), ("step.name", "log in"), ("p50", "900.5"), ("p95", "1200"), ("p99", "1.5E3")];
    let found = |fields: &[(&str, &str)]| json!({ "status": "Complete", "results": [row(fields)] });
    let malformed = [&whole[..3], &[("p95", "soon"), ("p99", "1")]].concat();
    lock(&served.logs).extend([
        ("DescribeLogGroups".to_owned(), vec![json!({ "logGroups": [group] })]),
        ("StartQuery".to_owned(), vec![json!({ "queryId": "q" })]),
        ("GetQueryResults".to_owned(), vec![found(&whole), found(&whole[..4]), found(&malformed)]),
    ]);
    let cost = history.search_steps_cost("login", window).await.unwrap();
    // A week of thirty days.
    assert!((cost.usd - 0.035).abs() < 1e-6, "{cost:?}");
    assert!(served.calls("StartQuery").is_empty(), "nothing is searched");
    let steps = history.search_steps("login", window).await.unwrap();
    let durations = history::Percentiles { p50: 900.5, p95: 1_200.0, p99: 1_500.0 };
    assert_eq!(steps, [StepPercentiles { subject: "-".to_owned(), name: "log in".to_owned(), durations }]);
    let started = &served.calls("StartQuery")[0];
    assert_eq!(
        (started["startTime"].as_i64(), started["endTime"].as_i64()),
        (Some(days_ago(7).as_second()), Some(NOW.as_second()))
    );
    for expected in ["expected the field p99 in the answer, found none", "p95: expected a number, found soon"] {
        let error = history.search_steps("login", window).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Rows of a search that ended.
fn rows(rows: &[&[(&str, &str)]]) -> Value {
    let row = |fields: &&[(&str, &str)]| -> Value {
        fields.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
    };
    json!({ "status": "Complete", "results": rows.iter().map(row).collect::<Vec<_>>() })
}

#[tokio::test]
async fn runs_that_did_not_pass_come_from_log_lines() {
    let (history, served) = serve().await;
    let report = report(days_ago(2), "run", &json!({ "result": "failed", "failures": [] }));
    let line = json!({ "type": "run", "run_id": "run", "outcome": "failed", "report": report }).to_string();
    let answers = vec![
        rows(&[&[("@message", &line)], &[("@message", &line)]]),
        rows(&[&[("@message", "no JSON")]]),
        rows(&[&[("@message", "{}")]]),
    ];
    lock(&served.logs)
        .extend([("StartQuery".to_owned(), vec![json!({ "queryId": "q" })]), ("GetQueryResults".to_owned(), answers)]);
    let window = Window::new(days_ago(2), days_ago(1));
    let found = history.search_unpassed("login", window, 1).await.unwrap();
    assert_eq!((found.found[0].outcome.word(), found.found.len(), found.has_more), ("failed", 1, true));
    let started = &served.calls("StartQuery")[0];
    assert_eq!(started["logGroupName"], "/just-driving/demo/synthetics/login");
    let query = started["queryString"].as_str().unwrap();
    assert!(query.contains("outcome != \"passed\"") && query.ends_with("limit 2"), "{query}");
    for expected in ["is not JSON", "no readable report"] {
        let error = history.search_unpassed("login", window, 1).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn errors_come_from_a_log_of_the_platform() {
    let (history, served) = serve().await;
    let line = |at: &'static str| [("@timestamp", at), ("@message", "production.ERROR: refused"), ("@ptr", "p")];
    let answers = vec![rows(&[&line("2026-11-23 04:50:00.250")]), rows(&[&line("soon")])];
    lock(&served.logs)
        .extend([("StartQuery".to_owned(), vec![json!({ "queryId": "q" })]), ("GetQueryResults".to_owned(), answers)]);
    let window = Window::new(days_ago(2), days_ago(1));
    let found = history.search_log("/platform/laravel", window, 50).await.unwrap();
    let at: Timestamp = "2026-11-23T04:50:00.25Z".parse().unwrap();
    assert_eq!(found.found, [LogLine { at, text: "production.ERROR: refused".to_owned() }]);
    assert!(!found.has_more);
    assert_eq!(served.calls("StartQuery")[0]["logGroupName"], "/platform/laravel");
    let error = history.search_log("/platform/laravel", window, 50).await.unwrap_err().to_string();
    assert!(error.contains("@timestamp: expected a time, found soon"), "{error}");
}

#[tokio::test]
async fn runs_of_subjects_come_from_log_lines() {
    let (history, served) = serve().await;
    let row = |subject: &'static str, day: &'static str, runs: &'static str| {
        [("subject", subject), ("day", day), ("runs", runs)]
    };
    let (first, second) = ("2026-11-22 00:00:00.000", "2026-11-23 00:00:00.000");
    let judged = rows(&[&row("web", first, "1440"), &row("api", first, "1440"), &row("web", second, "7")]);
    let failed = rows(&[&row("web", first, "40")]);
    let malformed = rows(&[&row("web", first, "many")]);
    lock(&served.logs).extend([
        ("StartQuery".to_owned(), vec![json!({ "queryId": "q" })]),
        ("GetQueryResults".to_owned(), vec![judged, failed, malformed]),
    ]);
    let window = Window::new(days_ago(7), NOW);
    let found = history.search_subjects("availability", window).await.unwrap();
    let counts = |passed, failed| history::SubjectCounts { passed, failed };
    let day = |text: &str, subjects: &[(&str, history::SubjectCounts)]| {
        let subjects = subjects.iter().map(|(name, counts)| ((*name).to_owned(), *counts)).collect();
        (text.parse::<Timestamp>().unwrap(), subjects)
    };
    let expected = [
        day("2026-11-22T00:00:00Z", &[("api", counts(1_440, 0)), ("web", counts(1_400, 40))]),
        day("2026-11-23T00:00:00Z", &[("web", counts(7, 0))]),
    ];
    assert_eq!(found, expected.into());
    assert_eq!(served.calls("StartQuery")[1]["logGroupName"], "/just-driving/demo/synthetics/availability");
    let error = history.search_subjects("availability", window).await.unwrap_err().to_string();
    assert!(error.contains("runs: expected a number, found many"), "{error}");
}
