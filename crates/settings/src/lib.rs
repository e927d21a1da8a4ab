#![doc = include_str!("../README.md")]

mod check_settings;
mod checked_values;
mod contract;
mod destinations;
mod document;
mod files;
mod hosts;
mod incidents;
mod lenient;
mod links;
mod names;
mod network;
mod objectives;
mod problem;
mod retention;
mod schema;
mod section;
mod shared;
mod status_page;
mod texts;
mod tokens;
mod type_schema;
mod values;
mod windows;

pub use check_settings::{CheckLimits, CheckSettings};
pub use checked_values::{
    CookieName, Digits, HeaderName, Name, Path, Period, PlainHeaderName, Pointer, Statuses, TimeZone,
    check_header_name, check_id, check_path, check_pointer, is_credential_header,
};
pub use contract::{Contract, Contradiction, Shared, SharedSection};
pub use destinations::{Destination, DestinationKind};
pub use document::{Document, replaced};
pub use hosts::check_requestable;
pub use links::LinkTemplates;
pub use names::{near, suggestion, unknown};
pub use network::Network;
pub use problem::{Problem, listed};
pub use retention::Retention;
pub use schema::{EVERY_CHECK, check_schema, reference_schema, schema};
pub use section::{Section, optional};
pub use shared::{Common, RunSettings};
pub use status_page::{Service, ServiceGroup, StatusPage};
pub use type_schema::type_schema;
pub use values::{RawDuration, RawId, RawReference, SecretRef, parse_duration, written_duration, written_id};
pub use windows::{When, Window};
