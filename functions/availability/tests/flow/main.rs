//! The flow in process, against real servers.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod certificates;
mod mutation;
mod retry_after;
