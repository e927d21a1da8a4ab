#![doc = include_str!("../README.md")]
#![expect(clippy::panic, reason = "a violated property ends the run")]

mod answers;
mod events;
mod settings;

pub use self::settings::settings;
pub use answers::{assertions, form_token, json_pointers};
pub use events::events;

/// Property of arbitrary bytes.
pub type Property = fn(&[u8]);

/// All properties, by name.
pub const TARGETS: [(&str, Property); 5] = [
    ("settings", settings),
    ("events", events),
    ("form_token", form_token),
    ("json_pointers", json_pointers),
    ("assertions", assertions),
];
