//! The flow against real Redis servers, in Laravel's own layout: on loopback, with what they write below `target/`, and ended
//! with the test. `cargo xtask test` installs them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod cluster;
mod endings;
mod large;
mod redis_server;
mod states;
mod world;
