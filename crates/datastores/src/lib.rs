#![doc = include_str!("../README.md")]

mod mysql;
mod mysql_connection;
mod redis;
mod redis_connection;
mod settings;

pub use self::mysql::{Database, Row, number};
pub use self::redis::{Redis, Reply, info};
pub use self::settings::{RawStore, Store};
pub use ::redis::{Pipeline, Value, pipe};
