//! What a flow works with: steps, requests, secrets, measurements, compensation, memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use check::metric::{Channel, Measurement, Metric};
use check::{Cause, Inconclusive, Journey, Leftover, Mismatch, Shard, StepEnded, StepId, StepResult, Subject};
use probe::{Client, Maintenance, Redactor, Request, Response, is_maintenance, throttled};

use crate::attempt::Execution;
use crate::settings::{Common, SecretRef};
use crate::{Clock, Ports};

/// The name of the assertion that an exchange was completed, whatever came back.
const ANSWERED: &str = "answered";

/// Undoes one thing; says what is left and why when it could not.
pub(crate) type Undo = BoxFuture<'static, Result<(), String>>;

pub(crate) struct Compensation {
    pub(crate) name: String,
    pub(crate) instructions: Option<String>,
    pub(crate) undo: Undo,
}

/// One attempt of a run, as the flow sees it. Shared by steps that go side by side.
pub struct Run {
    journey: Mutex<Journey>,
    compensations: Mutex<Vec<Compensation>>,
    leftovers: Mutex<Vec<Leftover>>,
    remembered: Option<String>,
    memory: Mutex<Option<String>>,
    waited: Mutex<Duration>,
    client: Client,
    ports: Ports,
    /// Knows what the settings refer to, for as long as the process lives. What the platform hands out is known to the
    /// redactor of `ports`, which is forgotten with the attempt: it would grow with every session.
    lasting: Redactor,
    maintenance: Maintenance,
    throttled_texts: Vec<String>,
    shard: Shard,
    may_send: bool,
    run_id: String,
}

impl Run {
    pub(crate) fn new(
        journey: Journey,
        client: Client,
        ports: &Ports,
        lasting: Redactor,
        common: &Common,
        execution: &Execution<'_>,
        remembered: Option<String>,
    ) -> Self {
        let texts = &common.platform.login.throttled_texts;
        Self {
            journey: Mutex::new(journey),
            compensations: Mutex::default(),
            leftovers: Mutex::default(),
            memory: Mutex::new(remembered.clone()),
            remembered,
            waited: Mutex::default(),
            client,
            ports: ports.clone(),
            lasting,
            maintenance: common.maintenance.clone(),
            throttled_texts: texts.iter().map(|text| text.as_str().to_owned()).collect(),
            shard: execution.key.shard,
            may_send: execution.may_send,
            run_id: execution.run_id.to_owned(),
        }
    }

    /// A step begins. It needs a result before it is dropped; without one it could not be judged.
    pub fn step(&self, subject: &Subject, name: &str) -> Step<'_> {
        let id = self.journey().begin(subject, name, self.clock().now());
        Step { run: self, id, began: Instant::now() }
    }

    /// Steps of the whole check that were never begun were not done, for this reason.
    pub fn skip_rest(&self, steps: &[&str], reason: &str) {
        let whole = Subject::whole();
        for name in steps {
            let is_begun = self.journey().has(&whole, name);
            if !is_begun {
                self.step(&whole, name).skipped(reason);
            }
        }
    }

    /// Something was measured. A value that is not finite is dropped.
    pub fn measure(&self, metric: &Metric, value: f64, item: Option<String>) {
        if let Some(measurement) = Measurement::new(metric, value, item.map(|item| self.redact(&item))) {
            self.journey().measure(measurement);
        }
    }

    /// Something was measured on a channel. A value that is not finite is dropped.
    pub fn measure_channel(&self, metric: &Metric, channel: Channel, value: f64) {
        if let Some(measurement) = Measurement::new(metric, value, None) {
            self.journey().measure(Measurement { channel: Some(channel), ..measurement });
        }
    }

    /// Whether the run may send messages to somebody: a run by hand only when it is told to.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        self.may_send
    }

    /// The certificates that were shown so far, by host, refused ones too.
    #[must_use]
    pub fn certificates(&self) -> Vec<(String, Timestamp)> {
        let journey = self.journey();
        let shown = journey.all_exchanges().filter_map(|exchange| {
            let host = Url::parse(&exchange.url).ok()?.host_str()?.to_owned();
            Some((host, exchange.certificate_expires?))
        });
        shown.collect()
    }

    /// Registers how to undo what the next call creates. Call it **before** that call: one that timed out may have
    /// created something all the same. Undone in reverse order, after success, failure, timeout and panic; must do no
    /// harm when there is nothing to undo.
    pub fn on_exit<F>(&self, name: &str, undo: F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.push_compensation(name, None, undo);
    }

    /// Registers a compensation like [`Run::on_exit`], for what [`Check::cleanup`](crate::Check::cleanup) cannot find later:
    /// when undoing fails, people get these instructions instead of the cleanup command.
    pub fn on_exit_with_instructions<F>(&self, name: &str, instructions: &str, undo: F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.push_compensation(name, Some(instructions.to_owned()), undo);
    }

    fn push_compensation<F>(&self, name: &str, instructions: Option<String>, undo: F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let compensation = Compensation { name: name.to_owned(), instructions, undo: Box::pin(undo) };
        lock(&self.compensations).push(compensation);
    }

    /// Something that a run created is still there: an earlier one's, or one that this run cannot undo. Reported beside
    /// whatever else the run finds.
    pub fn leftovers(&self, compensation: &str, detail: &str) {
        let left = Leftover { compensation: compensation.to_owned(), detail: self.redact(detail), instructions: None };
        lock(&self.leftovers).push(left);
    }

    /// What an earlier run remembered; `None` when it is unknown this time.
    #[must_use]
    pub fn recall<M: DeserializeOwned>(&self) -> Option<M> {
        serde_json::from_str(self.remembered.as_deref()?).ok()
    }

    /// Remembers something for later runs, in the place of what was remembered; at most 8 KB as JSON.
    pub fn remember<M: Serialize>(&self, memory: &M) {
        *lock(&self.memory) = serde_json::to_string(memory).ok();
    }

    /// Which part of the targets this run is about.
    #[must_use]
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// The run's id, to mark what it creates. It tells when the run began: see [`crate::began`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.run_id
    }

    /// Whether this answer says that the platform is down on purpose.
    #[must_use]
    pub fn is_maintenance(&self, response: &Response) -> bool {
        is_maintenance(response, &self.maintenance)
    }

    /// Whether a step has found the platform in maintenance.
    #[must_use]
    pub fn in_maintenance(&self) -> bool {
        self.journey().results().any(|result| matches!(result, StepResult::Maintenance { .. }))
    }

    /// Waits. The time is not part of the attempt's duration; wait between steps, so that it is not part of theirs.
    pub async fn wait(&self, duration: Duration) {
        let began = Instant::now();
        self.ports.clock.sleep(duration).await;
        // What passed here: the clock of a test skips.
        *lock(&self.waited) += began.elapsed();
    }

    /// Does something whose time is not part of the attempt's duration: looking again and again until something has
    /// happened. It is part of its step's.
    pub async fn aside<T>(&self, polling: impl Future<Output = T>) -> T {
        let (began, waited) = (Instant::now(), self.waited());
        let done = polling.await;
        // What was waited within is counted already.
        let within = self.waited().saturating_sub(waited);
        *lock(&self.waited) += began.elapsed().saturating_sub(within);
        done
    }

    /// What sends requests, for compensation: it goes on when the attempt is over.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Masks a secret that the platform handed out, until the attempt is over.
    pub fn mask(&self, secret: &str) {
        self.ports.redactor.register(secret);
    }

    /// Time, for compensation.
    #[must_use]
    pub fn lasting_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.ports.clock)
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.ports.clock.as_ref()
    }

    fn redact(&self, text: &str) -> String {
        self.ports.redactor.redact(text)
    }

    pub(crate) fn journey(&self) -> MutexGuard<'_, Journey> {
        lock(&self.journey)
    }

    pub(crate) fn waited(&self) -> Duration {
        *lock(&self.waited)
    }

    pub(crate) fn take_compensations(&self) -> Vec<Compensation> {
        std::mem::take(&mut *lock(&self.compensations))
    }

    pub(crate) fn take_leftovers(&self) -> Vec<Leftover> {
        std::mem::take(&mut *lock(&self.leftovers))
    }

    pub(crate) fn into_parts(self) -> (Journey, Option<String>) {
        let journey = self.journey.into_inner().unwrap_or_else(PoisonError::into_inner);
        let memory = self.memory.into_inner().unwrap_or_else(PoisonError::into_inner);
        (journey, memory)
    }
}

/// A panic in a check is reported; what it held is still whole, since every change is one push or one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A step while it runs. Dropped, it is over.
#[must_use]
pub struct Step<'a> {
    run: &'a Run,
    id: StepId,
    began: Instant,
}

impl Step<'_> {
    /// Sends a request and records every hop. That it was answered at all is an assertion, so no answer fails the step.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn send(&self, request: Request) -> Result<Response, StepEnded> {
        let sent = self.run.client.send(request).await;
        let mut journey = self.run.journey();
        journey.exchanges(self.id, sent.exchanges);
        match sent.result {
            Ok(response) => journey.assert(self.id, ANSWERED, Ok(())).map(|()| response),
            Err(error) => {
                match error.into_mismatch() {
                    Ok(mismatch) => {
                        if journey.assert(self.id, ANSWERED, Err(mismatch)).is_ok() {
                            // Only a recorder that is blind to it gets here: there is nothing to go on with.
                            journey.settle(self.id, StepResult::Passed);
                        }
                    }
                    Err(own) => {
                        drop(journey);
                        return Err(self.inconclusive(Cause::Internal, &own.to_string()));
                    }
                }
                Err(StepEnded)
            }
        }
    }

    /// Sends a request of a user's way through the platform, as [`Self::send`]. An answer that is no judgement of the
    /// platform ends the step: maintenance mode, and our own requests throttled.
    ///
    /// # Errors
    /// [`StepEnded`]: recorded.
    pub async fn ask(&self, request: Request) -> Result<Response, StepEnded> {
        let response = self.send(request).await?;
        if self.run.is_maintenance(&response) {
            let detail = format!("{} answered {} as in maintenance mode", response.url.path(), response.status);
            self.settle(StepResult::Maintenance { detail: self.run.redact(&detail) });
            return Err(StepEnded);
        }
        if let Some(limit) = throttled(&response, &self.run.throttled_texts) {
            let again = limit.retry_after.map_or_else(String::new, |after| format!(", for {} s more", after.as_secs()));
            let detail = format!(
                "{} throttles our own requests ({}{again})\nanother run may use the same account, or the limit is too low \
                 for the schedule",
                response.url.path(),
                response.status.as_u16(),
            );
            return Err(self.inconclusive(Cause::Throttled, &detail));
        }
        Ok(response)
    }

    /// Sends a request whose answer is judged by nobody: its failure is another check's.
    ///
    /// # Errors
    /// What failed, for the reason of a skipped step.
    pub async fn look(&self, request: Request) -> Result<Response, String> {
        let sent = self.run.client.send(request).await;
        self.run.journey().exchanges(self.id, sent.exchanges);
        sent.result.map_err(|error| self.run.redact(&error.to_string()))
    }

    /// It could not be judged. To be returned.
    pub fn inconclusive(&self, cause: Cause, detail: &str) -> StepEnded {
        let inconclusive = Inconclusive { cause, detail: self.run.redact(detail) };
        self.settle(StepResult::Inconclusive { inconclusive });
        StepEnded
    }

    /// Records a named assertion.
    ///
    /// # Errors
    /// [`StepEnded`] when it did not hold: the step has failed.
    pub fn check(&self, name: &str, actual: Result<(), Mismatch>) -> Result<(), StepEnded> {
        let redacted = actual.map_err(|mismatch| Mismatch {
            kind: mismatch.kind,
            expected: self.run.redact(&mismatch.expected),
            actual: self.run.redact(&mismatch.actual),
            evidence: mismatch.evidence.map(|evidence| self.run.redact(&evidence)),
        });
        self.run.journey().assert(self.id, name, redacted)
    }

    /// Resolves a reference. From here on the secret is masked in everything that leaves the process.
    ///
    /// # Errors
    /// [`StepEnded`]: the step could not be judged.
    pub async fn secret(&self, reference: &SecretRef) -> Result<SecretString, StepEnded> {
        match self.run.ports.secrets.resolve(reference).await {
            Ok(secret) => {
                self.run.lasting.register(secret.expose_secret());
                Ok(secret)
            }
            Err(error) => Err(self.inconclusive(Cause::Reference, &error.to_string())),
        }
    }

    /// The run that it is a step of.
    #[must_use]
    pub const fn run(&self) -> &Run {
        self.run
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.run.clock().now()
    }

    /// Whether the step ended because our own requests were throttled.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        let result = self.run.journey().result(self.id).cloned();
        matches!(result, Some(StepResult::Inconclusive { inconclusive }) if inconclusive.cause == Cause::Throttled)
    }

    /// Whether the step has failed, and not only could not be judged.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.run.journey().result(self.id), Some(StepResult::Failed { .. }))
    }

    /// Everything held.
    pub fn passed(self) {
        self.settle(StepResult::Passed);
    }

    /// The platform is down on purpose.
    pub fn maintenance(self, detail: impl Into<String>) {
        self.settle(StepResult::Maintenance { detail: self.run.redact(&detail.into()) });
    }

    /// It was not done.
    pub fn skipped(self, reason: impl Into<String>) {
        self.settle(StepResult::Skipped { reason: self.run.redact(&reason.into()) });
    }

    fn settle(&self, result: StepResult) {
        self.run.journey().settle(self.id, result);
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.run.journey().end(self.id, self.began.elapsed());
    }
}
