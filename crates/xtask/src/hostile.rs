//! The program before servers at their worst, in a network of its own.

use anyhow::Result;

use crate::command::Run;
use crate::tools::{self, Debian};
use crate::workspace::Workspace;

/// What makes a network and serves old versions of TLS.
const FOR_SERVERS: [Debian; 3] = [
    Debian { program: "ip", package: "iproute2" },
    Debian { program: "openssl", package: "openssl" },
    Debian { program: "unshare", package: "util-linux" },
];
/// Whom the program is compared with.
const PEERS: [Debian; 2] = [
    Debian { program: "curl", package: "curl" },
    Debian { program: "prometheus-blackbox-exporter", package: "prometheus-blackbox-exporter" },
];

/// Holds the program against every case, and the page against the cases.
///
/// # Errors
/// When a case is not borne, the page is of old, or a tool is missing.
pub fn prove(workspace: &Workspace) -> Result<()> {
    run(workspace, "prove", &FOR_SERVERS)
}

/// Writes the page, with what the peers say.
///
/// # Errors
/// As [`prove`].
pub fn page(workspace: &Workspace) -> Result<()> {
    run(workspace, "page", &[&FOR_SERVERS[..], &PEERS].concat())
}

fn run(workspace: &Workspace, what: &str, needs: &[Debian]) -> Result<()> {
    tools::debian(workspace, needs)?;
    Run::cargo(workspace, "build --quiet --package hostile --package synthetics").run()?;
    // Whoever is not root becomes it in a world of their own.
    let own_world: &[&str] = if tools::is_root(workspace) { &[] } else { &["--user", "--map-root-user"] };
    Run::program(workspace, "unshare")
        .args(own_world)
        .args(["--net", "--mount"])
        .args([workspace.target.join("debug/hostile")])
        .args([what])
        .run()
}
