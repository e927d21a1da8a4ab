//! The recorder of one attempt: steps, their exchanges and assertions, measurements; and what follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metric::Measurement;
use crate::{Cause, Exchange, Failure, FailureKind, Inconclusive, Mismatch, Outcome, Subject};

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum StepResult {
    /// Everything held.
    Passed,
    /// The platform was wrong.
    Failed {
        /// How.
        failure: Failure,
    },
    /// It could not be told.
    Inconclusive {
        /// Why not.
        inconclusive: Inconclusive,
    },
    /// The platform is down on purpose.
    Maintenance {
        /// What showed it.
        detail: String,
    },
    /// Not done.
    Skipped {
        /// Why not.
        reason: String,
    },
}

impl StepResult {
    /// One word, for tables.
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
}

/// One named expectation and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// Its name, unique within the step.
    pub name: String,
    /// Whether it held.
    pub held: bool,
}

/// One step of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What in the check it is about.
    pub subject: Subject,
    /// Its name, unique within the subject.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// How it ended.
    #[serde(flatten)]
    pub result: StepResult,
    /// What was asserted, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<Assertion>,
    /// What went over the wire, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

/// One attempt of a run: the first, or the one that confirms a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it began.
    pub started: Timestamp,
    /// First to last step, in milliseconds.
    pub duration_ms: f64,
    /// What was done, in the order it began.
    pub steps: Vec<Step>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
}

/// What an attempt says about one subject.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It was examined and nothing was wrong.
    Healthy,
    /// Its first failure.
    Failing(Failure),
    /// It could not be told.
    Inconclusive(Inconclusive),
    /// The platform is down on purpose.
    Maintenance(String),
}

impl Attempt {
    /// What the steps say about each subject that was examined. A subject whose steps were all skipped has no verdict.
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

    /// The outcome over all subjects: a failure outweighs what could not be judged, that a maintenance, that a pass.
    /// An attempt in which nothing was examined could not judge.
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
                inconclusive: Inconclusive { cause: Cause::Internal, detail: "no step was done".to_owned() },
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

/// Names a step while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepId(usize);

/// Returned where the flow cannot go on; the reason is recorded already.
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

/// Records one attempt. Time is passed in.
///
/// The first result of a step stands: what comes after a failure cannot make it better.
pub struct Journey {
    started: Timestamp,
    steps: Vec<OpenStep>,
    measurements: Vec<Measurement>,
    ignoring_assertions: BTreeSet<String>,
}

impl Journey {
    /// Starts recording.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        Self { started, steps: Vec::new(), measurements: Vec::new(), ignoring_assertions: BTreeSet::new() }
    }

    /// A recorder that takes the named assertions as held, whatever was seen. For mutation controls: a test that still
    /// reports the fault does not depend on the assertion it claims to.
    #[cfg(feature = "mutation")]
    #[must_use]
    pub fn ignoring_assertions(mut self, assertions: impl IntoIterator<Item = String>) -> Self {
        self.ignoring_assertions.extend(assertions);
        self
    }

    /// A step begins.
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

    /// What went over the wire in a step.
    pub fn exchanges(&mut self, step: StepId, exchanges: impl IntoIterator<Item = Exchange>) {
        self.steps[step.0].exchanges.extend(exchanges);
    }

    /// Everything that went over the wire so far.
    pub fn all_exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps.iter().flat_map(|step| &step.exchanges)
    }

    /// Whether there is such a step.
    #[must_use]
    pub fn has(&self, subject: &Subject, name: &str) -> bool {
        self.steps.iter().any(|step| step.subject == *subject && step.name == name)
    }

    /// How a step ended; `None` while it runs.
    #[must_use]
    pub fn result(&self, step: StepId) -> Option<&StepResult> {
        self.steps[step.0].result.as_ref()
    }

    /// How the steps ended that did so far.
    pub fn results(&self) -> impl Iterator<Item = &StepResult> {
        self.steps.iter().filter_map(|step| step.result.as_ref())
    }

    /// Records a named assertion; a mismatch fails the step.
    ///
    /// # Errors
    /// [`StepEnded`] when it did not hold.
    pub fn assert(&mut self, step: StepId, name: &str, actual: Result<(), Mismatch>) -> Result<(), StepEnded> {
        let actual = if self.ignoring_assertions.contains(name) { Ok(()) } else { actual };
        let open = &mut self.steps[step.0];
        open.assertions.push(Assertion { name: name.to_owned(), held: actual.is_ok() });
        let Err(mismatch) = actual else { return Ok(()) };
        let failure = Failure::new(open.subject.clone(), open.name.clone(), mismatch);
        open.result.get_or_insert(StepResult::Failed { failure });
        Err(StepEnded)
    }

    /// The step could not be judged, is under maintenance, or was not done. Nothing happens when it has a result.
    pub fn settle(&mut self, step: StepId, result: StepResult) {
        self.steps[step.0].result.get_or_insert(result);
    }

    /// The step is over.
    pub fn end(&mut self, step: StepId, duration: Duration) {
        self.steps[step.0].duration.get_or_insert(duration);
    }

    /// Something was measured.
    pub fn measure(&mut self, measurement: Measurement) {
        self.measurements.push(measurement);
    }

    /// The attempt was cut off by its deadline: steps that still ran failed by it, each from its own start until now.
    pub fn interrupt(&mut self, deadline: Duration, now: Timestamp) {
        for step in self.steps.iter_mut().filter(|step| step.result.is_none()) {
            let ran = now.duration_since(step.started).try_into().unwrap_or_default();
            step.duration.get_or_insert(ran);
            let mismatch = Mismatch {
                kind: FailureKind::Timeout,
                expected: format!("done within the run's {} ms", deadline.as_millis()),
                actual: format!("still busy after {} ms in this step", ran.as_millis()),
                evidence: None,
            };
            let failure = Failure::new(step.subject.clone(), step.name.clone(), mismatch);
            step.result = Some(StepResult::Failed { failure });
        }
    }

    /// The attempt ended by our own fault. It is recorded as a step of the whole check, beside what was found so far.
    pub fn broke_down(&mut self, detail: String, now: Timestamp) {
        for step in self.steps.iter_mut().filter(|step| step.result.is_none()) {
            step.result = Some(StepResult::Skipped { reason: "the check broke down".to_owned() });
        }
        let step = self.begin(&Subject::whole(), "run", now);
        self.settle(step, StepResult::Inconclusive { inconclusive: Inconclusive { cause: Cause::Internal, detail } });
    }

    /// Stops recording. A step without a result is our own mistake, so it could not be judged.
    #[must_use]
    pub fn finish(self, duration: Duration) -> Attempt {
        let unresolved = || StepResult::Inconclusive {
            inconclusive: Inconclusive { cause: Cause::Internal, detail: "the step ended without a result".to_owned() },
        };
        let steps = self
            .steps
            .into_iter()
            .map(|step| Step {
                subject: step.subject,
                name: step.name,
                started: step.started,
                duration_ms: millis(step.duration.unwrap_or_default()),
                result: step.result.unwrap_or_else(unresolved),
                assertions: step.assertions,
                exchanges: step.exchanges,
            })
            .collect();
        Attempt { started: self.started, duration_ms: millis(duration), steps, measurements: self.measurements }
    }
}

/// A duration in milliseconds, to the microsecond.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
