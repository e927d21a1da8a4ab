#![doc = include_str!("../README.md")]

mod memory;
mod secrets;
mod store;

pub use memory::Memory;
pub use secrets::EnvironmentSecrets;
pub use store::{AlarmChange, AlarmState, Hold, HoldError, Newest, OpenError, Store};
