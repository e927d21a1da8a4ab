//! HTTP for monitoring: every exchange is timed by phase, bounded in time and bytes, classified when it fails, and redacted
//! before it leaves the crate.
//!
//! [`Client`] sends a [`Request`] and returns [`Sent`]: the exchanges, hop by hop, and the [`Response`] or the [`Error`].
//! [`expect`] checks a response, [`Maintenance`] distinguishes maintenance mode from a broken platform, and [`Redactor`]
//! masks secrets in every text. Nothing is retried.
//!
//! [`Client::dial`] opens connections for other protocols, under the same egress policy.
//!
//! The wall clock comes only from the function passed to [`Client::new`], also for verifying certificates. Durations are
//! monotonic.

mod client;
mod cookies;
mod dial;
mod egress;
mod error;
mod excerpt;
pub mod expect;
mod fault;
mod form;
mod handshake;
mod html;
mod json;
mod maintenance;
mod redact;
mod redirect;
mod request;
mod response;
mod throttling;
mod timing;
mod tls;

pub use bytes::Bytes;
pub use client::{Client, Connections, Identity, Sent};
pub use cookies::Cookies;
pub use dial::{Duplex, HostPort};
pub use egress::{EgressPolicy, Refused, SPECIAL, special};
pub use error::Error;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
pub use maintenance::{Maintenance, is_maintenance};
pub use redact::Redactor;
pub use request::Request;
pub use reqwest::dns;
pub use response::Response;
pub use rustls::pki_types::CertificateDer;
pub use throttling::{Throttled, throttled};
pub use timing::{Now, Phase};
pub use tls::Tls;
pub use url::{Host, Url};
