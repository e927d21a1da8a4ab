//! The flow in process, against the demo platform.

#![expect(clippy::panic, reason = "a test that cannot go on ends")]

mod endings;
mod flavours;
mod many;
mod mutation;
mod settings;
mod stripe_library;
