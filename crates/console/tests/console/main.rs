//! The console as a browser reaches it: over HTTP, on a store.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod pages;
mod review;
mod world;
