//! Real servers for tests: programs of Debian's packages on loopback, and what stands between them and a check.

mod process;
mod proxy;

pub use process::{Folder, Server, address, free_port, program};
pub use proxy::Proxy;
