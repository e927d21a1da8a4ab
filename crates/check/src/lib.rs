//! The words of synthetic monitoring as types.

mod exchange;
mod kind;
mod mismatch;

pub use exchange::{Exchange, Phases};
pub use kind::FailureKind;
pub use mismatch::Mismatch;
