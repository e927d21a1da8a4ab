//! The flow against real Redis servers with Laravel's layout. They listen on loopback, write below `target/` and end with
//! their test. `cargo xtask test` installs the server.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod cluster;
mod endings;
mod large;
mod redis_server;
mod states;
mod world;
