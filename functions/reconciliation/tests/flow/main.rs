//! In-process tests of the flow against the demo platform.

#![expect(clippy::panic, reason = "a failed assumption fails the test")]

mod endings;
mod flavours;
mod many;
mod mutation;
mod settings;
mod stripe_library;
