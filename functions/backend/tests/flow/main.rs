//! The flow in process, against the demo platform's stores.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod endings;
mod mutation;
