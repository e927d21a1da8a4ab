//! For tests: servers that misbehave as a script says, and certificates that are wrong in one way each.
//!
//! It knows nothing of the probe, so that it can contradict it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod authority;
mod server;

pub use authority::{Authority, self_signed};
pub use server::{Act, How, Server, answer, compressed, ok, send};
