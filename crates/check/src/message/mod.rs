//! Messages: one notification about incidents, and what people and programs read of it.

mod compose;
mod notification;
mod text;

pub use compose::{Context, compose};
pub use notification::{Contact, Event, Links, Notification, StepLine, SubjectReport, Topic};
pub use text::{email, sms, subject_line};
