//! Operators' access to state, incident records and mute rules. No function contains it.

mod config;
mod mute_rules;
mod record;
mod state;

pub use config::NoAccess;
pub(crate) use config::config;
pub use mute_rules::MuteRules;
