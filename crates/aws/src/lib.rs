#![doc = include_str!("../README.md")]

mod adapters;
mod clients;
mod metrics;
mod mute_rules;
mod notifier;
mod record;
mod secrets;
mod state;

pub use adapters::Adapters;
pub use mute_rules::{MuteRule, MuteRules};
pub use notifier::Topics;
pub use state::Table;
