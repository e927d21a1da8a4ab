//! Habits of a Laravel application: CSRF tokens, error messages, maintenance mode.

mod csrf_session;
mod maintenance;
mod messages;

pub use csrf_session::{Csrf, Session};
pub(crate) use maintenance::maintenance;
pub use messages::server_message;
