//! The ports on one machine: state, metrics and messages in memory, secrets from the environment.
//!
//! They follow the same rules as their AWS peers: commits are conditional, and only sent messages leave the outbox.

mod memory;
mod secrets;

pub use memory::Memory;
pub use secrets::EnvironmentSecrets;
