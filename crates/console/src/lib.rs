#![doc = include_str!("../README.md")]

mod alarm_row;
mod assets;
mod chart;
mod guard;
mod health;
mod live;
mod pages;
mod prometheus;
mod runbook;
mod server;
mod shell;
mod shown;
mod source;
mod standing;
mod status;
mod status_settings;
mod words;

pub use guard::Guard;
pub use server::serve;
pub use source::{Live, Monitored, Shown, Source};
pub use status::{status_files, status_schema};
pub use status_settings::StatusSettings;
