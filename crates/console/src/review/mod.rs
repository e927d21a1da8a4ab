//! The review of the last weeks, as a page and as a file.

mod alarm_card;
mod axis;
mod changes;
mod firing_strip;
mod headroom_bar;
mod page;
mod projection_chart;
mod report;
mod runs;
mod summary;
mod trends;
mod unknown;
mod view;
mod week_chart;

pub(crate) use page::{review_page, start_review};
pub use report::review_report;
pub(crate) use runs::Reviews;
