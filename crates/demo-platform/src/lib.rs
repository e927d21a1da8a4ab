//! Just Driving's contract as a server, with faults that can be switched: the embedded stand-in of the platform, for the
//! demo, for tests and for the fault matrix.
//!
//! ```no_run
//! # async fn example() -> Result<(), demo_platform::StartError> {
//! use demo_platform::{DemoPlatform, Fault, Options};
//!
//! let platform = DemoPlatform::start(Options::default()).await?;
//! println!("{} (faults: {}/faults)", platform.base_url(), platform.admin_url());
//! platform.faults().activate(Fault::Maintenance);
//! platform.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! It answers as a Laravel 8 application behind nginx does, down to pretty-printed error JSON and what counts as a
//! browser. One module per area of the contract; what they share is in one `Platform`. What is assumed of the real
//! platform, and not documented by it or known of Laravel, is said to be where it is written.
//!
//! A second listener, on loopback only, switches faults and tells what was asked, see [`Running::admin_url`]:
//!
//! | request | answer |
//! |---|---|
//! | `GET /faults` | `{"active": [name], "known": [{"name", "description"}]}` |
//! | `PUT /faults/{name}` | activates it; 404 with the known names for an unknown one |
//! | `DELETE /faults/{name}`, `DELETE /faults` | clears one, or all |
//! | `GET /requests` | `{"counts": {"GET /login": 3}, "last": [request]}`, see [`Recorded`] |
//! | `DELETE /requests` | forgets them |

pub mod faults;
pub mod seed;

mod admin;
mod health;
mod html;
mod laravel;
mod listener;
mod pages;
mod platform;
mod requests;
mod schools;
mod server;
mod session;
mod status;

pub use faults::{Fault, Faults};
pub use platform::Clock;
pub use requests::{Recorded, RequestLog};
pub use server::{DemoPlatform, Options, Running, StartError};
