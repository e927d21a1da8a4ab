//! For tests: servers that misbehave as scripted, and certificates with one defect each.
//!
//! The crate does not use the probe, so that it can test the probe independently.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot continue panics")]

mod authority;
mod server;

pub use authority::{Authority, self_signed};
pub use server::{Action, ConnectionBehavior, Server, answer, compressed, ok, send};
