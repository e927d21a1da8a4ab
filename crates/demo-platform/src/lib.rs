//! The demo platform: an embedded server that implements Just Driving's contract, with faults to switch on and off. The demo,
//! the tests and the fault matrix use it.
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
//! It behaves like a Laravel 8 application behind nginx, including pretty-printed JSON errors and Laravel's rules for what
//! counts as a browser. Each area of the contract is one module; shared state is in `Platform`. Module docs start with
//! "Assumed" where the behaviour of the real platform is neither documented nor known from Laravel.
//!
//! Clients log in by session or bearer token with the accounts of [`seed::Seed`] and the passwords, seeds and tokens from
//! [`Running::credentials`]. These secrets are generated at each start; the source contains none. [`Flavour`] gives the same
//! application other names.
//!
//! The database and the cache, a minimal MySQL and a minimal Redis server, listen on their own ports, see
//! [`Running::addresses`].
//!
//! The admin endpoint, on loopback only, switches faults and reports the recorded requests, see [`Running::admin_url`]:
//!
//! | request | answer |
//! |---|---|
//! | `GET /faults` | `{"active": [name], "known": [{"name", "description"}]}` |
//! | `PUT /faults/{name}` | activates a fault; 404 with the known names for an unknown one |
//! | `DELETE /faults/{name}`, `DELETE /faults` | clears one fault, or all |
//! | `GET /leftovers` | `{"leftovers": ["booking 9001 …"]}`: synthetic data that was not removed |
//! | `GET /requests` | `{"counts": {"GET /login": 3}, "last": [request]}`, see [`Recorded`] |
//! | `DELETE /requests` | clears the record |

pub mod faults;
pub mod seed;

mod admin;
mod answers;
mod layers;
mod listener;
mod names;
mod options;
mod partners;
mod platform;
mod routes;
mod server;
mod state;
mod stores;

pub use faults::{Fault, Faults};
pub use names::Flavour;
pub use options::{Clock, Options};
pub use server::{DemoPlatform, Running, StartError};
pub use state::request_log::{Recorded, RequestLog};
pub use state::throttle::Throttle;
