//! Status and workload of the queues, as Laravel Horizon reports them.
//!
//! The format of the answers is Horizon's; only their paths are settings.

use std::collections::BTreeMap;

use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use platform::{Credentials, Site, UserSession, count_at, status};
use probe::expect::{json, list};
use probe::{Method, Request, Response, Url};
use runtime::{Run, Step};
use secrecy::ExposeSecret;
use serde_json::Value;
use settings::SecretRef;

use crate::queue_snapshot::{MAX_NAME, QueueSnapshot, whole};

/// Authentication of requests to Horizon.
#[derive(Clone, Debug)]
pub enum Horizon {
    /// None: the dashboard is public.
    Open,
    /// Log-in with an account.
    Account(Credentials),
    /// Bearer token.
    Token(SecretRef),
}

/// Numbers that Horizon reports.
pub(crate) struct Overview {
    /// Queues by name.
    pub(crate) queues: BTreeMap<String, QueueSnapshot>,
    /// Processed jobs. **Units:** jobs per minute.
    pub(crate) jobs_per_minute: Option<f64>,
    /// Failed jobs in the window that Horizon keeps.
    pub(crate) failed: Option<f64>,
}

/// Subject of incidents about Horizon. The name is valid, so the fallback is never used.
pub(crate) fn subject() -> Subject {
    Subject::own("horizon")
}

impl Horizon {
    /// Reads status and workload. If Horizon is paused, the step fails, but the numbers still count.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub(crate) async fn read(&self, run: &Run, site: &Site) -> Result<Overview, StepEnded> {
        let step = run.step(&subject(), "horizon");
        let mut user = UserSession::new(run, site);
        if let Self::Account(credentials) = self {
            user.log_in(&step, credentials).await?;
        }
        let names = &site.platform.horizon;
        let stats = self.ask(&step, &user, site, names.stats.below(&site.base_url)).await?;
        let workload = self.ask(&step, &user, site, names.workload.below(&site.base_url)).await?;
        let read = entries(workload).and_then(|workload| overview(&stats, workload));
        let overview = step.check_value("workload", read)?;
        if step.check("running", running(&stats)).is_ok() {
            step.passed();
        }
        Ok(overview)
    }

    async fn ask(&self, step: &Step<'_>, user: &UserSession<'_>, site: &Site, url: Url) -> Result<Value, StepEnded> {
        let answer = match self {
            Self::Account(_) => user.get(step, url).await?,
            Self::Open | Self::Token(_) => {
                let mut request = Request::new(Method::GET, url)
                    .header("accept", "application/json")
                    .deadline(site.deadline)
                    .max_redirects(0);
                if let Self::Token(token) = self {
                    let token = step.secret(token).await?;
                    request = request.secret_header("authorization", &format!("Bearer {}", token.expose_secret()));
                }
                site.ask(step, request).await?
            }
        };
        if matches!(answer.status.as_u16(), 401 | 403) || user.is_unauthenticated(&answer) {
            return Err(step.inconclusive(Cause::Credentials, self.refused(&answer)));
        }
        step.check("status", status(&answer, &[200]))?;
        step.check_value("json", json(&answer))
    }

    fn refused(&self, answer: &Response) -> Phrase {
        let (who, hint) = match self {
            Self::Open => (ours("a request without credentials"), "give `horizon` an account or a token".into()),
            Self::Account(credentials) => {
                (ours(&credentials.email), "allow it in the platform's gate `viewHorizon`".into())
            }
            Self::Token(token) => (ours("the token"), phrase!("put a valid one at {}", ours(token))),
        };
        phrase!("Horizon answered {} to {}\n{}", answer.status.as_u16(), who, hint)
    }
}

fn running(stats: &Value) -> Result<(), Mismatch> {
    let status = stats["status"].as_str().map(|status| status.trim().to_lowercase());
    let actual = match status.as_deref() {
        Some("running") => return Ok(()),
        Some("paused") => Phrase::from("paused: workers take no jobs until `php artisan horizon:continue`"),
        Some("inactive") => "inactive: no master process is running".into(),
        Some(other) => foreign(other).at_most(MAX_NAME).into(),
        None => "no `status` in the answer".into(),
    };
    Err(Mismatch::new(FailureKind::Assertion, "Horizon `running`", actual))
}

/// Entries of the workload.
fn entries(workload: Value) -> Result<Vec<Value>, Mismatch> {
    let found =
        if workload.as_object().is_some_and(serde_json::Map::is_empty) { Err(workload) } else { list(workload) };
    found.map_err(|other| {
        let actual = foreign(other.to_string()).at_most(MAX_NAME);
        Mismatch::new(FailureKind::Assertion, "a list of queues as Horizon's workload", actual)
    })
}

fn overview(stats: &Value, workload: Vec<Value>) -> Result<Overview, Mismatch> {
    let jobs_per_minute = count_at(stats, "/jobsPerMinute")?;
    let (is_still, is_moving) = (jobs_per_minute == Some(0.0), jobs_per_minute.is_some_and(|jobs| jobs > 0.0));
    let mut queues = BTreeMap::new();
    for entry in workload {
        let workers = count_at(&entry, "/processes")?.map(whole);
        // A supervisor that does not balance reports all its queues in one entry and lists each of them below it.
        let parts = list(entry["split_queues"].clone()).ok().filter(|parts| !parts.is_empty());
        for queue in parts.unwrap_or_else(|| vec![entry]) {
            let name = queue["name"].as_str().ok_or_else(|| {
                let actual = foreign(queue.to_string()).at_most(MAX_NAME);
                Mismatch::new(FailureKind::Assertion, "queues with a `name` as Horizon's workload", actual)
            })?;
            let length = count_at(&queue, "/length");
            let snapshot = QueueSnapshot {
                pending: length
                    .map_err(|mismatch| mismatch.with_evidence(phrase!("queue {}", foreign(name))))?
                    .map(whole),
                workers,
                is_still,
                is_moving,
                ..QueueSnapshot::default()
            };
            queues.insert(name.to_owned(), snapshot);
        }
    }
    Ok(Overview { queues, jobs_per_minute, failed: count_at(stats, "/failedJobs")? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_with_one_or_several_queues_are_read() {
        let workload = json!([
            { "name": "default", "length": 3, "wait": 1, "processes": 2, "split_queues": null },
            { "name": "emails,sms", "length": 9, "wait": 4, "processes": 1, "split_queues": [
                { "name": "emails", "length": 7, "wait": 3 }, { "name": "sms", "length": 2, "wait": 1 },
            ] },
        ]);
        let stats = json!({ "jobsPerMinute": "0", "failedJobs": 4 });
        let actual = overview(&stats, entries(workload).unwrap()).unwrap();
        let queue = |name: &str| (actual.queues[name].pending, actual.queues[name].workers);
        assert_eq!(actual.queues.len(), 3);
        assert_eq!((queue("default"), queue("sms")), ((Some(3), Some(2)), (Some(2), Some(1))));
        assert!(actual.queues["default"].is_still);
        assert_eq!((actual.jobs_per_minute, actual.failed), (Some(0.0), Some(4.0)));
    }

    #[test]
    fn unreadable_numbers_and_names_are_not_missing() {
        for (stats, workload) in [
            (json!({}), json!([{ "length": 4 }])),
            (json!({}), json!([7])),
            (json!({}), json!([{ "name": "a", "length": "many" }])),
            (json!({}), json!([{ "name": "a", "length": -1 }])),
            (json!({}), json!([{ "name": "a", "processes": [] }])),
            (json!({ "jobsPerMinute": "n/a" }), json!([])),
            (json!({ "failedJobs": {} }), json!([])),
        ] {
            assert!(overview(&stats, entries(workload.clone()).unwrap()).is_err(), "{stats} {workload}");
        }
    }

    #[test]
    fn answers_of_another_shape_are_not_healthy() {
        for answer in [json!(null), json!("x"), json!({}), json!({ "queues": {} })] {
            assert!(entries(answer.clone()).is_err() && running(&answer).is_err(), "{answer}");
        }
        // PHP's list after a filter.
        let actual =
            overview(&json!([]), entries(json!({ "7": { "name": "b" }, "1": { "name": "a" } })).unwrap()).unwrap();
        assert_eq!(actual.queues.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((actual.jobs_per_minute, actual.failed), (None, None));
    }
}
