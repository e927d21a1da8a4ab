//! Messages: one notification about incidents, and its texts for people and programs.

mod chat;
mod compose;
mod notification;
mod owners;
mod text;

pub use chat::chat;
pub use compose::{Context, compose};
pub use notification::{
    Contact, Event, InconclusiveReport, Links, Notification, Owner, StepLine, SubjectReport, Topic, notification_id,
};
pub use text::{email, sms, span, subject_line};
