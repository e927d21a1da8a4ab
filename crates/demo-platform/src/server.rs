//! Starts and stops the platform and its admin endpoint.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::faults::{CatalogueError, Faults};
use crate::options::Options;
use crate::platform::Platform;
use crate::routes::router;
use crate::seed::Seed;
use crate::state::request_log::RequestLog;
use crate::stores::{self, Store};
use crate::{admin, listener};

/// An error while starting the platform.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is in use.
    #[error("start the demo platform: expected {listener} at {address}, found the port taken by another program")]
    PortTaken {
        /// The listener, such as `the platform` or `the admin endpoint`.
        listener: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The system refused the address.
    #[error("start the demo platform: expected {listener} at {address}, found: {source}")]
    Address {
        /// The listener, such as `the platform` or `the admin endpoint`.
        listener: &'static str,
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The list of faults is invalid.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// The demo platform.
pub struct DemoPlatform;

impl DemoPlatform {
    /// Starts the platform without active faults.
    ///
    /// **Side effects:** listens on four ports until the returned value is dropped or stopped.
    ///
    /// # Errors
    /// If a port is in use or an address is refused; then nothing listens.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let (public, address) = bind("the platform", options.address).await?;
        let (admin, admin_address) =
            bind("the admin endpoint", (Ipv4Addr::LOCALHOST, options.admin_port).into()).await?;
        let (database, database_address) = bind("the database", (Ipv4Addr::LOCALHOST, 0).into()).await?;
        let (cache, cache_address) = bind("the cache", (Ipv4Addr::LOCALHOST, 0).into()).await?;
        let platform = Arc::new(Platform::new(options)?);
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(public, router(&platform), Arc::clone(&platform.faults)));
        // The admin endpoint must answer while the platform is down, so it has separate switches that stay off.
        tasks.spawn(listener::serve(admin, admin::router(&platform, admin_address), Arc::default()));
        tasks.spawn(stores::serve(Store::Database, database, Arc::clone(&platform)));
        tasks.spawn(stores::serve(Store::Cache, cache, Arc::clone(&platform)));
        let ports = [database_address, cache_address].map(|address| address.port());
        Ok(Running { base_url: url(address), admin_url: url(admin_address), ports, platform, tasks })
    }
}

/// A running platform. It stops when dropped.
pub struct Running {
    base_url: String,
    admin_url: String,
    /// Ports of the database and the cache.
    ports: [u16; 2],
    platform: Arc<Platform>,
    tasks: JoinSet<()>,
}

impl Running {
    /// The URL on this machine, without a trailing slash: `http://127.0.0.1:8080`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The URL of the admin endpoint, without a trailing slash.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Values for the demo settings, by key, since the addresses are known only once the platform listens.
    #[must_use]
    pub fn addresses(&self) -> [(&'static str, String); 3] {
        let [database, cache] = self.ports.map(|port| port.to_string());
        [
            ("base_url", self.base_url.clone()),
            ("check.backend.database.port", database),
            ("check.backend.cache.port", cache),
        ]
    }

    /// The switches of the faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.platform.faults
    }

    /// The switches of the faults, for another owner.
    #[must_use]
    pub fn shared_faults(&self) -> Arc<Faults> {
        self.platform.faults.clone()
    }

    /// The record of requests.
    #[must_use]
    pub fn requests(&self) -> &RequestLog {
        &self.platform.requests
    }

    /// Synthetic data that was not removed, one line each.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        self.platform.leftovers()
    }

    /// Number of sessions in which an account is logged in.
    #[must_use]
    pub fn logged_in(&self) -> usize {
        self.platform.sessions.logged_in()
    }

    /// The initial data.
    #[must_use]
    pub fn seed(&self) -> &Seed {
        &self.platform.seed
    }

    /// The secrets generated at the start, by their path below `/just-driving/<environment>/`: `login/password`,
    /// `login/totp-seed`, `login/plain-password` (for an account without a second factor), the `password` of each other check,
    /// and the `ops-token` of checks that read the counters.
    #[must_use]
    pub fn credentials(&self) -> BTreeMap<String, String> {
        self.platform.accounts.credentials()
    }

    /// Stops listening, closes open connections, and returns once the ports are free.
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

/// The URL of a listener; loopback if it listens on all addresses.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_has_a_loopback_url() {
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
