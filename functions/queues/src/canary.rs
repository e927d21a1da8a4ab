//! Jobs of ours: one is put into a queue in one run, and looked for in later ones. It does nothing but say that it was done.

use std::time::Duration;

use check::metric::JOB_DELAY;
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject};
use jiff::Timestamp;
use probe::expect::json_found;
use probe::{Method, Request, Response, Url};
use runtime::canaries::{Canaries, Canary as Sent};
use runtime::session::{Site, status};
use runtime::settings::{Counting, written_id};
use runtime::{Run, Step};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::memory::Memory;

/// Ids are not longer. **Units:** bytes.
const LONGEST_ID: usize = 64;

/// Jobs of ours.
#[derive(Clone, Debug)]
pub struct Canary {
    /// In which queues.
    pub queues: Vec<String>,
    /// How often.
    pub every: Duration,
    /// How long one may take until it is done.
    pub done_within: Duration,
}

/// The jobs of ours in one queue.
pub(crate) type Past = Canaries<3>;

/// What has become of one.
enum Fate {
    Done(Option<Timestamp>),
    Failed(String),
    OnItsWay(String),
}

/// The platform, asked with the token of the counters.
struct Office<'a> {
    site: &'a Site,
    counting: &'a Counting,
}

impl Canary {
    /// Judges what was sent, and sends what is due.
    pub(crate) async fn look_after(&self, run: &Run, site: &Site, counting: &Counting, memory: &mut Memory) {
        let office = Office { site, counting };
        memory.keep_canaries(&self.queues);
        let mut slowest: Option<(f64, &String)> = None;
        for queue in &self.queues {
            let past = memory.canary(queue);
            if let Some(delay) = self.judge(run, &office, queue, past).await
                && slowest.is_none_or(|(most, _)| delay > most)
            {
                slowest = Some((delay, queue));
            }
            self.send(run, &office, queue, past).await;
            run.remember(memory);
        }
        if let Some((delay, queue)) = slowest {
            run.measure(&JOB_DELAY, delay, Some(queue.clone()));
        }
    }

    /// They cannot be judged this time.
    pub(crate) fn skip(&self, run: &Run, reason: &str) {
        for queue in &self.queues {
            run.step(&Subject::named(queue), "canary").skipped(reason);
        }
    }

    /// What became of those on their way; how long the slowest took that was seen done. **Units:** seconds.
    async fn judge(&self, run: &Run, office: &Office<'_>, queue: &str, past: &mut Past) -> Option<f64> {
        let step = run.step(&Subject::named(queue), "canary");
        if past.pending().is_empty() {
            step.skipped("nothing to judge: no job of ours is on its way");
            return None;
        }
        let mut waiting = None;
        let mut slowest: Option<f64> = None;
        // The newest first: when it was done, an older one that was not is lost, and waited for no more.
        for sent in past.pending().to_vec().iter().rev() {
            if !past.pending().contains(sent) {
                continue;
            }
            let age = run.clock().now().duration_since(sent.at);
            let Ok(fate) = office.fate(&step, sent).await else { return slowest };
            let judged = match fate {
                Fate::Done(at) => {
                    let delay = at.unwrap_or_else(|| run.clock().now()).duration_since(sent.at).as_secs_f64().max(0.0);
                    slowest = Some(slowest.map_or(delay, |most| most.max(delay)));
                    past.arrived(&sent.id);
                    step.check("done", Ok(()))
                }
                Fate::Failed(actual) => {
                    past.failed(&sent.id);
                    step.check("done", Err(self.lost(sent, FailureKind::Assertion, actual)))
                }
                Fate::OnItsWay(actual) if age.unsigned_abs() >= self.done_within => {
                    past.late();
                    let actual = format!("{actual}, {} s after it was put there", age.as_secs());
                    step.check("in_time", Err(self.lost(sent, FailureKind::Stale, actual)))
                }
                Fate::OnItsWay(actual) => {
                    waiting = Some(format!("a job of ours is on its way for {} s: {actual}", age.as_secs()));
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

    fn lost(&self, sent: &Sent, kind: FailureKind, actual: String) -> Mismatch {
        let within = self.done_within.as_secs();
        Mismatch {
            kind,
            expected: format!("the job of ours of {:.0} to be done within {within} s", sent.at),
            actual,
            evidence: Some(format!("job {}", sent.id)),
        }
    }

    async fn send(&self, run: &Run, office: &Office<'_>, queue: &str, past: &mut Past) {
        let now = run.clock().now();
        if !past.is_due(self.every, now) {
            return;
        }
        let step = run.step(&Subject::named(queue), "dispatch");
        if !run.may_send() {
            step.skipped("a job of ours is due, and was not sent: a run by hand sends none without --send-canaries");
            return;
        }
        match office.dispatch(&step, queue).await {
            Ok(id) => {
                past.sent(Sent { id, at: now, run_id: String::new() });
                step.passed();
            }
            Err(StepEnded) => past.not_sent(now),
        }
    }
}

impl Office<'_> {
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
        let answer = step.ask(request).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            let detail = format!(
                "the platform answered {} to the token for jobs of ours\nput a valid one at {}",
                answer.status.as_u16(),
                self.counting.token
            );
            return Err(step.inconclusive(Cause::Credentials, &detail));
        }
        Ok(answer)
    }

    async fn fate(&self, step: &Step<'_>, sent: &Sent) -> Result<Fate, StepEnded> {
        let names = &self.site.platform.job;
        let wrapper = self.site.platform.wrapper.as_str();
        let url = names.record.at(&self.site.base_url, &[("job", &sent.id)]);
        let answer = self.ask(step, Method::GET, url, None).await?;
        if answer.status.as_u16() == 404 {
            return Ok(Fate::OnItsWay("the platform does not know it".to_owned()));
        }
        step.check("status", status(&answer, &[200]))?;
        let actual = json_found(&answer, names.status.as_str(), wrapper);
        step.check("reported", actual.as_ref().map(|_| ()).map_err(Clone::clone))?;
        let actual = actual.map(|actual| written_id(&actual)).unwrap_or_default();
        if names.done_statuses.iter().any(|status| status.as_str() == actual) {
            let at = json_found(&answer, names.finished_at.as_str(), wrapper).ok();
            return Ok(Fate::Done(at.and_then(|at| self.site.platform.times.read(&at))));
        }
        let is_failed = names.failed_statuses.iter().any(|status| status.as_str() == actual);
        let actual = crate::queue_snapshot::shown(&actual);
        if is_failed {
            return Ok(Fate::Failed(format!("the platform says `{actual}`")));
        }
        Ok(Fate::OnItsWay(format!("the platform says `{actual}`")))
    }

    async fn dispatch(&self, step: &Step<'_>, queue: &str) -> Result<String, StepEnded> {
        let names = &self.site.platform.job;
        let (queue, marker) = (Value::from(queue), Value::from(format!("synthetic:{}", step.run().id())));
        let body = names.body.with(&[("queue", &queue), ("marker", &marker)]);
        let url = names.dispatch.below(&self.site.base_url);
        let answer = self.ask(step, Method::POST, url, Some(&body)).await?;
        step.check("accepted", status(&answer, names.accepted.as_slice()))?;
        let found = json_found(&answer, names.id.as_str(), self.site.platform.wrapper.as_str());
        let id = found
            .map(|id| written_id(&id))
            .and_then(|id| if id.len() <= LONGEST_ID { Ok(id) } else { Err(too_long(names.id.as_str(), id.len())) });
        step.check("id", id.as_ref().map(|_| ()).map_err(Clone::clone))?;
        Ok(id.unwrap_or_default())
    }
}

fn too_long(pointer: &str, length: usize) -> Mismatch {
    Mismatch {
        kind: FailureKind::Assertion,
        expected: format!("an id of at most {LONGEST_ID} bytes at {pointer}"),
        actual: format!("one of {length}"),
        evidence: None,
    }
}
