//! Middleware, which handles a request before its route and the answer after it.

pub(crate) mod caller;
pub(crate) mod faults;
pub(crate) mod finish;
pub(crate) mod pages;
pub(crate) mod record;
