//! Redis and MySQL clients for checks: subject to the egress policy, bounded in time and bytes, with classified failures
//! that are recorded in the current step.
//!
//! The protocols come from established libraries; this crate adds what monitoring needs.

mod line;
mod mysql;
mod redis;
mod settings;

pub use self::mysql::{Database, Row};
pub use self::redis::{Redis, Reply, info};
pub use self::settings::{RawStore, Store};
pub use ::redis::{Pipeline, Value, pipe};
