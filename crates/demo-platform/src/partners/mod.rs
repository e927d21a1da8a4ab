//! Servers of third parties, below `/_partners`. They have a separate key, and faults of the platform do not affect them.

pub(crate) mod availability;
pub(crate) mod messages;
