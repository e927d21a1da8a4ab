//! Model of a run: its identity, steps, evidence and outcome.

mod clean;
mod exchange;
mod gate;
mod journey;
mod kind;
mod measurement;
mod mismatch;
mod outcome;
mod phrase;
mod redact;
mod run;
mod subject;
pub mod text;

pub use clean::{clean, is_interpreted, printable};
pub use exchange::{Certificate, Exchange, Phases, TlsEvidence};
pub use gate::Text;
pub use journey::{Assertion, Attempt, Journey, Step, StepEnded, StepId, StepResult, Verdict, millis};
pub use kind::FailureKind;
pub use measurement::Measurement;
pub use mismatch::Mismatch;
pub use outcome::{Cause, Failure, Inconclusive, Outcome, Refusal};
pub use phrase::{Phrase, Piece, foreign, foreign_around, ours};
pub use redact::{Cut, NoSecrets, Redact};
pub use run::{Leftover, RunKey, Shard};
pub use subject::{InvalidSubject, Subject};
