//! Sets up an isolated network with the servers of the cases, at public addresses.
//!
//! `cargo xtask hostile` creates the network with `unshare`. No packet reaches the real network.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

/// Public address of the servers.
pub const PUBLIC: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);
/// Metadata service of cloud machines.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// A private address.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
/// IPv4 address that drops all packets.
pub const BLACK_HOLE: &str = "198.50.100.1";
/// IPv6 address that drops all packets.
pub const BLACK_HOLE_6: &str = "2a0b::1";
/// Address of the name server.
pub const NAMES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

/// Configures the network and the resolver.
///
/// # Errors
/// When the network is not isolated, or `ip` is missing.
pub async fn set_up(folder: &Path) -> Result<()> {
    let interfaces =
        std::fs::read_to_string("/proc/self/net/dev").context("failed to list the network's interfaces")?;
    let is_alone = interfaces.lines().filter_map(|line| line.split_once(':')).all(|(name, _)| name.trim() == "lo");
    ensure!(
        is_alone,
        "expected an isolated network, found other interfaces than lo\n  run `cargo xtask hostile`, which creates one"
    );
    for address in [PUBLIC, METADATA, INSIDE] {
        ip(&format!("address add {address}/32 dev lo")).await?;
    }
    ip("link set lo up").await?;
    // A pair of interfaces whose other end drops packets. The neighbour is fixed, so that no address resolution fails.
    ip("link add hole type veth peer name bottom").await?;
    ip("link set hole up").await?;
    ip("link set bottom up").await?;
    // Without an IPv6 address, resolvers would sort IPv6 behind IPv4 (RFC 6724, section 6, rule 1).
    ip("-6 address add 2a0c::2/128 dev hole nodad").await?;
    for (family, network, address) in [("-4", "198.50.100.0/24", BLACK_HOLE), ("-6", "2a0b::/32", BLACK_HOLE_6)] {
        ip(&format!("{family} route add {network} dev hole")).await?;
        ip(&format!("neighbour add {address} lladdr 02:00:00:00:00:01 dev hole nud permanent")).await?;
    }
    let resolver = folder.join("resolv.conf");
    std::fs::write(&resolver, format!("nameserver {NAMES}\n")).context("failed to write resolv.conf")?;
    run("mount", &["--bind", &resolver.display().to_string(), "/etc/resolv.conf"]).await
}

async fn ip(arguments: &str) -> Result<()> {
    run("ip", &arguments.split(' ').collect::<Vec<_>>()).await
}

async fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let done =
        Command::new(program).args(arguments).output().await.with_context(|| format!("failed to run {program}"))?;
    if !done.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}
