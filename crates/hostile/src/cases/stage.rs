//! Servers of the cases.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hostile::{Action, Authority, ConnectionBehavior, Server};

use super::case::{Case, Expect};
use crate::host::PUBLIC;
use crate::names::ZONE;

/// Starts servers on consecutive ports.
pub struct Stage {
    /// Signs the valid certificates.
    pub authority: Authority,
    port: u16,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { authority: Authority::generate(), port: 20_000 }
    }

    pub(super) async fn start(
        &mut self,
        how: ConnectionBehavior,
        script: impl Fn(&str) -> Vec<Action> + Send + Sync + 'static,
    ) -> Arc<Server> {
        self.port += 1;
        Arc::new(Server::start(SocketAddr::from((PUBLIC, self.port)), how, script).await)
    }

    /// Creates a case with a plain HTTP server that runs this script for each request.
    pub(super) async fn plain(
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
pub(super) fn url(scheme: &str, label: &str, server: &Server) -> String {
    format!("{scheme}://{label}.{ZONE}:{}/", server.address.port())
}

pub(super) async fn server_at(address: Ipv4Addr, port: u16) -> Arc<Server> {
    let script = |_: &str| hostile::answer("200 OK", "secrets of this machine");
    Arc::new(Server::start(SocketAddr::from((address, port)), ConnectionBehavior::default(), script).await)
}
