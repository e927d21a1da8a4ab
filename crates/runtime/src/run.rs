//! What a flow works with: steps, requests, secrets, measurements, compensation, memory.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use check::metric::{Measurement, Metric};
use check::{Blindness, Cause, Journey, Mismatch, Shard, StepId, StepResult, Stop, Subject};
use probe::{Client, Request, Response};

use crate::settings::SecretRef;
use crate::{Clock, Ports};

/// The name of the assertion that an exchange was completed, whatever came back.
const ANSWERED: &str = "answered";

/// Undoes one thing; says what is left and why when it could not.
pub(crate) type Undo = BoxFuture<'static, Result<(), String>>;

pub(crate) struct Compensation {
    pub(crate) name: String,
    pub(crate) undo: Undo,
}

/// One attempt of a run, as the flow sees it. Shared by steps that go side by side.
pub struct Run {
    journey: Mutex<Journey>,
    compensations: Mutex<Vec<Compensation>>,
    remembered: Option<String>,
    memory: Mutex<Option<String>>,
    client: Client,
    ports: Ports,
    shard: Shard,
    run_id: String,
}

impl Run {
    pub(crate) fn new(
        journey: Journey,
        client: Client,
        ports: &Ports,
        shard: Shard,
        run_id: &str,
        remembered: Option<String>,
    ) -> Self {
        Self {
            journey: Mutex::new(journey),
            compensations: Mutex::default(),
            memory: Mutex::new(remembered.clone()),
            remembered,
            client,
            ports: ports.clone(),
            shard,
            run_id: run_id.to_owned(),
        }
    }

    /// A step begins. It needs a result before it is dropped; without one it could not be judged.
    pub fn step(&self, subject: &Subject, name: &str) -> Step<'_> {
        let id = self.journey().begin(subject, name, self.clock().now());
        Step { run: self, id, began: Instant::now() }
    }

    /// Something was measured. A value that is not finite is dropped.
    pub fn measure(&self, metric: &Metric, value: f64, item: Option<String>) {
        if let Some(measurement) = Measurement::of(metric, value, item.map(|item| self.redact(&item))) {
            self.journey().measure(measurement);
        }
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
        let compensation = Compensation { name: name.to_owned(), undo: Box::pin(undo) };
        lock(&self.compensations).push(compensation);
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

    /// The run's id, to mark what it creates.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.run_id
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

    pub(crate) fn take_compensations(&self) -> Vec<Compensation> {
        std::mem::take(&mut *lock(&self.compensations))
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
    /// [`Stop`]: recorded.
    pub async fn send(&self, request: Request) -> Result<Response, Stop> {
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
                        let blindness = Blindness { cause: Cause::Internal, detail: self.run.redact(&own.to_string()) };
                        journey.settle(self.id, StepResult::CannotJudge { blindness });
                    }
                }
                Err(Stop)
            }
        }
    }

    /// Records a named assertion.
    ///
    /// # Errors
    /// [`Stop`] when it did not hold: the step has failed.
    pub fn check(&self, name: &str, seen: Result<(), Mismatch>) -> Result<(), Stop> {
        let redacted = seen.map_err(|mismatch| Mismatch {
            kind: mismatch.kind,
            expected: self.run.redact(&mismatch.expected),
            seen: self.run.redact(&mismatch.seen),
            evidence: mismatch.evidence.map(|evidence| self.run.redact(&evidence)),
        });
        self.run.journey().assert(self.id, name, redacted)
    }

    /// Resolves a reference. From here on the secret is masked in everything that leaves the process.
    ///
    /// # Errors
    /// [`Stop`]: the step could not be judged.
    pub async fn secret(&self, reference: &SecretRef) -> Result<SecretString, Stop> {
        match self.run.ports.secrets.resolve(reference).await {
            Ok(secret) => {
                self.run.ports.redactor.register(secret.expose_secret());
                Ok(secret)
            }
            Err(error) => {
                let blindness = Blindness { cause: Cause::Reference, detail: self.run.redact(&error.to_string()) };
                self.settle(StepResult::CannotJudge { blindness });
                Err(Stop)
            }
        }
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
