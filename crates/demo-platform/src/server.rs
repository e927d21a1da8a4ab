//! Starts and stops the platform and its admin endpoint.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::accounts::Accounts;
use crate::bookings::Bookings;
use crate::faults::{CatalogueError, Faults, act, catalogue};
use crate::finance::Finance;
use crate::names::Flavour;
use crate::notifications::Notifications;
use crate::ops::Counters;
use crate::platform::{Clock, Platform};
use crate::requests::{self, RequestLog};
use crate::seed::Seed;
use crate::session::Sessions;
use crate::stores::{self, Store};
use crate::throttle::{Limiter, Throttle};
use crate::work::Work;
use crate::{
    admin, auth, bookings, finance, health, laravel, listener, notifications, ops, pages, partners, payments,
    providers, schools, status, visitor, work,
};

/// What the platform starts with.
pub struct Options {
    /// Where it listens; port 0 is any free one. Default: `127.0.0.1:0`.
    pub address: SocketAddr,
    /// The port of the admin endpoint on 127.0.0.1; 0 is any free one. Default: 0.
    pub admin_port: u16,
    /// Its data. Default: [`Seed::default`].
    pub seed: Seed,
    /// Its wall clock. Default: the system's.
    pub clock: Clock,
    /// By how much the fault `slow` delays an answer. Default: 2.5 s.
    pub slow_delay: Duration,
    /// How long what is late takes with the faults `email-late`, `sms-late` and `job-late`. Default: 15 s.
    pub late_by: SignedDuration,
    /// How long an event waits in the queue with the fault `webhook-slow`. Default: 3.5 s.
    pub webhook_wait: SignedDuration,
    /// The limit on log-ins, and on the codes after them, by e-mail. Default: 5 a minute, successful ones too.
    pub login_throttle: Throttle,
    /// For how long a code of a second factor is shown. Default: 1 s, since the demo runs every few
    /// seconds; apps have 30 s.
    pub totp_period: Duration,
    /// What it calls things. Default: as documented.
    pub flavour: Flavour,
    /// The mail server that its e-mails go to. Default: none; they arrive by the clock.
    pub smtp: Option<SocketAddr>,
    /// Whether providers tell the platform what became of its messages. Default: true.
    pub receipts: bool,
    /// How often one of its fictional users pays. Default: every 7 minutes.
    pub payments_every: Duration,
    /// How long after its payment intent was made a fictional user pays. Default: at once.
    pub pays_after: Duration,
    /// By how much the payment provider's clock is ahead of the platform's. Default: not at all.
    pub provider_ahead: SignedDuration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            admin_port: 0,
            seed: Seed::default(),
            clock: Arc::new(Timestamp::now),
            slow_delay: Duration::from_millis(2500),
            late_by: SignedDuration::from_secs(15),
            webhook_wait: SignedDuration::from_millis(3_500),
            login_throttle: Throttle::default(),
            totp_period: Duration::from_secs(1),
            flavour: Flavour::default(),
            smtp: None,
            receipts: true,
            payments_every: Duration::from_secs(420),
            pays_after: Duration::ZERO,
            provider_ahead: SignedDuration::ZERO,
        }
    }
}

/// Why the platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something else has the port.
    #[error(
        "start the demo platform: expected {listener} at {address}, found the port taken\n\
         stop what listens there, or choose another port (0 is any free one)"
    )]
    PortTaken {
        /// Which listener, such as `the platform` or `the admin endpoint`.
        listener: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// The system refused the address.
    #[error("start the demo platform: expected {listener} at {address}, found: {source}")]
    Address {
        /// Which listener, such as `the platform` or `the admin endpoint`.
        listener: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The list of faults is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// The stand-in of the platform.
pub struct DemoPlatform;

impl DemoPlatform {
    /// Starts it, with no fault active.
    ///
    /// **Side effects:** listens on four ports, until the answer is dropped or stopped.
    ///
    /// # Errors
    /// When a port is taken or an address refused; then nothing listens.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let Options {
            address,
            admin_port,
            seed,
            clock,
            slow_delay,
            late_by,
            webhook_wait,
            login_throttle,
            totp_period,
            flavour,
            smtp,
            receipts,
            payments_every,
            pays_after,
            provider_ahead,
        } = options;
        let (public, address) = bind("the platform", address).await?;
        let (admin, admin_address) = bind("the admin endpoint", (Ipv4Addr::LOCALHOST, admin_port).into()).await?;
        let (database, database_address) = bind("the database", (Ipv4Addr::LOCALHOST, 0).into()).await?;
        let (cache, cache_address) = bind("the cache", (Ipv4Addr::LOCALHOST, 0).into()).await?;
        let platform = Arc::new(Platform {
            started: clock(),
            clock,
            accounts: Accounts::new(&seed, totp_period),
            seed,
            faults: Arc::default(),
            catalogue: catalogue()?,
            slow_delay,
            late_by,
            webhook_wait,
            requests: RequestLog::default(),
            sessions: Sessions::new(),
            log_ins: Limiter::new(login_throttle),
            codes: Limiter::new(login_throttle),
            counters: Counters::default(),
            bookings: Bookings::default(),
            finance: Finance::default(),
            notifications: Notifications::default(),
            work: Work::default(),
            smtp,
            receipts,
            payments_every,
            pays_after,
            provider_ahead,
            names: flavour.names(),
            is_wrapped: flavour == Flavour::Documented,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(public, router(&platform), Arc::clone(&platform.faults)));
        // The admin endpoint must answer while the platform is down, so it has switches of its own that nobody turns.
        tasks.spawn(listener::serve(admin, admin::router(&platform), Arc::default()));
        tasks.spawn(stores::serve(Store::Database, database, Arc::clone(&platform)));
        tasks.spawn(stores::serve(Store::Cache, cache, Arc::clone(&platform)));
        let ports = [database_address, cache_address].map(|address| address.port());
        Ok(Running { base_url: url(address), admin_url: url(admin_address), ports, platform, tasks })
    }
}

/// A platform that listens. It stops when this is dropped.
pub struct Running {
    base_url: String,
    admin_url: String,
    /// Of the database and the cache.
    ports: [u16; 2],
    platform: Arc<Platform>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Where it answers from this machine: `http://127.0.0.1:8080`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where its admin endpoint answers, without a slash at the end.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// What the settings of the demo must say of it, by their keys: addresses are known only once it listens.
    #[must_use]
    pub fn addresses(&self) -> [(&'static str, String); 3] {
        let [database, cache] = self.ports.map(|port| port.to_string());
        [
            ("base_url", self.base_url.clone()),
            ("check.backend.database.port", database),
            ("check.backend.cache.port", cache),
        ]
    }

    /// The switches.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.platform.faults
    }

    /// What was asked.
    #[must_use]
    pub fn requests(&self) -> &RequestLog {
        &self.platform.requests
    }

    /// What synthetic traffic made and nothing has removed, a line each.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        self.platform.leftovers()
    }

    /// The data it serves.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.platform.seed
    }

    /// The secrets that it drew when it started, by the path below `/just-driving/<environment>/` where checks look for
    /// them: `login/password`, `login/totp-seed`, `login/plain-password` (an account without a second factor), the
    /// `password` of each other check, and the `ops-token` of those that read the counters.
    #[must_use]
    pub fn credentials(&self) -> BTreeMap<String, String> {
        self.platform.accounts.credentials()
    }

    /// Stops listening, cuts what is open, and returns when its ports are free.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn bind(name: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken { listener: name, address },
        _ => StartError::Address { listener: name, address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// A listener on all addresses is reached from this machine by loopback.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// The whole platform. Which faults an endpoint has, and whether it has sessions, follows from the group it stands in.
fn router(platform: &Arc<Platform>) -> Router {
    let state = || Arc::clone(platform);
    let names = platform.names;
    let pages = pages::routes(names)
        .route_layer(middleware::from_fn_with_state(state(), visitor::recognize_on_pages))
        .route_layer(middleware::from_fn_with_state(state(), act::on_pages));
    let api = auth::routes(names)
        .merge(schools::routes(names))
        .merge(bookings::routes(names))
        .merge(finance::routes(names))
        .merge(notifications::routes(names))
        .merge(payments::routes(names))
        .merge(work::horizon_routes(names))
        .route_layer(middleware::from_fn_with_state(state(), visitor::recognize_on_api));
    let json = Router::new()
        .merge(health::routes(names))
        .merge(status::routes())
        .merge(ops::routes(names))
        .merge(work::routes(names))
        .merge(finance::webhook_routes(names))
        .merge(api)
        .route_layer(middleware::from_fn_with_state(state(), act::on_json));
    let application = pages
        .merge(json)
        .merge(providers::routes())
        .merge(payments::provider_routes())
        .merge(partners::routes())
        .fallback(laravel::not_found)
        .layer(middleware::from_fn_with_state(state(), act::on_everything))
        .layer(middleware::from_fn_with_state(state(), requests::record))
        .with_state(state());
    // A router of its own: axum adds `Allow` to a 405 outside of the layers of the router that found it.
    Router::new().fallback_service(application).layer(middleware::from_fn_with_state(state(), laravel::manners))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_has_a_url_that_can_be_asked() {
        let cases = [
            ("127.0.0.1:81", "http://127.0.0.1:81"),
            ("0.0.0.0:81", "http://127.0.0.1:81"),
            ("[::]:81", "http://[::1]:81"),
        ];
        for (address, expected) in cases {
            assert_eq!(url(address.parse().unwrap()), expected);
        }
    }
}
