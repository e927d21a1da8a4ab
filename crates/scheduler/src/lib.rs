#![doc = include_str!("../README.md")]

mod alarms;
mod board;
mod deliveries;
mod event;
mod events;
mod fleet;
mod job;
mod minutes;
mod plan;
mod run_now;
mod runner;
mod ticks;

pub use alarms::{AlarmChange, AlarmWatch};
pub use board::{Board, Standing};
pub use deliveries::{Deliveries, Rules, Sns};
pub use event::{Event, Missed};
pub use fleet::Fleet;
pub use plan::{Order, Plan};
pub use run_now::RunNow;
pub use runner::{Loss, Ran, Runner};
