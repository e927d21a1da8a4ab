//! Asks curl.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use hostile::Server;
use tokio::process::Command;

use crate::row::{Ask, Found, NEXT, Row, SIGN, cookies, posted};

const PROGRAM: &str = "curl";
/// Longest time with attempts. **Units:** seconds.
const MAX_WAIT: &str = "5";
/// Exit code for options that this version does not know.
const USAGE: i32 = 2;

/// Asks for an answer; `None` when curl does not read such content.
///
/// # Errors
/// When curl cannot be run.
pub async fn ask(row: &Row, server: &Server, authorities: &Path) -> Result<Option<Found>> {
    let mut urls = vec![row.url(server, row.host, "/")];
    let mut command = Command::new(PROGRAM);
    command
        // The first option: without the user's configuration.
        .args(["--disable", "--no-progress-meter", "--location", "--compressed", "--max-time", "5"])
        // All names are on this machine.
        .args(["--connect-to", "::127.0.0.1:", "--noproxy", "*", "--cacert"])
        .arg(authorities);
    match row.ask {
        Ask::Text(_) | Ask::Json(_) | Ask::Form(_) | Ask::Submit(_) => return Ok(None),
        Ask::Body => drop(command.args(["--cookie", ""])),
        Ask::Sign(_) => drop(command.args(["--output", "/dev/null", "--write-out", &format!("%header{{{SIGN}}}")])),
        Ask::Cookies(host, _) => {
            command.args(["--cookie", "", "--output", "/dev/null", "--output", "/dev/null"]);
            urls.push(row.url(server, host, NEXT));
        }
        Ask::Post(_) => drop(command.args(["--data", "a=b"])),
        // A wait beyond this limit is refused, with a warning.
        Ask::Wait(_) => drop(command.args(["--retry", "1", "--retry-max-time", MAX_WAIT])),
    }
    let output = command.args(urls).env_remove("CURL_HOME").stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("failed to run {PROGRAM}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Ask::Wait(wanted) = row.ask {
        return Ok(Some(if error.contains(&format!("Will retry in {wanted}")) {
            Ok(wanted.to_owned())
        } else if error.contains("Retry-After: time would") {
            Ok(format!("more than {MAX_WAIT}"))
        } else {
            Err(String::new())
        }));
    }
    if !output.status.success() {
        let code = output.status.code().context("curl was ended by a signal")?;
        ensure!(code != USAGE, "curl {code}: {error}");
        return Ok(Some(Err(format!("({code})"))));
    }
    Ok(Some(match row.ask {
        Ask::Cookies(..) => cookies(server),
        Ask::Post(_) => posted(server),
        _ => Ok(printed),
    }))
}

/// Version of the installed curl.
///
/// # Errors
/// When curl cannot be run.
pub async fn version() -> Result<String> {
    let output = Command::new(PROGRAM).arg("--version").output().await;
    let output = output.with_context(|| format!("failed to run {PROGRAM}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().nth(1).context("curl has no version")?.to_owned())
}
