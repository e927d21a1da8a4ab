//! Interface of a flow: steps, requests, secrets, measurements, compensation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{RwLock, RwLockWriteGuard};
use url::Url;

use check::metric::{Channel, Metric};
use check::{Cause, Journey, Leftover, Mismatch, Phrase, Shard, StepEnded, StepId, StepResult, Subject, ours, phrase};
use probe::{Client, Error, Redactor, Request, Response, Sent, Strength};
use settings::SecretRef;

use crate::clock::Clock;
use crate::execution::Execution;
use crate::explanation::Explanation;
use crate::ports::{PortError, Ports};
use crate::secret_value::Alphabet;

/// Name of the assertion for a completed exchange, with any status.
const ANSWERED: &str = "answered";

/// Longest line of an explanation. **Units:** characters.
const MAX_LINE: usize = 2_000;

/// Undoes one creation. The error describes the leftover and the reason.
pub(crate) type Undo = BoxFuture<'static, Result<(), Phrase>>;

pub(crate) struct Compensation {
    pub(crate) name: String,
    pub(crate) instructions: Option<String>,
    pub(crate) undo: Undo,
}

/// One attempt of a run, from the flow's point of view. Parallel steps share it.
pub struct Run {
    journey: Mutex<Journey>,
    compensations: Mutex<Vec<Compensation>>,
    leftovers: Mutex<Vec<Leftover>>,
    warnings: Mutex<Vec<Phrase>>,
    waited: Mutex<Duration>,
    client: Client,
    /// Held by each request in flight.
    in_flight: RwLock<()>,
    ports: Ports,
    /// Redactor of the secrets named in the settings, kept for the life of the process. Secrets handed out by the
    /// platform go to the redactor of `ports`, dropped after the attempt: it would otherwise grow with every session.
    process_redactor: Redactor,
    shard: Shard,
    may_send: bool,
    is_confirming: bool,
    tag: Option<String>,
    explanation: Option<Explanation>,
    run_id: String,
}

impl Run {
    pub(crate) fn new(
        journey: Journey,
        client: Client,
        ports: &Ports,
        process_redactor: Redactor,
        execution: &Execution<'_>,
    ) -> Self {
        Self {
            journey: Mutex::new(journey),
            compensations: Mutex::default(),
            leftovers: Mutex::default(),
            warnings: Mutex::default(),
            waited: Mutex::default(),
            client,
            in_flight: RwLock::default(),
            ports: ports.clone(),
            process_redactor,
            shard: execution.key.shard,
            may_send: execution.may_send,
            is_confirming: execution.is_confirming,
            tag: execution.tag.map(str::to_owned),
            explanation: execution.explanation.cloned(),
            run_id: execution.run_id.to_owned(),
        }
    }

    /// Begins a step. A step dropped without a result is inconclusive.
    pub fn step(&self, subject: &Subject, name: &str) -> Step<'_> {
        let id = self.journey().begin(subject, name, self.clock().now());
        Step { run: self, id, began: Instant::now() }
    }

    /// Records steps of the whole check as skipped, with a reason, if they never began.
    pub fn skip_rest(&self, steps: &[&str], reason: &'static str) {
        let whole = Subject::whole();
        for name in steps {
            let is_begun = self.journey().has(&whole, name);
            if !is_begun {
                self.step(&whole, name).skipped(reason);
            }
        }
    }

    /// Records a measurement. Values other than finite numbers are dropped.
    pub fn measure(&self, metric: &Metric, value: f64, item: Option<Phrase>) {
        self.journey().measure(metric, value, None, item);
    }

    /// Records a measurement on a channel. Values other than finite numbers are dropped.
    pub fn measure_channel(&self, metric: &Metric, channel: Channel, value: f64) {
        self.journey().measure(metric, value, Some(channel), None);
    }

    /// Returns true if the run may send messages to people. A manual run needs explicit permission.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        self.may_send
    }

    /// Returns true for the second attempt of a run, which confirms a failure. Subjects for which [`crate::Check::repeats`]
    /// is false keep their result of the first.
    #[must_use]
    pub const fn is_confirming(&self) -> bool {
        self.is_confirming
    }

    /// Tag of the subjects to which a manual run is restricted.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Subject to which a manual run is restricted, to be explained.
    #[must_use]
    pub fn explained(&self) -> Option<&Subject> {
        self.explanation.as_ref().map(|explanation| &explanation.subject)
    }

    /// Explains what happens in one line, after the gate for foreign text, if the run is explained.
    pub fn explain(&self, line: impl FnOnce() -> Phrase) {
        if let Some(explanation) = &self.explanation {
            let line = line().admit(&self.ports.redactor, MAX_LINE);
            (explanation.print)(line.as_str());
        }
    }

    /// Expiry of the certificates presented so far, by host, including rejected ones.
    #[must_use]
    pub fn certificates(&self) -> Vec<(String, Timestamp)> {
        let journey = self.journey();
        let shown = journey.all_exchanges().filter_map(|exchange| {
            let host = Url::parse(&exchange.url).ok()?.host_str()?.to_owned();
            Some((host, exchange.certificate_expires?))
        });
        shown.collect()
    }

    /// Registers how to undo what the next call creates. Call it **before** that call: a call that timed out may still
    /// have created something. Compensations run in reverse order, after success, failure, timeout and panic, and must
    /// be harmless when there is nothing to undo.
    pub fn on_exit<F>(&self, name: &str, undo: F)
    where
        F: Future<Output = Result<(), Phrase>> + Send + 'static,
    {
        self.push_compensation(name, None, undo);
    }

    /// Registers a compensation like [`Run::on_exit`], for what [`Check::cleanup`](crate::Check::cleanup) cannot find later:
    /// when undoing fails, people get these instructions instead of the cleanup command.
    pub fn on_exit_with_instructions<F>(&self, name: &str, instructions: &str, undo: F)
    where
        F: Future<Output = Result<(), Phrase>> + Send + 'static,
    {
        self.push_compensation(name, Some(instructions.to_owned()), undo);
    }

    fn push_compensation<F>(&self, name: &str, instructions: Option<String>, undo: F)
    where
        F: Future<Output = Result<(), Phrase>> + Send + 'static,
    {
        let compensation = Compensation { name: name.to_owned(), instructions, undo: Box::pin(undo) };
        lock(&self.compensations).push(compensation);
    }

    /// Reports a leftover: an object of an earlier run, or one that this run cannot undo. It is reported in addition to
    /// the run's other findings.
    pub fn report_leftover(&self, compensation: &str, detail: impl Into<Phrase>) {
        let leftover = Leftover::new(compensation, detail, None, &self.ports.redactor);
        lock(&self.leftovers).push(leftover);
    }

    /// Converts a name that the platform gave to a subject.
    #[must_use]
    pub fn subject(&self, name: &str) -> Subject {
        Subject::foreign(name, &self.ports.redactor)
    }

    /// Part of the targets covered by this run.
    #[must_use]
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// Id of the run, used to mark everything it creates. It contains the start time: see [`crate::began`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.run_id
    }

    /// Returns true if a step has found the platform in maintenance.
    #[must_use]
    pub fn in_maintenance(&self) -> bool {
        self.journey().results().any(|result| matches!(result, StepResult::Maintenance { .. }))
    }

    /// Waits. The time does not count towards the attempt's duration; wait between steps, so that it does not count
    /// towards theirs.
    pub async fn wait(&self, duration: Duration) {
        let began = Instant::now();
        self.ports.clock.sleep(duration).await;
        // Real time: a test's clock skips the wait.
        *lock(&self.waited) += began.elapsed();
    }

    /// Runs a future whose time does not count towards the attempt's duration, such as polling for a result. It counts
    /// towards the step's.
    pub async fn aside<T>(&self, polling: impl Future<Output = T>) -> T {
        let (began, waited) = (Instant::now(), self.waited());
        let done = polling.await;
        // Waits inside the future are counted already.
        let within = self.waited().saturating_sub(waited);
        *lock(&self.waited) += began.elapsed().saturating_sub(within);
        done
    }

    /// HTTP client for compensation; it stays usable after the attempt.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Masks a secret handed out by the platform until the end of the attempt.
    pub fn mask(&self, secret: &str) {
        self.ports.redactor.register(secret);
    }

    /// Clock for compensation.
    #[must_use]
    pub fn lasting_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.ports.clock)
    }

    /// Clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.ports.clock.as_ref()
    }

    /// Waits until no request is in flight, and lets no new one begin. An answer that is not read may hold what undoing needs,
    /// such as a new session.
    pub(crate) async fn quiet(&self) -> RwLockWriteGuard<'_, ()> {
        self.in_flight.write().await
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

    fn warn_of_short_secret(&self, reference: &SecretRef, strength: Strength) {
        let effect = match strength {
            Strength::Unmasked => "it is too short to be masked",
            Strength::Short | Strength::Strong => "masking it also masks ordinary words",
        };
        let warning = phrase!("the secret at {} has fewer than 8 characters: {}", ours(reference), effect);
        let mut warnings = lock(&self.warnings);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Takes the warnings of the attempt.
    pub(crate) fn take_warnings(&self) -> Vec<Phrase> {
        let mut warnings = std::mem::take(&mut *lock(&self.warnings));
        if self.ports.redactor.is_full() {
            warnings.push("the platform has set so many cookies and tokens that all its texts are masked".into());
        }
        warnings
    }

    pub(crate) fn take_leftovers(&self) -> Vec<Leftover> {
        std::mem::take(&mut *lock(&self.leftovers))
    }

    pub(crate) fn into_journey(self) -> Journey {
        self.journey.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic in a check is reported. The data behind the lock stays consistent, since every change is one push or one
/// assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running step. Dropping it ends it.
#[must_use]
pub struct Step<'a> {
    run: &'a Run,
    id: StepId,
    began: Instant,
}

impl Step<'_> {
    /// Sends a request and records every hop. Getting an answer is an assertion, so a missing answer fails the step.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub async fn send(&self, request: Request) -> Result<Response, StepEnded> {
        let sent = self.transmit(request).await;
        self.answered(sent.result)
    }

    /// Sends a request and records every hop, without an assertion. The exchanges are moved from the result to the record.
    pub async fn transmit(&self, request: Request) -> Sent {
        let in_flight = self.run.in_flight.read().await;
        let mut sent = self.run.client.send(request).await;
        drop(in_flight);
        self.run.journey().exchanges(self.id, std::mem::take(&mut sent.exchanges));
        sent
    }

    /// Records the assertion that a transmitted request was answered.
    ///
    /// # Errors
    /// [`StepEnded`] when the step has ended; its result is recorded.
    pub fn answered(&self, result: Result<Response, Error>) -> Result<Response, StepEnded> {
        match result {
            Ok(response) => self.check(ANSWERED, Ok(())).map(|()| response),
            Err(error) => Err(match error.into_mismatch() {
                Ok(mismatch) => self.fail(ANSWERED, mismatch),
                Err(error) => self.inconclusive(Cause::Internal, error),
            }),
        }
    }

    /// Sends a request without judging the answer: its failure belongs to another check.
    ///
    /// # Errors
    /// The failure, as a reason for skipping the step.
    pub async fn look(&self, request: Request) -> Result<Response, Phrase> {
        self.transmit(request).await.result.map_err(Error::describe)
    }

    /// Ends the step as inconclusive, and returns the error to pass on.
    pub fn inconclusive(&self, cause: Cause, detail: impl Into<Phrase>) -> StepEnded {
        self.run.journey().inconclusive(self.id, cause, detail);
        StepEnded
    }

    /// Records a named assertion.
    ///
    /// # Errors
    /// [`StepEnded`] when it did not hold: the step has failed.
    pub fn check(&self, name: &str, result: Result<(), Mismatch>) -> Result<(), StepEnded> {
        self.run.journey().assert(self.id, name, result)
    }

    /// Records a named assertion about a value that the rest of the step needs, and returns the value.
    ///
    /// # Errors
    /// [`StepEnded`] when there is no value: the step has failed.
    pub fn check_value<T>(&self, name: &str, result: Result<T, Mismatch>) -> Result<T, StepEnded> {
        self.run.journey().assert_value(self.id, name, result)
    }

    /// Fails the step with a named assertion that did not hold, and returns the error to pass on.
    pub fn fail(&self, name: &str, mismatch: Mismatch) -> StepEnded {
        self.run.journey().fail(self.id, name, mismatch)
    }

    /// Resolves a reference to a key, token, seed or URL. From here on, the secret is masked in all output of the process.
    ///
    /// # Errors
    /// [`StepEnded`]: the step is inconclusive, also for a secret with characters that cannot be sent or with white space at its edges.
    pub async fn secret(&self, reference: &SecretRef) -> Result<SecretString, StepEnded> {
        self.resolved(reference, self.run.ports.resolve(reference, Alphabet::Visible).await)
    }

    /// Resolves a reference to a password, which may hold any characters between its first and its last, like [`Step::secret`].
    ///
    /// # Errors
    /// [`StepEnded`]: the step is inconclusive.
    pub async fn password(&self, reference: &SecretRef) -> Result<SecretString, StepEnded> {
        self.resolved(reference, self.run.ports.resolve(reference, Alphabet::Typed).await)
    }

    /// Resolves a reference to a certificate or key in PEM, of several lines, like [`Step::secret`].
    ///
    /// # Errors
    /// [`StepEnded`]: the step is inconclusive.
    pub async fn pem(&self, reference: &SecretRef) -> Result<SecretString, StepEnded> {
        self.resolved(reference, self.run.ports.resolve(reference, Alphabet::Lines).await)
    }

    fn resolved(
        &self,
        reference: &SecretRef,
        result: Result<SecretString, PortError>,
    ) -> Result<SecretString, StepEnded> {
        match result {
            Ok(secret) => {
                let strength = self.run.process_redactor.enroll(secret.expose_secret());
                if strength != Strength::Strong {
                    self.run.warn_of_short_secret(reference, strength);
                }
                Ok(secret)
            }
            Err(error) => Err(self.inconclusive(Cause::Reference, error.describe())),
        }
    }

    /// Run of this step.
    #[must_use]
    pub const fn run(&self) -> &Run {
        self.run
    }

    /// Current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.run.clock().now()
    }

    /// Returns true if the step ended because our own requests were throttled.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        let result = self.run.journey().result(self.id).cloned();
        matches!(result, Some(StepResult::Inconclusive { inconclusive }) if inconclusive.cause == Cause::Throttled)
    }

    /// Returns true if the step has failed. An inconclusive step has not.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.run.journey().result(self.id), Some(StepResult::Failed { .. }))
    }

    /// Ends the step as passed.
    pub fn passed(self) {
        self.run.journey().pass(self.id);
    }

    /// Ends the step as maintenance: the platform is down on purpose. Returns the error to pass on.
    pub fn maintenance(&self, detail: impl Into<Phrase>) -> StepEnded {
        self.run.journey().maintenance(self.id, detail);
        StepEnded
    }

    /// Ends the step as skipped.
    pub fn skipped(self, reason: impl Into<Phrase>) {
        self.run.journey().skip(self.id, reason);
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.run.journey().end(self.id, self.began.elapsed());
    }
}
