//! Runs the program against misbehaving servers, in an isolated network.

use anyhow::Result;

use crate::command::Run;
use crate::functions::{self, BUILD};
use crate::tools::{self, CURL, Debian, SERVERS};
use crate::workspace::Workspace;

/// Programs that create the network and serve old versions of TLS.
const FOR_SERVERS: [Debian; 3] = [
    Debian { program: "ip", package: "iproute2" },
    Debian { program: "openssl", package: "openssl" },
    Debian { program: "unshare", package: "util-linux" },
];
/// Programs for comparison.
const PEERS: [Debian; 2] =
    [CURL, Debian { program: "prometheus-blackbox-exporter", package: "prometheus-blackbox-exporter" }];

/// Clients for comparison, and the program that lets a browser trust an authority.
const BROWSERS: [Debian; 3] = [
    Debian { program: "certutil", package: "libnss3-tools" },
    Debian { program: "chromium", package: "chromium" },
    CURL,
];

/// Runs the program against every case and some hostile runs of every flow, asks browsers for unusual answers, and compares
/// the pages with the results.
///
/// # Errors
/// When a case or a flow fails, a page is outdated, or a tool is missing.
pub fn prove(workspace: &Workspace) -> Result<()> {
    run(workspace, "prove", &FOR_SERVERS)?;
    flows(workspace, "prove")?;
    behaviour(workspace, "prove")
}

/// Writes `docs/http-behaviour.md`.
///
/// # Errors
/// When a difference has no reason, or a tool is missing.
pub fn behaviour_page(workspace: &Workspace) -> Result<()> {
    behaviour(workspace, "page")
}

fn behaviour(workspace: &Workspace, command: &str) -> Result<()> {
    tools::debian(workspace, &BROWSERS)?;
    Run::cargo(workspace, "test --quiet --workspace --test http_behaviour --").args([command]).run()
}

/// Writes the first section of the page, with the results of the peers.
///
/// # Errors
/// Like [`prove`].
pub fn page(workspace: &Workspace) -> Result<()> {
    run(workspace, "page", &[&FOR_SERVERS[..], &PEERS].concat())
}

/// Causes every fault of the monitor itself, runs every flow with every hostile behavior at every request, and writes the
/// sections of the page about both.
///
/// # Errors
/// When a fault is not handled, a flow fails, or the functions do not build.
pub fn all_flows(workspace: &Workspace) -> Result<()> {
    tools::python(workspace, "sam")?;
    tools::python(workspace, "emulator")?;
    functions::for_emulator(workspace)?;
    Run::cargo(workspace, "test --workspace --test e2e -- own_faults::").env("WRITE_OWN_FAULTS", "1").run()?;
    flows(workspace, "page")
}

fn flows(workspace: &Workspace, command: &str) -> Result<()> {
    tools::debian(workspace, &SERVERS)?;
    // The whole workspace, for the same features as in the other steps.
    Run::cargo(workspace, "test --quiet --workspace --test flows --").args([command]).run()
}

fn run(workspace: &Workspace, command: &str, needs: &[Debian]) -> Result<()> {
    tools::debian(workspace, needs)?;
    Run::cargo(workspace, BUILD).args(["--quiet"]).run()?;
    // Other users become root in a new user namespace.
    let user_namespace: &[&str] = if tools::is_root(workspace) { &[] } else { &["--user", "--map-root-user"] };
    Run::program(workspace, "unshare")
        .args(user_namespace)
        .args(["--net", "--mount"])
        .args([workspace.target.join("debug/hostile")])
        .args([command])
        .run()
}
