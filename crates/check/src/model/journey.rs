//! Recorder of one attempt: its steps with their exchanges and assertions, its measurements, and the resulting verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exchange::Exchange;
use super::gate::Text;
use super::kind::FailureKind;
use super::measurement::Measurement;
use super::mismatch::Mismatch;
use super::outcome::{Cause, Failure, Inconclusive, Outcome};
use super::phrase::Phrase;
use super::redact::Redact;
use super::subject::Subject;
use crate::catalogue::{Channel, Metric};
use crate::phrase;

/// Result of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum StepResult {
    /// All assertions held.
    Passed,
    /// The platform did not behave as expected.
    Failed {
        /// The first failure of the step.
        failure: Failure,
    },
    /// The step reached no verdict.
    Inconclusive {
        /// Cause and detail.
        inconclusive: Inconclusive,
    },
    /// The platform is in maintenance mode.
    Maintenance {
        /// Evidence of the maintenance.
        detail: Text,
    },
    /// The step did not run.
    Skipped {
        /// Reason for the skip.
        reason: Text,
    },
}

impl StepResult {
    /// Name of the result, for tables.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::Inconclusive { .. } => "inconclusive",
            Self::Maintenance { .. } => "maintenance",
            Self::Skipped { .. } => "skipped",
        }
    }

    fn masked(&self, redactor: &dyn Redact) -> Self {
        match self {
            Self::Passed => Self::Passed,
            Self::Failed { failure } => Self::Failed { failure: failure.masked(redactor) },
            Self::Inconclusive { inconclusive } => Self::Inconclusive { inconclusive: inconclusive.masked(redactor) },
            Self::Maintenance { detail } => Self::Maintenance { detail: detail.masked(redactor) },
            Self::Skipped { reason } => Self::Skipped { reason: reason.masked(redactor) },
        }
    }
}

/// One named comparison in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// Name, unique within the step.
    pub name: String,
    /// True when the comparison held.
    pub held: bool,
}

/// One step of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Subject within the check.
    pub subject: Subject,
    /// Name, unique within the subject.
    pub name: String,
    /// Start time.
    pub started: Timestamp,
    /// Duration in milliseconds.
    pub duration_ms: f64,
    /// Result.
    #[serde(flatten)]
    pub result: StepResult,
    /// Assertions, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<Assertion>,
    /// HTTP exchanges, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

/// One attempt of a run: the first, or the confirming one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Start time.
    pub started: Timestamp,
    /// Milliseconds from the first to the last step.
    pub duration_ms: f64,
    /// Steps, in the order in which they began.
    pub steps: Vec<Step>,
    /// Measurements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
}

/// Verdict of an attempt about one subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Examined without a failure.
    Healthy,
    /// The first failure.
    Failing(Failure),
    /// No verdict was possible.
    Inconclusive(Inconclusive),
    /// The platform is in maintenance mode.
    Maintenance(Text),
}

impl Attempt {
    /// Combines the step results into one verdict per examined subject. A subject whose steps were all skipped has none.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<Subject, Verdict> {
        let mut verdicts: BTreeMap<Subject, Verdict> = BTreeMap::new();
        for step in &self.steps {
            let verdict = match &step.result {
                StepResult::Passed => Verdict::Healthy,
                StepResult::Failed { failure } => Verdict::Failing(failure.clone()),
                StepResult::Inconclusive { inconclusive } => Verdict::Inconclusive(inconclusive.clone()),
                StepResult::Maintenance { detail } => Verdict::Maintenance(detail.clone()),
                StepResult::Skipped { .. } => continue,
            };
            let so_far = verdicts.entry(step.subject.clone()).or_insert(Verdict::Healthy);
            if verdict.weight() > so_far.weight() {
                *so_far = verdict;
            }
        }
        verdicts
    }

    /// Combines the verdicts into one outcome: a failure outweighs an inconclusive verdict, that outweighs maintenance, and
    /// maintenance outweighs a pass. An attempt without any verdict is inconclusive.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let verdicts = self.verdicts();
        let failures: Vec<Failure> = verdicts
            .values()
            .filter_map(|verdict| match verdict {
                Verdict::Failing(failure) => Some(failure.clone()),
                _ => None,
            })
            .collect();
        if !failures.is_empty() {
            return Outcome::Failed { failures };
        }
        match verdicts.into_values().max_by_key(Verdict::weight) {
            Some(Verdict::Inconclusive(inconclusive)) => Outcome::Inconclusive { inconclusive },
            Some(Verdict::Maintenance(detail)) => Outcome::Maintenance { detail },
            Some(Verdict::Healthy | Verdict::Failing(_)) => Outcome::Passed,
            None => Outcome::Inconclusive {
                inconclusive: Inconclusive { cause: Cause::Internal, detail: Text::own("no step was done") },
            },
        }
    }
}

impl Verdict {
    const fn weight(&self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Maintenance(_) => 1,
            Self::Inconclusive(_) => 2,
            Self::Failing(_) => 3,
        }
    }
}

/// Handle of a recorded step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepId(usize);

/// Error of a step that has ended. The reason is recorded already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepEnded;

struct OpenStep {
    subject: Subject,
    name: String,
    started: Timestamp,
    duration: Option<Duration>,
    result: Option<StepResult>,
    assertions: Vec<Assertion>,
    exchanges: Vec<Exchange>,
}

/// Records one attempt. The caller passes the time in.
///
/// All texts pass the gate here, and once more at the end, with the secrets learned by then. The first result of a step is kept: nothing after a failure can turn it into a pass.
pub struct Journey {
    started: Timestamp,
    steps: Vec<OpenStep>,
    measurements: Vec<Measurement>,
    ignoring_assertions: BTreeSet<String>,
    redactor: Arc<dyn Redact>,
}

impl Journey {
    /// Maximum length of a reason for skipping, of the evidence of maintenance, and of a measured item, in characters.
    const MAX_DETAIL: usize = 200;

    /// Starts the recording.
    #[must_use]
    pub fn new(started: Timestamp, redactor: Arc<dyn Redact>) -> Self {
        let ignoring_assertions = BTreeSet::new();
        Self { started, steps: Vec::new(), measurements: Vec::new(), ignoring_assertions, redactor }
    }

    /// Treats the named assertions as held in all cases. For mutation controls: a test that still reports the fault does not
    /// depend on the assertion that it claims to test.
    #[cfg(feature = "mutation")]
    #[must_use]
    pub fn ignoring_assertions(mut self, assertions: impl IntoIterator<Item = String>) -> Self {
        self.ignoring_assertions.extend(assertions);
        self
    }

    /// Begins a step.
    pub fn begin(&mut self, subject: &Subject, name: &str, at: Timestamp) -> StepId {
        self.steps.push(OpenStep {
            subject: subject.clone(),
            name: name.to_owned(),
            started: at,
            duration: None,
            result: None,
            assertions: Vec::new(),
            exchanges: Vec::new(),
        });
        StepId(self.steps.len() - 1)
    }

    /// Adds exchanges to a step.
    pub fn exchanges(&mut self, step: StepId, exchanges: impl IntoIterator<Item = Exchange>) {
        self.steps[step.0].exchanges.extend(exchanges);
    }

    /// All exchanges recorded so far.
    pub fn all_exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps.iter().flat_map(|step| &step.exchanges)
    }

    /// True when the step has begun.
    #[must_use]
    pub fn has(&self, subject: &Subject, name: &str) -> bool {
        self.steps.iter().any(|step| step.subject == *subject && step.name == name)
    }

    /// Result of a step; `None` while it runs.
    #[must_use]
    pub fn result(&self, step: StepId) -> Option<&StepResult> {
        self.steps[step.0].result.as_ref()
    }

    /// Results of the steps that have ended.
    pub fn results(&self) -> impl Iterator<Item = &StepResult> {
        self.steps.iter().filter_map(|step| step.result.as_ref())
    }

    /// Records a named assertion; a mismatch fails the step.
    ///
    /// # Errors
    /// [`StepEnded`] when the assertion did not hold.
    pub fn assert(&mut self, step: StepId, name: &str, outcome: Result<(), Mismatch>) -> Result<(), StepEnded> {
        let outcome = if self.ignoring_assertions.contains(name) { Ok(()) } else { outcome };
        let open = &mut self.steps[step.0];
        open.assertions.push(Assertion { name: name.to_owned(), held: outcome.is_ok() });
        let Err(mismatch) = outcome else { return Ok(()) };
        let failure = Failure::new(open.subject.clone(), open.name.clone(), mismatch, self.redactor.as_ref());
        open.result.get_or_insert(StepResult::Failed { failure });
        Err(StepEnded)
    }

    /// Records a named assertion about a value that the rest of the step needs, and returns the value.
    ///
    /// # Errors
    /// [`StepEnded`] when there is no value.
    pub fn assert_value<T>(&mut self, step: StepId, name: &str, outcome: Result<T, Mismatch>) -> Result<T, StepEnded> {
        match outcome {
            Ok(value) => self.assert(step, name, Ok(())).map(|()| value),
            Err(mismatch) => Err(self.fail(step, name, mismatch)),
        }
    }

    /// Records a named assertion that did not hold, and fails the step. A recorder that ignores the assertion passes the
    /// step: there is nothing that it could go on with.
    pub fn fail(&mut self, step: StepId, name: &str, mismatch: Mismatch) -> StepEnded {
        if self.assert(step, name, Err(mismatch)).is_ok() {
            self.pass(step);
        }
        StepEnded
    }

    /// Passes a step that has no result yet.
    pub fn pass(&mut self, step: StepId) {
        self.set_result(step, StepResult::Passed);
    }

    /// Ends a step that has no result yet as inconclusive.
    pub fn inconclusive(&mut self, step: StepId, cause: Cause, detail: impl Into<Phrase>) {
        let inconclusive = Inconclusive::new(cause, detail, self.redactor.as_ref());
        self.set_result(step, StepResult::Inconclusive { inconclusive });
    }

    /// Ends a step that has no result yet: the platform is down on purpose.
    pub fn maintenance(&mut self, step: StepId, detail: impl Into<Phrase>) {
        let detail = self.admit(detail);
        self.set_result(step, StepResult::Maintenance { detail });
    }

    /// Skips a step that has no result yet.
    pub fn skip(&mut self, step: StepId, reason: impl Into<Phrase>) {
        let reason = self.admit(reason);
        self.set_result(step, StepResult::Skipped { reason });
    }

    fn set_result(&mut self, step: StepId, result: StepResult) {
        self.steps[step.0].result.get_or_insert(result);
    }

    fn admit(&self, phrase: impl Into<Phrase>) -> Text {
        phrase.into().admit(self.redactor.as_ref(), Self::MAX_DETAIL)
    }

    /// Ends a step.
    pub fn end(&mut self, step: StepId, duration: Duration) {
        self.steps[step.0].duration.get_or_insert(duration);
    }

    /// Adds a measurement. A value that is not finite is dropped, because CloudWatch rejects it.
    pub fn measure(&mut self, metric: &Metric, value: f64, channel: Option<Channel>, item: Option<Phrase>) {
        let item = item.map(|item| self.admit(item));
        self.measurements.extend(Measurement::new(metric, value, channel, item));
    }

    /// Ends the attempt at its deadline. Running steps fail with a timeout, each measured from its own start.
    pub fn time_out(&mut self, deadline: Duration, now: Timestamp) {
        for step in self.steps.iter_mut().filter(|step| step.result.is_none()) {
            // The wall clock may have jumped since.
            let ran = Duration::try_from(now.duration_since(step.started)).unwrap_or_default().min(deadline);
            step.duration.get_or_insert(ran);
            let mismatch = Mismatch::new(
                FailureKind::Timeout,
                phrase!("done within the run's {} ms", deadline.as_millis()),
                phrase!("still busy after {} ms in this step", ran.as_millis()),
            );
            let failure = Failure::new(step.subject.clone(), step.name.clone(), mismatch, self.redactor.as_ref());
            step.result = Some(StepResult::Failed { failure });
        }
    }

    /// Records an internal error that ended the attempt as an inconclusive step of the whole check. Earlier results stay.
    pub fn record_internal_error(&mut self, detail: impl Into<Phrase>, now: Timestamp) {
        self.skip_running("the check failed with an internal error");
        self.record_inconclusive(Cause::Internal, detail, now);
    }

    /// Records that the process was asked to stop as an inconclusive step of the whole check. Earlier results stay.
    pub fn record_interruption(&mut self, detail: impl Into<Phrase>, now: Timestamp) {
        self.skip_running("the run was interrupted");
        self.record_inconclusive(Cause::Interrupted, detail, now);
    }

    fn skip_running(&mut self, reason: &'static str) {
        for step in self.steps.iter_mut().filter(|step| step.result.is_none()) {
            step.result = Some(StepResult::Skipped { reason: Text::own(reason) });
        }
    }

    /// Records why an attempt reached no verdict as an inconclusive step of the whole check.
    pub fn record_inconclusive(&mut self, cause: Cause, detail: impl Into<Phrase>, now: Timestamp) {
        let step = self.begin(&Subject::whole(), "run", now);
        self.inconclusive(step, cause, detail);
    }

    /// Ends the recording. A step without a result is an internal error and therefore inconclusive.
    #[must_use]
    pub fn finish(self, duration: Duration) -> Attempt {
        let unresolved = || StepResult::Inconclusive {
            inconclusive: Inconclusive { cause: Cause::Internal, detail: Text::own("the step ended without a result") },
        };
        let redactor = self.redactor.as_ref();
        let steps = self
            .steps
            .into_iter()
            .map(|step| Step {
                subject: step.subject,
                name: step.name,
                started: step.started,
                duration_ms: millis(step.duration.unwrap_or_default()),
                result: step.result.map_or_else(unresolved, |result| result.masked(redactor)),
                assertions: step.assertions,
                exchanges: step.exchanges.iter().map(|exchange| exchange.masked(redactor)).collect(),
            })
            .collect();
        let measurements = self.measurements.iter().map(|measurement| measurement.masked(redactor)).collect();
        Attempt { started: self.started, duration_ms: millis(duration), steps, measurements }
    }
}

/// A duration in milliseconds, to the microsecond.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::redact::NoSecrets;

    fn mismatch() -> Mismatch {
        Mismatch::new(FailureKind::Assertion, "a list", "nothing")
    }

    /// Records the assertion `list` in a step, and returns its value with the recorded assertion and the step's result.
    fn recorded(ignoring: &[&str], outcome: Result<u8, Mismatch>) -> (Result<u8, StepEnded>, bool, &'static str) {
        let mut journey = Journey::new(Timestamp::UNIX_EPOCH, Arc::new(NoSecrets));
        journey.ignoring_assertions = ignoring.iter().map(|name| (*name).to_owned()).collect();
        let step = journey.begin(&Subject::whole(), "read", Timestamp::UNIX_EPOCH);
        let value = journey.assert_value(step, "list", outcome);
        let attempt = journey.finish(Duration::ZERO);
        (value, attempt.steps[0].assertions[0].held, attempt.steps[0].result.word())
    }

    #[test]
    fn missing_value_ends_the_step_even_if_it_is_ignored() {
        assert_eq!(recorded(&[], Err(mismatch())), (Err(StepEnded), false, "failed"));
        assert_eq!(recorded(&["status"], Err(mismatch())), (Err(StepEnded), false, "failed"));
        assert_eq!(recorded(&["list"], Err(mismatch())), (Err(StepEnded), true, "passed"));
        // The step goes on, so it has no result yet.
        assert_eq!(recorded(&[], Ok(7)), (Ok(7), true, "inconclusive"));
        assert_eq!(recorded(&["list"], Ok(7)), (Ok(7), true, "inconclusive"));
    }
}
