//! Real servers for tests: programs of Debian packages on loopback, and a proxy between them and a check.

mod process;
mod proxy;

pub use process::{Folder, Server, address, free_port, program};
pub use proxy::Proxy;
