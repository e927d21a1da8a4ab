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
//! One can log in, by session or by bearer token, with the accounts of [`seed::Seed`] and the passwords, seeds and tokens
//! that [`Running::credentials`] hands out: they are drawn at each start, and the source holds none. [`Flavour`] gives the
//! same application other names.
//!
//! Its database and its cache, a tiny MySQL and a tiny Redis, listen on ports of their own, see [`Running::addresses`].
//!
//! A last listener, on loopback only, switches faults and tells what was asked, see [`Running::admin_url`]:
//!
//! | request | answer |
//! |---|---|
//! | `GET /faults` | `{"active": [name], "known": [{"name", "description"}]}` |
//! | `PUT /faults/{name}` | activates it; 404 with the known names for an unknown one |
//! | `DELETE /faults/{name}`, `DELETE /faults` | clears one, or all |
//! | `GET /left-behind` | `{"leftovers": ["booking 9001 …"]}`: what synthetic traffic made and nothing undid |
//! | `GET /requests` | `{"counts": {"GET /login": 3}, "last": [request]}`, see [`Recorded`] |
//! | `DELETE /requests` | forgets them |

pub mod faults;
pub mod seed;

mod accounts;
mod admin;
mod auth;
mod bookings;
mod chance;
mod dialect;
mod finance;
mod health;
mod html;
mod laravel;
mod listener;
mod names;
mod notifications;
mod ops;
mod pages;
mod partners;
mod payments;
mod platform;
mod providers;
mod requests;
mod schools;
mod server;
mod session;
mod status;
mod stores;
mod throttle;
mod visitor;
mod work;

pub use faults::{Fault, Faults};
pub use names::Flavour;
pub use platform::Clock;
pub use requests::{Recorded, RequestLog};
pub use server::{DemoPlatform, Options, Running, StartError};
pub use throttle::Throttle;
