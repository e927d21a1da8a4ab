//! The client against real servers on the loopback: whole ones, broken ones and hostile ones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the servers and clients of tests are helpers outside tests"
)]

mod certificates;
mod egress;
mod exchanges;
mod failures;
mod limits;
mod phases;
mod redirects;
mod reference;
mod server;
mod sessions;
