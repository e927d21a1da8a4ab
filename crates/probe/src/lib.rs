#![doc = include_str!("../README.md")]

mod client;
mod cookies;
mod dial;
mod egress;
mod error;
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
pub use redact::{Redactor, Strength};
pub use request::Request;
pub use reqwest::dns;
pub use response::Response;
pub use rustls::pki_types::CertificateDer;
pub use throttling::{Throttled, throttled};
pub use timing::{Now, Phase};
pub use tls::Tls;
pub use url::{Host, Url};
