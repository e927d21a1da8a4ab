//! The platform's data. No module here knows the platform, its routes or its answers.

pub(crate) mod accounts;
pub(crate) mod bookings;
pub(crate) mod chance;
pub(crate) mod counters;
pub(crate) mod finance;
pub(crate) mod notifications;
pub(crate) mod request_log;
pub(crate) mod session;
pub(crate) mod throttle;
pub(crate) mod work;

/// Prefix of the marker that identifies data of synthetic traffic.
pub(crate) const MARKER: &str = "synthetic:";
