#![doc = include_str!("../README.md")]

mod memory;
mod secrets;
mod store;

pub use history::AlarmState;
pub use memory::Memory;
pub use secrets::EnvironmentSecrets;
pub use store::{Hold, HoldError, Newest, OpenError, Store};
