//! Programs that get a message.

use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use check::{Phrase, foreign, ours, phrase};
use futures::future::join;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, Command};
use tokio::time::timeout;

/// Variables of the environment that a command gets. The others may be secrets of the platform.
const KEPT: [&str; 4] = ["HOME", "LANG", "PATH", "TZ"];
/// Most bytes of the end of standard error that are kept.
const MAX_SAID: usize = 4_096;
/// Longest wait, after the end of a program, for the rest of its words. Its own child may hold standard error open.
const REST: Duration = Duration::from_millis(200);

/// Starts a program with a message on its standard input, and waits until it ends.
pub(crate) async fn run(command: &[String], message: &Value, deadline: Duration) -> Result<(), Phrase> {
    let Some((program, arguments)) = command.split_first() else { return Err("no program".into()) };
    let kept = KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(kept)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|error| phrase!("{} cannot be started: {}", ours(program), ours(error)))?;
    let (input, errors) = (child.stdin.take(), child.stderr.take());
    let message = format!("{message}\n");
    let mut said = Vec::new();
    let done = timeout(deadline, async {
        let mut talk = pin!(join(write(input, &message), read(errors, &mut said)));
        tokio::select! {
            status = child.wait() => {
                let _ = timeout(REST, &mut talk).await;
                status
            }
            _ = &mut talk => child.wait().await,
        }
    });
    match done.await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => {
            let said = String::from_utf8_lossy(&said);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            Err(phrase!("{} ended with {}: {}", ours(program), ours(status), foreign(last)))
        }
        Ok(Err(error)) => Err(phrase!("{} failed: {}", ours(program), ours(error))),
        Err(_) => Err(phrase!("{} did not end within {} s", ours(program), deadline.as_secs())),
    }
}

/// Writes a message. A program that needs none may have closed its input.
async fn write(input: Option<ChildStdin>, message: &str) {
    if let Some(mut input) = input {
        let _ = input.write_all(message.as_bytes()).await;
    }
}

/// Reads until the end, and keeps the last bytes.
async fn read(errors: Option<ChildStderr>, said: &mut Vec<u8>) {
    let Some(mut errors) = errors else { return };
    let mut buffer = [0; MAX_SAID];
    while let Ok(read @ 1..) = errors.read(&mut buffer).await {
        said.extend_from_slice(&buffer[..read]);
        said.drain(..said.len().saturating_sub(MAX_SAID));
    }
}
