//! For tests: what must hold of whatever stands in settings, events, pages and JSON. Each function takes bytes and panics
//! when it does not hold; the fuzzer (`cargo xtask fuzz`) and short property tests feed them.

#![expect(clippy::panic, reason = "a property that does not hold ends the run")]

mod answers;
mod events;
mod settings;

pub use answers::{assertions, form_token, json_pointers};
pub use events::events;
pub use settings::settings;

/// What must hold of some bytes.
pub type Property = fn(&[u8]);

/// All of them, by name.
pub const TARGETS: [(&str, Property); 5] = [
    ("settings", settings),
    ("events", events),
    ("form_token", form_token),
    ("json_pointers", json_pointers),
    ("assertions", assertions),
];

/// The first line, and what comes after it: two inputs in one.
fn halves(data: &[u8]) -> (String, &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (String::from_utf8_lossy(&data[..end]).into_owned(), data.get(end + 1..).unwrap_or_default())
}
