//! Messages: one notification about incidents, and its texts for people and programs.

mod chat;
mod compose;
mod lines;
mod notification;
mod owners;
mod test_message;
mod wording;

pub use crate::incident::event::Event;

pub use chat::chat;
pub use compose::{Context, compose};
pub use notification::{
    Contact, InconclusiveReport, Links, Machine, Notification, Owner, StepLine, SubjectReport, Topic,
};
pub use wording::{budget_text, email, sms, span, subject_line};
