//! Operators' access to state, incident records, mute rules and history, and reads of everything else in the account. No function contains it.

mod api;
mod config;
mod history;
mod marks;
mod mute_rules;
mod notifier;
mod record;
mod state;

pub use api::{Api, READS, Reads, Refused};
pub use config::NoAccess;
pub(crate) use config::config;
pub use history::{Deployed, DeployedHistory};
pub use mute_rules::MuteRules;
pub use notifier::{OperatorTopics, notifier};
