//! Sessions of users against servers on the loopback interface.

#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking")]

mod server;
mod sessions;
