//! The client against real servers on the loopback: whole ones, broken ones and hostile ones.

mod exchanges;
mod failures;
mod limits;
mod phases;
mod redirects;
mod server;
