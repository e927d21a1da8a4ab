//! The ports on CloudWatch, DynamoDB, SNS and SSM, and the handler that every function shares.

mod clients;
mod clock;
mod handler;
mod log;
mod metrics;
mod mute_rules;
mod notifier;
mod record;
mod secrets;
mod state;

pub use handler::{Error, run};
pub use log::run_line;
pub use mute_rules::{MuteRule, MuteRules};
pub use notifier::Topics;
pub use secrets::ParameterStore;
pub use state::Table;
