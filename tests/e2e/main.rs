//! End to end: real binaries, a real Runtime API, an AWS emulator, the demo platform.
//!
//! `cargo xtask test build e2e` builds what these tests deploy and runs them.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod alarm_events;
mod alarms;
mod calls;
mod deployed;
mod emulator;
mod incidents;
mod kills;
mod leaks;
mod many;
mod matrix;
mod mirror;
mod misconfiguration;
mod mute_rules;
mod mutes;
mod order;
mod privileges;
mod runs;
mod runtime_api;
mod secrets;
mod world;
