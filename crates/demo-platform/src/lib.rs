#![doc = include_str!("../README.md")]

pub mod faults;
pub mod seed;

mod admin;
mod answers;
mod layers;
mod listener;
mod names;
mod options;
mod partners;
mod platform;
mod routes;
mod server;
mod state;
mod stores;

pub use faults::{Fault, Faults};
pub use names::Flavour;
pub use options::{Clock, Options};
pub use server::{DemoPlatform, Running, StartError};
pub use state::request_log::{Recorded, RequestLog};
pub use state::throttle::Throttle;
