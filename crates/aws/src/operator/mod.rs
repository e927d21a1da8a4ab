//! Operators' access to state, incident records and mute rules, and reads of everything else in the account. No function contains it.

mod api;
mod config;
mod marks;
mod mute_rules;
mod notifier;
mod record;
mod state;

pub use api::{Api, READS, Reads, Refused};
pub use config::NoAccess;
pub(crate) use config::config;
pub use mute_rules::MuteRules;
pub use notifier::{OperatorTopics, notifier};
