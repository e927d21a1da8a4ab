//! The ports on one machine: state, metrics and messages in memory, secrets from the environment.
//!
//! They keep the same rules as their AWS peers: a commit is conditional, an outbox is cleared only of what was sent.

mod memory;
mod secrets;

pub use memory::Memory;
pub use secrets::EnvironmentSecrets;
