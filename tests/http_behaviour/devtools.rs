//! The DevTools protocol over a pair of pipes: JSON messages that end with a NUL byte
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Time for an answer, and for the start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running browser with one page. Dropping it stops the browser.
pub struct Browser {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Start of the next message, from a reader that gave up.
    partial: Vec<u8>,
    page: Option<String>,
    last: u64,
    events: VecDeque<Value>,
}

impl Browser {
    /// Starts a browser that reads commands from file descriptor 3 and writes to 4.
    ///
    /// # Errors
    /// When the program is missing or ends.
    pub async fn start(program: &str, options: &[String], home: &Path) -> Result<Self> {
        let log = home.join("browser.log");
        let mut process = Command::new("sh")
            // A program of Rust can give its child only the first three descriptors.
            .args(["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >&2", "sh", program])
            .args(options)
            // Without proxies and settings of the user.
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).context("failed to create a log file")?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {program}"))?;
        let (input, output) = process.stdin.take().zip(process.stdout.take()).context("expected pipes")?;
        let mut browser = Self {
            process,
            input,
            output: BufReader::new(output),
            partial: Vec::new(),
            page: None,
            last: 0,
            events: VecDeque::new(),
        };
        let page = browser.open_page().await;
        browser.page = Some(page.with_context(|| {
            format!("{program} did not start: {}", std::fs::read_to_string(&log).unwrap_or_default())
        })?);
        Ok(browser)
    }

    async fn open_page(&mut self) -> Result<String> {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"})).await?;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", target).await?;
        Ok(session["sessionId"].as_str().context("expected a session")?.to_owned())
    }

    /// Calls a method of the page, or of the browser before there is a page.
    ///
    /// # Errors
    /// When the browser refuses the call or does not answer.
    pub async fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(page) = &self.page {
            message["sessionId"] = page.as_str().into();
        }
        let message = [message.to_string().as_bytes(), b"\0"].concat();
        self.input.write_all(&message).await.context("the browser has ended")?;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let mut message = timeout(left, self.read()).await.with_context(|| format!("no answer to {method}"))??;
            if message["id"] != self.last {
                self.events.push_back(message);
            } else if message["error"].is_object() {
                bail!("{method}: {}", message["error"]["message"]);
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    /// Waits for the next event; `None` when there is none within the time.
    ///
    /// # Errors
    /// When the browser has ended.
    pub async fn event(&mut self, patience: Duration) -> Result<Option<Value>> {
        match self.events.pop_front() {
            Some(event) => Ok(Some(event)),
            None => timeout(patience, self.read()).await.ok().transpose(),
        }
    }

    /// Forgets the events so far.
    pub fn forget_events(&mut self) {
        self.events.clear();
    }

    async fn read(&mut self) -> Result<Value> {
        self.output.read_until(0, &mut self.partial).await.context("failed to read from the browser")?;
        let message = std::mem::take(&mut self.partial);
        let message = message.strip_suffix(b"\0").context("the browser has ended")?;
        serde_json::from_slice(message).context("expected JSON from the browser")
    }

    /// Ends the browser.
    pub async fn end(mut self) {
        // It may end before it answers.
        self.page = None;
        let _ = self.call("Browser.close", json!({})).await;
        let _ = timeout(PATIENCE, self.process.wait()).await;
    }
}
