//! Domain types of synthetic monitoring, the step recorder, the incident decision and the notification texts.
//!
//! Everything here is pure: callers pass the time in, and nothing is read or written.

mod catalogue;
pub mod incident;
pub mod message;
mod model;
mod report;

pub mod metric {
    //! The catalogue of metrics, with their names, units, meanings and owners.

    pub use crate::catalogue::*;
}

pub use model::*;
pub use report::Report;
