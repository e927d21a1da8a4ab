#![doc = include_str!("../README.md")]

mod memory;
mod secrets;

pub use memory::Memory;
pub use secrets::EnvironmentSecrets;
