#![doc = include_str!("../README.md")]
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod alarm_events;
mod alarms;
mod browser;
mod calls;
mod console;
mod deployed;
mod doctor;
mod emulator;
mod guide;
mod history;
mod incidents;
mod kills;
#[path = "../leak_search.rs"]
mod leak_search;
mod leaks;
mod many;
mod matrix;
mod mirror;
mod misconfiguration;
mod mute_rules;
mod mutes;
mod order;
mod own_faults;
mod privileges;
mod review;
mod runs;
mod runtime_api;
mod secrets;
mod state_table;
mod store;
mod termination;
mod up;
mod world;
