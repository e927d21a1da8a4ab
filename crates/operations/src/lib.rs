#![doc = include_str!("../README.md")]

pub mod amendment;
mod cadence;
pub mod checks;
pub mod cost;
pub mod doctor;
pub mod incident_review;
pub mod markdown;
mod monthly_cost;
pub mod mute_rules;
pub mod names;
pub mod samconfig;
pub mod secret_references;
pub mod settings_reference;
pub mod shipped_files;
pub mod thresholds;

pub use monthly_cost::monthly_cost;
