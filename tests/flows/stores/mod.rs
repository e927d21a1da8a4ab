//! Databases and caches behind a proxy that replaces some of their answers.

mod front;
mod message;
mod mysql;
mod redis;
mod servers;
mod texts;

pub use front::Front;
pub use servers::{Addresses, Servers, Store};
