//! Canary jobs. One run puts a job into a queue and later runs look for it. The job only reports that it was processed.

use std::time::Duration;

use check::metric::JOB_DELAY;
use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use jiff::Timestamp;
use platform::canaries::Canary as Sent;
use platform::{Counting, Item, Site, is_status, reported_status, short_id, status, time};
use probe::{Method, Request, Response, Url};
use runtime::{MemoryCell, Run, Step};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::memory::{Memory, Past};
use crate::queue_snapshot::MAX_NAME;

/// Longest id to remember. **Units:** bytes.
const MAX_ID_LENGTH: usize = 64;

/// Settings of the canary jobs.
#[derive(Clone, Debug)]
pub struct Canary {
    /// Queues that receive canary jobs.
    pub queues: Vec<String>,
    /// Interval between two jobs of a queue.
    pub every: Duration,
    /// Longest time from dispatch until a job is done.
    pub done_within: Duration,
}

/// State of a canary job on the platform.
enum JobState {
    Done(Option<Timestamp>),
    Failed(Phrase),
    Pending(Phrase),
}

/// Job endpoints of the platform, called with the token of the counters.
struct JobApi<'a> {
    site: &'a Site,
    counting: &'a Counting,
}

impl Canary {
    /// Judges the pending jobs and sends new ones when due.
    pub(crate) async fn judge_and_send(
        &self,
        run: &Run,
        site: &Site,
        counting: &Counting,
        memory: &MemoryCell<Memory>,
    ) {
        let api = JobApi { site, counting };
        memory.update(|memory| memory.keep_canaries(&self.queues));
        let mut slowest: Option<(f64, &String)> = None;
        for queue in &self.queues {
            let mut past = memory.update(|memory| memory.canary(queue).clone());
            if let Some(delay) = self.judge(run, &api, queue, &mut past).await
                && slowest.is_none_or(|(most, _)| delay > most)
            {
                slowest = Some((delay, queue));
            }
            self.send(run, &api, queue, &mut past).await;
            memory.update(|memory| *memory.canary(queue) = past);
        }
        if let Some((delay, queue)) = slowest {
            run.measure(&JOB_DELAY, delay, Some(ours(queue).into()));
        }
    }

    /// Skips the judgment of all queues.
    pub(crate) fn skip(&self, run: &Run, reason: &'static str) {
        for queue in &self.queues {
            run.step(&Subject::converted_from(queue), "canary").skipped(reason);
        }
    }

    /// Judges the pending jobs of a queue. Returns the delay of the slowest finished job. **Units:** seconds.
    async fn judge(&self, run: &Run, api: &JobApi<'_>, queue: &str, past: &mut Past) -> Option<f64> {
        let step = run.step(&Subject::converted_from(queue), "canary");
        if past.pending().is_empty() {
            step.skipped("nothing to judge: no canary job is pending");
            return None;
        }
        let mut waiting = None;
        let mut slowest: Option<f64> = None;
        // Newest first: once it is done, an older pending job is lost, and no run waits for it any more.
        for sent in past.pending().to_vec().iter().rev() {
            if !past.pending().contains(sent) {
                continue;
            }
            let age = run.clock().now().duration_since(sent.at);
            let Ok(state) = api.state(&step, sent).await else { return slowest };
            let judged = match state {
                JobState::Done(at) => {
                    let delay = at.unwrap_or_else(|| run.clock().now()).duration_since(sent.at).as_secs_f64().max(0.0);
                    slowest = Some(slowest.map_or(delay, |most| most.max(delay)));
                    past.arrived(&sent.id);
                    step.check("done", Ok(()))
                }
                JobState::Failed(actual) => {
                    past.failed(&sent.id);
                    step.check("done", Err(self.lost(sent, FailureKind::Assertion, actual)))
                }
                JobState::Pending(actual) if age.unsigned_abs() >= self.done_within => {
                    past.late();
                    let actual = phrase!("{}, {} s after its dispatch", actual, age.as_secs());
                    step.check("in_time", Err(self.lost(sent, FailureKind::Stale, actual)))
                }
                JobState::Pending(actual) => {
                    waiting = Some(phrase!("a canary job has been pending for {} s: {}", age.as_secs(), actual));
                    Ok(())
                }
            };
            if judged.is_err() {
                return slowest;
            }
        }
        match waiting {
            Some(waiting) if slowest.is_none() => step.skipped(waiting),
            _ => step.passed(),
        }
        slowest
    }

    fn lost(&self, sent: &Sent, kind: FailureKind, actual: Phrase) -> Mismatch {
        let at = ours(format_args!("{:.0}", sent.at));
        let expected = phrase!("the canary job of {} to be done within {} s", at, self.done_within.as_secs());
        Mismatch::new(kind, expected, actual).with_evidence(phrase!("job {}", foreign(&sent.id)))
    }

    async fn send(&self, run: &Run, api: &JobApi<'_>, queue: &str, past: &mut Past) {
        let now = run.clock().now();
        if !past.is_due(self.every, now) {
            return;
        }
        let step = run.step(&Subject::converted_from(queue), "dispatch");
        if !run.may_send() {
            step.skipped("a canary job is due but was not sent: manual runs send none without --send-canaries");
            return;
        }
        match api.dispatch(&step, queue).await {
            Ok(id) => {
                past.sent(Sent { id, at: now, run_id: String::new() });
                step.passed();
            }
            Err(StepEnded) => past.not_sent(now),
        }
    }
}

impl JobApi<'_> {
    async fn ask(
        &self,
        step: &Step<'_>,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Response, StepEnded> {
        let token = step.secret(&self.counting.token).await?;
        let request = Request::new(method, url)
            .header("accept", "application/json")
            .secret_header("authorization", &format!("Bearer {}", token.expose_secret()))
            .deadline(self.site.deadline)
            .max_redirects(0);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = self.site.ask(step, request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            let detail = phrase!(
                "the platform answered {} to the token for canary jobs\nput a valid one at {}",
                answer.status.as_u16(),
                ours(&self.counting.token)
            );
            return Err(step.inconclusive(Cause::Credentials, detail));
        }
        Ok(answer)
    }

    async fn state(&self, step: &Step<'_>, sent: &Sent) -> Result<JobState, StepEnded> {
        let names = &self.site.platform.job;
        let url = names.record.at(&self.site.base_url, &[("job", &sent.id)]);
        let answer = self.ask(step, Method::GET, url.map_err(|mismatch| step.fail("id", mismatch))?, None).await?;
        if answer.status.as_u16() == 404 {
            return Ok(JobState::Pending("the platform does not know it".into()));
        }
        step.check("status", status(&answer, &[200]))?;
        let item = Item::new(&self.site.platform, &answer, &[&names.id, &names.finished_at]);
        let actual = step.check_value("reported", item.value(&names.status))?;
        // Recorded only when it fails.
        let actual =
            reported_status(&actual, names.status.as_str()).map_err(|mismatch| step.fail("reported", mismatch))?;
        if names.done_statuses.iter().any(|status| is_status(status.as_str(), &actual)) {
            let at = item.value(&names.finished_at).ok();
            // Recorded only when it fails: the time is optional.
            let at = time(&self.site.platform.times, at.as_ref(), names.finished_at.as_str());
            return at.map(JobState::Done).map_err(|mismatch| step.fail("finished_at", mismatch));
        }
        let is_failed = names.failed_statuses.iter().any(|status| is_status(status.as_str(), &actual));
        let reported = phrase!("the platform reports `{}`", foreign(&actual).at_most(MAX_NAME));
        Ok(if is_failed { JobState::Failed(reported) } else { JobState::Pending(reported) })
    }

    async fn dispatch(&self, step: &Step<'_>, queue: &str) -> Result<String, StepEnded> {
        let names = &self.site.platform.job;
        let (queue, marker) = (Value::from(queue), Value::from(format!("synthetic:{}", step.run().id())));
        let body = names.body.with(&[("queue", &queue), ("marker", &marker)]);
        let url = names.dispatch.below(&self.site.base_url);
        let answer = self.ask(step, Method::POST, url, Some(&body)).await?;
        step.check("accepted", status(&answer, names.accepted.as_slice()))?;
        let item = Item::new(&self.site.platform, &answer, &[&names.id, &names.status]);
        let id = item
            .value(&names.id)
            .and_then(|id| short_id(&id, names.id.as_str()))
            .and_then(|id| if id.len() <= MAX_ID_LENGTH { Ok(id) } else { Err(too_long(names.id.as_str(), id.len())) });
        step.check_value("id", id)
    }
}

fn too_long(pointer: &str, length: usize) -> Mismatch {
    let expected = phrase!("an id of at most {} bytes at {}", MAX_ID_LENGTH, ours(pointer));
    Mismatch::new(FailureKind::Assertion, expected, phrase!("one of {}", length))
}
