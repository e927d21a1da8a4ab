#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot continue panics")]

mod authority;
mod server;

pub use authority::{Authority, Limit, Oddity, OwnSigned, own_signed, self_signed, self_signed_unnamed};
pub use server::{Action, ConnectionBehavior, Server, answer, compressed, endless_gzip, ok, play, send};
