//! Faults of networks, TLS and HTTP, with their numbers on the page.

mod bodies;
mod http;
mod network;
mod redirects;
mod tls;

use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hostile::{Action, Authority, ConnectionBehavior, Server};

use crate::host::PUBLIC;
use crate::names::ZONE;

/// Number of numbered faults.
pub const NUMBERS: u8 = 36;
/// Number of all extra cases, which sort last.
pub const EXTRA: u8 = NUMBERS + 1;
/// Maximum time that a probe waits for one answer.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// Required result of a probe.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// A failure of this kind whose text contains these words.
    Failed(&'static str, &'static str),
    /// A passed run, since users are not affected either.
    Passed,
    /// A passed run that reports at most this many days until the certificate expires.
    Expiring(f64),
}

/// Expectation of the answer in addition to status 200.
#[derive(Clone, Copy, Debug, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    Any,
    /// The body contains a text.
    Text(&'static str),
    /// A JSON pointer exists. Probes without JSON support search for the pattern.
    Json(&'static str, &'static str),
    /// A log-in form, requested by the check `login`.
    Form,
}

/// A server or another resource that must live as long as its case.
type Resource = Arc<dyn Any + Send + Sync>;

/// A fault with its server and the required result.
pub struct Case {
    /// Number on the page.
    pub number: u8,
    /// Short description of the fault.
    pub fault: &'static str,
    /// Behaviour of the server.
    pub server: &'static str,
    /// Requested URL.
    pub url: String,
    /// Expected content.
    pub content: Content,
    /// Required result.
    pub expect: Expect,
    /// Keywords in lower case. A text names the cause when it contains one of them. Empty for healthy servers.
    pub cause: &'static [&'static str],
    /// Minimum duration. A faster run has not triggered the fault.
    pub at_least: Duration,
    /// Server that must get no connection.
    pub forbidden: Option<Arc<Server>>,
    /// Resources that live as long as the case.
    #[expect(dead_code, reason = "only kept alive")]
    pub resources: Vec<Resource>,
}

impl Case {
    /// Creates a case for a URL without starting a server.
    fn at(number: u8, fault: &'static str, server: &'static str, url: String, expect: Expect) -> Self {
        let content = Content::Any;
        let (at_least, forbidden, resources) = (Duration::ZERO, None, Vec::new());
        Self { number, fault, server, url, content, expect, cause: &[], at_least, forbidden, resources }
    }

    /// Sets the keywords of the cause.
    pub fn named_by(self, cause: &'static [&'static str]) -> Self {
        Self { cause, ..self }
    }

    fn with_content(self, content: Content) -> Self {
        Self { content, ..self }
    }
}

/// Starts servers on consecutive ports.
pub struct Stage {
    /// Signs the valid certificates.
    pub authority: Authority,
    port: u16,
}

impl Stage {
    fn new() -> Self {
        Self { authority: Authority::generate(), port: 20_000 }
    }

    async fn start(
        &mut self,
        how: ConnectionBehavior,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
    ) -> Arc<Server> {
        self.port += 1;
        Arc::new(Server::start(SocketAddr::from((PUBLIC, self.port)), how, script).await)
    }

    /// Creates a case with a plain HTTP server that runs this script for each request.
    async fn plain(
        &mut self,
        number: u8,
        fault: &'static str,
        server: &'static str,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
        expect: Expect,
    ) -> Case {
        let started = self.start(ConnectionBehavior::default(), script).await;
        let case = Case::at(number, fault, server, url("http", "plain", &started), expect);
        Case { resources: vec![started], ..case }
    }
}

/// URL of a server, with a name of the zone.
fn url(scheme: &str, label: &str, server: &Server) -> String {
    format!("{scheme}://{label}.{ZONE}:{}/", server.address.port())
}

async fn server_at(address: Ipv4Addr, port: u16) -> Arc<Server> {
    let script = |_: &str| hostile::answer("200 OK", "secrets of this machine");
    Arc::new(Server::start(SocketAddr::from((address, port)), ConnectionBehavior::default(), script).await)
}

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
