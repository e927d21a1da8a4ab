//! The console as a browser reaches it: over HTTP, on a store.

mod pages;
mod world;
