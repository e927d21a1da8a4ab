#![doc = include_str!("../README.md")]

mod clock;
mod handler;
mod log;
mod shorten;

pub use handler::{Error, run};
pub use log::run_line;
