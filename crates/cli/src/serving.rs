//! The console's port, for `up`, `demo` and `console`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use alarm::MetricAlarm;
use anyhow::{Context, bail};
use check::message::span;
use console::{Guard, Live, Monitored, Shown, Source};
use local::Store;
use operations::checks;
use runtime::{CancellationToken, Clock};
use scheduler::Board;
use settings::{Common, Retention};
use tokio::net::TcpListener;

use crate::ports;

/// Variable with the token that callers from other machines send.
const TOKEN: &str = "SYNTHETICS_TOKEN";
/// Shortest token.
const MIN_TOKEN: usize = 16;
/// Value of `--listen` that opens no port.
const NONE: &str = "none";
/// Address without `--listen`.
pub(crate) const DEFAULT: &str = "127.0.0.1:8490";

/// Address to listen on, and the rule for callers. `None`: no port.
pub(crate) fn listening(address: &str) -> anyhow::Result<Option<(SocketAddr, Guard)>> {
    guarded(address, std::env::var(TOKEN).ok())
}

fn guarded(address: &str, token: Option<String>) -> anyhow::Result<Option<(SocketAddr, Guard)>> {
    if address == NONE {
        return Ok(None);
    }
    let Ok(parsed) = address.parse::<SocketAddr>() else {
        bail!("--listen: expected an address with a port, such as {DEFAULT}, or none; found {address}");
    };
    let guard = match token.map(|token| token.trim().to_owned()) {
        Some(token) if token.len() >= MIN_TOKEN => Guard::Token(token.into()),
        Some(_) => {
            bail!("{TOKEN}: expected a token of at least {MIN_TOKEN} characters, found a shorter one (not shown)")
        }
        None if parsed.ip().is_loopback() => Guard::ThisMachine,
        None => bail!(
            "--listen {address}: other machines may reach it, so callers need a token\nput one into {TOKEN}, such as from `openssl rand -hex 16`"
        ),
    };
    Ok(Some((parsed, guard)))
}

/// Opens a port.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("failed to listen on {address}; --listen takes another address, or none"))
}

/// Opens a port, or any free one.
pub(crate) async fn bind_or_any(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(_) => bind(SocketAddr::new(address.ip(), 0)).await,
    }
}

/// Serves in the background. Returns the address, whose port may have been 0.
pub(crate) fn serve(
    listener: TcpListener,
    source: Source,
    guard: Guard,
    stop: CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let address = listener.local_addr()?;
    tokio::spawn(console::serve(listener, source, guard, stop));
    Ok(address)
}

/// What the console shows of checks that run in this program.
pub(crate) fn source(
    common: &Common,
    file: Option<&Path>,
    store: Arc<Store>,
    board: Arc<Board>,
    monitored: Monitored,
    clock: Arc<dyn Clock>,
) -> Source {
    let place = match file {
        Some(file) => format!("store {}", file.display()),
        None => "memory of this program; it ends with it".to_owned(),
    };
    let Retention { keep, max_size } = common.retention;
    let keep = span(i64::try_from(keep.as_secs()).unwrap_or(i64::MAX));
    let megabytes = max_size / 1_000_000;
    Source {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        environment: common.environment.clone(),
        host: common.base_url.host_str().unwrap_or_default().to_owned(),
        place,
        options: store_option(file),
        kept: format!("runs and values for {keep}, up to {megabytes} MB; {LONG}"),
        history: store.clone(),
        changes: changes(store.clone()),
        once_per_minute: None,
        actions: None,
        faults: None,
        live: Some(Live { board, store }),
        monitored,
        clock,
    }
}

/// What every store keeps longest.
pub(crate) const LONG: &str = "incidents and the numbers of each day for 400 days";

/// The option by which commands find a store, for a shell; empty without a file.
pub(crate) fn store_option(file: Option<&Path>) -> String {
    ports::machine(None, file).store_option().unwrap_or_default()
}

/// Name of the person who uses this program; empty if it is not known.
pub(crate) fn person() -> String {
    std::env::var("USER").unwrap_or_default()
}

/// Tells changes of a store.
pub(crate) fn changes(store: Arc<Store>) -> Arc<dyn Fn() -> Option<String> + Send + Sync> {
    Arc::new(move || store.revision().ok())
}

/// What the console shows of checks and alarms, with the objectives that apply without settings.
pub(crate) fn shown(ids: Vec<&'static str>, alarms: Vec<MetricAlarm>) -> Shown {
    Shown { objectives: checks::default_objectives(), checks: ids, alarms, ..Shown::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_a_token() {
        let token = |token: &str| Some(token.to_owned());
        let long = "0123456789abcdef";
        for (address, given, expected) in [
            ("127.0.0.1:8490", None, Ok(true)),
            ("[::1]:8490", None, Ok(true)),
            ("0.0.0.0:8490", token(long), Ok(true)),
            ("127.0.0.1:8490", token(long), Ok(true)),
            ("none", None, Ok(false)),
            ("0.0.0.0:8490", None, Err("callers need a token")),
            ("10.2.0.4:8490", token("short"), Err("at least 16 characters")),
            ("localhost:8490", None, Err("such as 127.0.0.1:8490")),
            ("8490", None, Err("such as 127.0.0.1:8490")),
        ] {
            match (guarded(address, given), expected) {
                (Ok(found), Ok(listens)) => assert_eq!(found.is_some(), listens, "{address}"),
                (Err(error), Err(expected)) => {
                    let error = error.to_string();
                    assert!(error.contains(expected) && !error.contains("short\n"), "{address}: {error}");
                }
                (found, expected) => panic!("{address}: {found:?}, expected {expected:?}"),
            }
        }
    }
}
