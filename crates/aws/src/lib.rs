#![doc = include_str!("../README.md")]

mod adapters;
mod clients;
mod item;
mod metrics;
mod notifier;
#[cfg(feature = "operator")]
mod operator;
mod record;
mod secrets;
mod state;

pub use adapters::Adapters;
pub use notifier::Topics;
#[cfg(feature = "operator")]
pub use operator::{
    Api, Deployed, DeployedHistory, MuteRules, NoAccess, OperatorTopics, READS, Reads, Refused,
    notifier as operator_notifier,
};
#[cfg(feature = "operator")]
pub use secrets::ParameterStore;
#[cfg(feature = "operator")]
pub use state::Table;
