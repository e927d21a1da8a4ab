//! A machine of its own: a network in which only the servers of the cases are, at addresses of the public internet.
//!
//! It is entered by `unshare`, as `cargo xtask hostile` does; nothing of it reaches the real network.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

/// Where the servers are, as if they were public.
pub const PUBLIC: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);
/// Where a cloud tells its machines who they are.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
/// Somebody inside.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);
/// Takes packets and never answers.
pub const BLACK_HOLE: &str = "198.50.100.1";
/// The same, of IPv6.
pub const BLACK_HOLE_6: &str = "2a0b::1";
/// Answers for names.
pub const NAMES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

/// Sets the network up.
///
/// # Errors
/// When this is no network of its own, or `ip` is missing.
pub async fn set_up(folder: &Path) -> Result<()> {
    let interfaces =
        std::fs::read_to_string("/proc/self/net/dev").context("failed to list the network's interfaces")?;
    let is_alone = interfaces.lines().filter_map(|line| line.split_once(':')).all(|(name, _)| name.trim() == "lo");
    ensure!(is_alone, "this network is not ours: run it by `cargo xtask hostile`, which makes one");
    for address in [PUBLIC, METADATA, INSIDE] {
        ip(&format!("address add {address}/32 dev lo")).await?;
    }
    ip("link set lo up").await?;
    // One end of a pair of which nobody listens at the other; the neighbour is told, so that nobody asks for it in vain.
    ip("link add hole type veth peer name bottom").await?;
    ip("link set hole up").await?;
    ip("link set bottom up").await?;
    // Resolvers put IPv6 behind IPv4 where nothing of this machine can speak it (RFC 6724, section 6, rule 1).
    ip("-6 address add 2a0c::2/128 dev hole nodad").await?;
    for (family, network, address) in [("-4", "198.50.100.0/24", BLACK_HOLE), ("-6", "2a0b::/32", BLACK_HOLE_6)] {
        ip(&format!("{family} route add {network} dev hole")).await?;
        ip(&format!("neighbour add {address} lladdr 02:00:00:00:00:01 dev hole nud permanent")).await?;
    }
    let own = folder.join("resolv.conf");
    std::fs::write(&own, format!("nameserver {NAMES}\n")).context("failed to write resolv.conf")?;
    run("mount", &["--bind", &own.display().to_string(), "/etc/resolv.conf"]).await
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
