#![doc = include_str!("../README.md")]

pub mod budget;
mod catalogue;
pub mod incident;
pub mod message;
mod model;
mod report;

pub mod metric {
    //! The catalogue of metrics, with their names, units, meanings and owners.

    pub use crate::catalogue::*;
    pub use crate::model::Measurement;
}

pub use model::*;
pub use report::Report;
