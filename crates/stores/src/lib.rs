//! Redis and MySQL as checks read them: within the fence, bounded in time and bytes, and classified when they fail. What goes
//! wrong is recorded in the step that asked.
//!
//! The clients are well-kept libraries; what is here is what a monitor adds to them.

mod line;
mod mysql;
mod redis;
mod settings;

pub use self::mysql::{Database, Row};
pub use self::redis::{Redis, Reply, info};
pub use self::settings::{RawStore, Store};
pub use ::redis::{Pipeline, Value, pipe};
