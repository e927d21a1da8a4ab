#![doc = include_str!("../README.md")]

mod certificate;
mod expectation;
mod raw_expectation;
mod raw_request;
mod request_spec;

pub use certificate::certificate_lasts;
pub use expectation::{Assertion, Expectation, JsonExpectation};
pub use raw_expectation::RawExpectation;
pub use raw_request::{RawMethod, RawRequest, Source};
pub use request_spec::{Auth, RequestSpec};
pub use settings::RawReference;
