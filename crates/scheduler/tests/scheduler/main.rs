//! Tests of the public interface.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod alarms;
mod cadence;
mod deliveries;
