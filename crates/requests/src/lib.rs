#![doc = include_str!("../README.md")]

mod body;
mod certificate;
mod expectation;
mod headers;
mod json_expectation;
mod pattern;
mod raw_expectation;
mod raw_request;
mod request_spec;
mod source;
mod statuses;

pub use body::{Body, RawBody};
pub use certificate::certificate_lasts;
pub use expectation::{Assertion, Expectation, Protocol};
pub use json_expectation::{JsonExpectation, JsonType};
pub use pattern::Pattern;
pub use raw_expectation::RawExpectation;
pub use raw_request::{RawMethod, RawRequest};
pub use request_spec::{Auth, RequestSpec, Transmission};
pub use settings::RawReference;
pub use source::Source;
pub use statuses::{ExpectedStatuses, RawStatus};
