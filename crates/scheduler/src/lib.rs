#![doc = include_str!("../README.md")]

mod alarm_text;
mod alarms;
mod board;
mod command;
mod deliveries;
mod event;
mod events;
mod fleet;
mod job;
mod minutes;
mod plan;
mod run_now;
mod runner;
mod store_file;
mod ticks;

pub use alarms::{AlarmChange, AlarmWatch};
pub use board::{Board, Standing};
pub use deliveries::{Deliveries, Rules, Sns};
pub use event::{Event, Missed};
pub use fleet::Fleet;
pub use plan::{Order, Plan};
pub use run_now::RunNow;
pub use runner::{Loss, Ran, Runner};
