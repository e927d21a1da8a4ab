#![doc = include_str!("../README.md")]

mod assets;
mod auth;
mod body;
mod certificate;
mod client_certificate;
mod expectation;
mod headers;
mod json_expectation;
mod labels;
mod oauth2;
mod pattern;
mod pool;
mod raw_expectation;
mod raw_request;
mod request_spec;
mod source;
mod statuses;
mod texts;

pub use auth::{Auth, RawAuth};
pub use body::{Body, RawBody};
pub use certificate::certificate_lasts;
pub use client_certificate::{ClientCertificate, RawClientCertificate};
pub use expectation::{Assertion, Expectation, Protocol};
pub use json_expectation::{JsonExpectation, JsonType};
pub use labels::Labels;
pub use oauth2::Oauth2;
pub use pattern::Pattern;
pub use pool::Pool;
pub use raw_expectation::RawExpectation;
pub use raw_request::{RawMethod, RawRequest};
pub use request_spec::{RequestSpec, Transmission};
pub use settings::RawReference;
pub use source::Source;
pub use statuses::{ExpectedStatuses, RawStatus};
pub use texts::Place;
