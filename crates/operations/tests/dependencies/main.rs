//! Checks that need `login`: what is notified while it fails, on the demo platform and stored state.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken setup ends the test")]

mod declared;
mod own_failures;
mod together;
mod world;
