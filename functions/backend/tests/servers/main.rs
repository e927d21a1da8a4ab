//! The check against real servers: MariaDB and Redis of Debian's packages, on loopback, each test with its own.
//!
//! Time is the servers' own here, so some of these tests wait for it, a second or two.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod cache;
mod database;
mod encrypted;
mod mariadb;
mod redis;
mod replica;
mod world;
