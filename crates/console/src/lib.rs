#![doc = include_str!("../README.md")]

mod actions;
mod alarm_row;
mod assets;
mod breakdown;
mod chart;
mod closed;
mod demo;
mod guard;
mod health;
mod live;
mod memo;
mod pages;
mod prometheus;
mod review;
mod runbook;
mod server;
mod shell;
mod shown;
mod source;
mod standing;
mod status;
mod status_settings;
mod strip;
mod words;

pub use actions::{Actions, AlarmMutes};
pub use demo::{Fault, Faults};
pub use guard::Guard;
pub use memo::OncePerMinute;
pub use review::review_report;
pub use server::serve;
pub use source::{Live, Monitored, Shown, Source};
pub use status::{status_files, status_schema};
pub use status_settings::StatusSettings;
