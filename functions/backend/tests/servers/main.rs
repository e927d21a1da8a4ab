//! The check against MariaDB and Redis from Debian's packages, on loopback. Each test starts its own servers.
//!
//! The servers use real time, so some of these tests wait a few seconds.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod cache;
mod database;
mod encrypted;
mod replica;
mod start;
mod world;
