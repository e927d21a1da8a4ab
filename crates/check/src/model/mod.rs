//! Model of a run: its identity, steps, evidence and outcome.

mod exchange;
mod journey;
mod kind;
mod mismatch;
mod outcome;
mod redact;
mod run;
mod subject;
pub mod text;

pub use exchange::{Certificate, Exchange, Phases, TlsEvidence};
pub use journey::{Assertion, Attempt, Journey, Step, StepEnded, StepId, StepResult, Verdict, millis};
pub use kind::FailureKind;
pub use mismatch::Mismatch;
pub use outcome::{Cause, Failure, Inconclusive, Outcome, Refusal};
pub use redact::{Cut, Redact};
pub use run::{Leftover, RunKey, Shard};
pub use subject::{InvalidSubject, Subject};
