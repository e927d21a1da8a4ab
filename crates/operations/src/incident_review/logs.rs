//! Searches of logs around incidents, made only when asked for.

use std::collections::BTreeMap;

use check::incident::IncidentRecord;
use history::{Found, History, Window};
use jiff::{SignedDuration, Timestamp};

use super::asked::Asked;
use super::logged::Logged;

/// Most reports of a check.
const MAX_REPORTS: usize = 50;
/// Most lines of a log.
const MAX_LINES: usize = 50;
/// Time between a run's scheduled time and its line in the log: the longest run of a Lambda function, and some for the clocks.
const LATE: SignedDuration = SignedDuration::from_mins(17);

/// Estimates the price of a search, in USD, and says what has no price because it cannot be searched.
pub async fn price(
    history: &dyn History,
    records: &[IncidentRecord],
    wanted: Option<Window>,
    asked: &Asked<'_>,
) -> (f64, Vec<String>) {
    let (mut usd, mut warnings) = (0.0, Vec::new());
    let mut costs = Vec::new();
    for (check, window) in windows(records, asked) {
        costs.push(history.search_steps_cost(&check, window).await);
    }
    for log in asked.logs.platform {
        costs.push(history.search_log_cost(log, asked.window(records, wanted)).await);
    }
    for cost in costs {
        match cost {
            Ok(cost) => usd += cost.usd,
            Err(error) => warnings.push(error.to_string()),
        }
    }
    (usd, warnings)
}

/// Searches what was asked for. **Side effects:** costs what [`price`] says.
pub(super) async fn search(
    history: &dyn History,
    records: &[IncidentRecord],
    window: Window,
    asked: &Asked<'_>,
    unknown: &mut Vec<String>,
) -> Logged {
    let mut logged = Logged::default();
    for (check, window) in windows(records, asked) {
        match history.search_unpassed(&check, window, MAX_REPORTS).await {
            Ok(Found { found, has_more }) => {
                if has_more {
                    unknown.push(format!("log lines of {check} after the first {MAX_REPORTS} runs that did not pass"));
                }
                logged.runs.insert(check, found);
            }
            Err(error) => unknown.push(format!("log lines of {check}: {error}")),
        }
    }
    for log in asked.logs.platform {
        match history.search_log(log, window, MAX_LINES).await {
            Ok(Found { found, has_more }) => {
                if has_more {
                    unknown.push(format!("lines of {log} after the first {MAX_LINES} about errors"));
                }
                logged.platform.insert(log.clone(), found);
            }
            Err(error) => unknown.push(format!("lines of {log}: {error}")),
        }
    }
    logged
}

/// Window to search for each check, if runs were asked for: incidents of one check share a search.
fn windows(records: &[IncidentRecord], asked: &Asked<'_>) -> BTreeMap<String, Window> {
    let mut windows = BTreeMap::<String, Window>::new();
    for record in records.iter().filter(|_| asked.logs.runs) {
        let until: Timestamp = record.closed_at.unwrap_or(asked.now) + LATE;
        let window = windows.entry(record.check.clone()).or_insert(Window::new(record.since, until));
        *window = Window::new(window.from.min(record.since), window.until.max(until));
    }
    windows
}
