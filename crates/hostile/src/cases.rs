//! Faults of networks, TLS and HTTP, with their numbers on the page.

mod bodies;
mod case;
mod http;
mod network;
mod redirects;
mod stage;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hostile::{Authority, ConnectionBehavior, Server};
use stage::{Stage, url};

pub use case::{Case, Content, DEADLINE, EXTRA, Expect, NUMBERS};

use crate::host::PUBLIC;

/// Starts all servers and returns the cases, sorted by number, and the authority that clients must trust.
///
/// # Errors
/// When an external server cannot be started or a file cannot be written.
pub async fn all(folder: &Path) -> anyhow::Result<(Vec<Case>, Authority)> {
    let mut stage = Stage::new();
    let mut cases = network::cases(&mut stage).await;
    cases.extend(tls::cases(&mut stage, folder).await?);
    cases.extend(http::cases(&mut stage).await);
    cases.extend(redirects::cases(&mut stage).await);
    cases.extend(bodies::cases(&mut stage).await);
    cases.sort_by_key(|case| case.number);
    Ok((cases, stage.authority))
}

/// A healthy case, which gives the baseline of the memory use.
pub async fn baseline() -> Case {
    let server = SocketAddr::from((PUBLIC, 20_000));
    let server = Arc::new(Server::start(server, ConnectionBehavior::default(), |_| hostile::ok()).await);
    let case = Case::at(0, "none", "a normal answer", url("http", "plain", &server), Expect::Passed);
    Case { resources: vec![server], ..case }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A case with this number and no expectation of the content.
    pub(crate) fn case(number: u8) -> Case {
        Case::at(number, "a fault", "a server | of tests", "http://a.test/".to_owned(), Expect::Passed)
    }
}
