//! Settings: one TOML file per environment.
//!
//! A file is read into plain structs and then converted into types without wrong values. All problems found
//! on the way are reported, not only the first.

mod account;
mod checked;
mod common;
mod document;
mod effective;
mod incidents;
mod lenient;
mod links;
mod names;
mod network;
mod notification;
mod operations;
mod payments;
mod platform;
mod section;
mod times;
mod values;
mod windows;

pub use account::{Counting, Credentials, RawCounting, RawCredentials};
pub use common::{Common, RunSettings};
pub use document::{Document, Problem, replaced};
pub use effective::{schema, schema_of};
pub use links::LinkTemplates;
pub use names::{nearest, unknown};
pub use network::Network;
pub use notification::Notification;
pub use operations::{Health, Horizon, Job};
pub use payments::{Invoice, Payment, SchoolPayments, Webhook};
pub use platform::{Booking, Encoding, Mode, Platform};
pub use section::Section;
pub use times::{Times, Written};
pub use values::{SecretRef, written_duration, written_id};
pub use windows::{When, Window};
