//! The faults of networks, TLS and HTTP, by the numbers of the list that the page names.

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

use hostile::{Act, Authority, How, Server};

use crate::host::PUBLIC;
use crate::names::ZONE;

/// How many numbers there are.
pub const NUMBERS: u8 = 36;
/// The number of those that are not in the list.
pub const BEYOND: u8 = NUMBERS + 1;
/// The longest that a probe waits for one answer.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// What a probe must say.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// This kind of failure, in words that hold these.
    Failed(&'static str, &'static str),
    /// All is well, for a user too.
    Passed,
    /// The same, and the certificate ends within so many days.
    Expiring(f64),
}

/// What is asked of the answer besides status 200.
#[derive(Clone, Copy, Debug, Default)]
pub enum Content {
    /// Nothing.
    #[default]
    Any,
    /// A text.
    Text(&'static str),
    /// A JSON pointer, and a pattern by which probes without JSON would look for it.
    Json(&'static str, &'static str),
    /// A form to log in with. The check `login` asks for it.
    Form,
}

/// What lasts as long as a case: servers listen until they are dropped.
type Kept = Arc<dyn Any + Send + Sync>;

/// One fault: a server that has it, and what a probe must say.
pub struct Case {
    /// Its number in the list.
    pub number: u8,
    /// What is wrong, as a person would say it.
    pub fault: &'static str,
    /// What the server is and does.
    pub server: &'static str,
    /// What is asked for.
    pub url: String,
    /// What is expected of the answer.
    pub content: Content,
    /// What must be said.
    pub expect: Expect,
    /// A text that names the cause holds one of these, in lower case. Empty: nothing is wrong.
    pub cause: &'static [&'static str],
    /// A probe that was quicker has not met the fault.
    pub at_least: Duration,
    /// Where nobody may be led.
    pub forbidden: Option<Arc<Server>>,
    /// Kept while the case lasts.
    #[expect(dead_code, reason = "what is kept is not looked at")]
    pub keeps: Vec<Kept>,
}

impl Case {
    /// One whose server is elsewhere, or nowhere.
    fn at(number: u8, fault: &'static str, server: &'static str, url: String, expect: Expect) -> Self {
        let content = Content::Any;
        let (at_least, forbidden, keeps) = (Duration::ZERO, None, Vec::new());
        Self { number, fault, server, url, content, expect, cause: &[], at_least, forbidden, keeps }
    }

    /// The words by which a text names the cause.
    pub fn named_by(self, cause: &'static [&'static str]) -> Self {
        Self { cause, ..self }
    }

    fn with(self, content: Content) -> Self {
        Self { content, ..self }
    }
}

/// Starts servers at ports of their own.
pub struct Stage {
    /// Signs the certificates that are right.
    pub authority: Authority,
    port: u16,
}

impl Stage {
    fn new() -> Self {
        Self { authority: Authority::generate(), port: 20_000 }
    }

    async fn start(&mut self, how: How, script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Arc<Server> {
        self.port += 1;
        Arc::new(Server::start(SocketAddr::from((PUBLIC, self.port)), how, script).await)
    }

    /// A case of plain HTTP: each request is answered by this script.
    async fn plain(
        &mut self,
        number: u8,
        fault: &'static str,
        server: &'static str,
        script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
        expect: Expect,
    ) -> Case {
        let started = self.start(How::default(), script).await;
        let case = Case::at(number, fault, server, url("http", "plain", &started), expect);
        Case { keeps: vec![started], ..case }
    }
}

/// The URL of a server by a name of the zone.
fn url(scheme: &str, label: &str, server: &Server) -> String {
    format!("{scheme}://{label}.{ZONE}:{}/", server.address.port())
}

async fn server_at(address: Ipv4Addr, port: u16) -> Arc<Server> {
    let script = |_: &str| hostile::answer("200 OK", "secrets of this machine");
    Arc::new(Server::start(SocketAddr::from((address, port)), How::default(), script).await)
}

/// All cases, in the order of their numbers, and the authority that clients are to trust. Files go into a folder.
///
/// # Errors
/// When a server of another program cannot be started.
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

/// What a probe says when all is well, for the memory that it needs anyway.
pub async fn ordinary() -> Case {
    let server = SocketAddr::from((PUBLIC, 20_000));
    let server = Arc::new(Server::start(server, How::default(), |_| hostile::ok()).await);
    let case = Case::at(0, "nothing", "an ordinary answer", url("http", "plain", &server), Expect::Passed);
    Case { keeps: vec![server], ..case }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One of this number, of which nothing is asked.
    pub(crate) fn case(number: u8) -> Case {
        Case::at(number, "a fault", "a server | of tests", "http://a.test/".to_owned(), Expect::Passed)
    }
}
