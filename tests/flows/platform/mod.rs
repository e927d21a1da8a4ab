//! The platform behind a server that replaces some of its answers.

mod answer;
mod front;
mod script;

pub use answer::Answer;
pub use front::{alone, request, start};
