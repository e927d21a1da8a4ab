//! Server that delays one phase, for the tests and the benchmark.

use std::time::Duration;

use check::{Exchange, Phases};
use probe::Connections;

use crate::server::*;

/// Delay of a phase. For a connection it is the kernel's retransmission timeout.
pub const DELAY: Duration = Duration::from_secs(1);
/// Extra delay of the body. The client's transfer phase begins when it has read the head, which the server cannot observe
/// and which takes a moment on a busy machine.
const HEADWAY: Duration = Duration::from_millis(100);
/// Phases in chronological order.
pub const PHASES: [&str; 5] = ["dns", "connect", "tls", "first byte", "transfer"];

/// Time that the server waits in a delayed phase.
pub fn wait(phase: &str) -> Duration {
    if phase == "transfer" { DELAY + HEADWAY } else { DELAY }
}

/// A server, and the authority that signed its certificate.
pub struct Reference {
    pub server: Server,
    pub authority: Authority,
    /// Duration of the name resolution.
    pub dns: Duration,
}

impl Reference {
    /// Starts a server that is slow in this phase.
    pub async fn start(slow: &str, protocol: &str) -> Self {
        let authority = Authority::generate();
        let when = |phase: &str| if phase == slow { wait(phase) } else { Duration::ZERO };
        let (first_byte, transfer) = (when("first byte"), when("transfer"));
        let config = authority.server("a.test", (2020, 2999), &[protocol]);
        let script = move |_: &str| {
            let head = send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
            vec![Action::Wait(first_byte), head, Action::Wait(transfer), send("fine"), Action::KeepAlive]
        };
        let server = if slow == "connect" {
            Server::congested(config, DELAY / 2, script).await
        } else {
            Server::tls(config, when("tls"), script).await
        };
        Self { server, authority, dns: when("dns") }
    }

    /// Performs one exchange with the server.
    pub async fn exchange(&self) -> Exchange {
        let client = client_with(&trusting(&self.authority), Connections::Fresh, Names(self.dns));
        let sent = client.send(get(at(&self.server, "https", "a.test", "/"))).await;
        sent.result.unwrap();
        sent.exchanges[0].clone()
    }
}

/// Phases with their durations in milliseconds.
pub fn named(phases: &Phases) -> [(&'static str, f64); 5] {
    let took = [phases.dns_ms, phases.connect_ms, phases.tls_ms, phases.first_byte_ms, phases.transfer_ms];
    std::array::from_fn(|index| (PHASES[index], took[index].unwrap()))
}
