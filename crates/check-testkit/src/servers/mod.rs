//! Real servers for tests: programs of Debian packages on loopback, and a proxy between them and a check.

mod mariadb;
mod process;
mod proxy;
mod redis;

pub use mariadb::MariaDb;
pub use process::{Folder, Server, address, free_port, program};
pub use proxy::Proxy;
pub use redis::Redis;
