//! Tests of the client against real servers on the loopback interface: correct, broken and hostile ones.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test helpers fail by panicking")]

mod certificates;
mod egress;
mod exchanges;
mod failures;
mod limits;
mod phases;
mod redirects;
mod reference;
mod server;
