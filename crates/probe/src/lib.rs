//! HTTP as a monitor needs it: every exchange timed phase by phase, bounded in time and bytes, classified when it fails,
//! and redacted before anyone sees it.
//!
//! [`Client`] sends a [`Request`] and hands back [`Sent`]: what happened on the wire, hop by hop, and the [`Response`] or
//! the [`Error`]. [`expect`] turns a response into a verdict, [`Maintenance`] tells a platform that was taken down on
//! purpose from one that is broken, and [`Redactor`] keeps secrets out of every text. Nothing is retried.
//!
//! [`Client::dial`] connects to what speaks no HTTP, within the same fence.
//!
//! [`Session`] is what a browser keeps between requests to a Laravel application: cookies and the CSRF token, or a bearer
//! token; [`Totp`] makes the codes of a second factor.
//!
//! The wall clock is taken through the function given to [`Client::new`] only, certificate verification included;
//! durations are monotonic.

mod client;
mod cookies;
mod dial;
mod egress;
mod error;
mod excerpt;
pub mod expect;
mod fault;
mod form;
mod html;
mod json;
mod laravel;
mod maintenance;
mod redact;
mod redirect;
mod request;
mod response;
mod session;
mod timing;
mod tls;
mod totp;

pub use bytes::Bytes;
pub use client::{Client, Connections, Identity, Now, Sent};
pub use cookies::Cookies;
pub use dial::{Duplex, HostPort};
pub use egress::{EgressPolicy, Refused, SPECIAL, special};
pub use error::Error;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
pub use laravel::{Throttled, server_message, throttled};
pub use maintenance::{Maintenance, is_maintenance};
pub use redact::Redactor;
pub use request::Request;
pub use reqwest::dns;
pub use response::Response;
pub use rustls::pki_types::CertificateDer;
pub use session::{Csrf, Session};
pub use timing::Phase;
pub use tls::Tls;
pub use totp::{Totp, TotpError};
pub use url::{Host, Url};
