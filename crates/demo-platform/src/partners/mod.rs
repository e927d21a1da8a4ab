//! Servers of third parties, below `/_partners`. They have a separate key. Of the platform's faults, only
//! [`Fault::Down`](crate::Fault::Down) affects them.

pub(crate) mod availability;
mod keys;
pub(crate) mod messages;
pub(crate) mod stripe;
