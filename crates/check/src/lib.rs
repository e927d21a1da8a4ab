//! Domain types of synthetic monitoring, the step recorder, the incident decision and the notification texts.
//!
//! Everything here is pure: callers pass the time in, and nothing is read or written.

mod exchange;
pub mod incident;
mod journey;
mod kind;
pub mod message;
pub mod metric;
mod mismatch;
mod outcome;
mod run;
mod subject;
pub mod text;

pub use exchange::{Certificate, Exchange, Phases, TlsEvidence};
pub use journey::{Assertion, Attempt, Journey, Step, StepEnded, StepId, StepResult, Verdict, millis};
pub use kind::FailureKind;
pub use mismatch::Mismatch;
pub use outcome::{Cause, Failure, Inconclusive, Outcome, Refusal};
pub use run::{Leftover, Report, RunKey, Shard};
pub use subject::{InvalidSubject, Subject};
