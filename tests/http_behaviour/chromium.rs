//! Asks Chromium, by the DevTools protocol.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use hostile::Server;
use serde_json::json;
use tokio::process::Command;

use crate::devtools::Browser;
use crate::row::{Ask, Found, NEXT, Row, SIGN, START, cookies, posted, submitted};

const PROGRAM: &str = "chromium";
/// Program that adds an authority to the list that Chromium trusts.
const CERTUTIL: &str = "certutil";
/// Time for a page.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time until a request has arrived.
const HEADWAY: Duration = Duration::from_millis(500);

/// Fills the form of a page, and sends it by its first button.
const SUBMIT: &str = "\
    for (const [name, value] of [['email', 'a'], ['password', 'b']]) { \
        const field = document.querySelector(`[name=${name}]:not([type=hidden])`); \
        if (field) field.value = value; \
    } \
    const submits = 'button:enabled:not([type=button]), input[type=submit]:enabled, input[type=image]:enabled'; \
    const button = document.forms[0].querySelector(submits); \
    if (button) button.click(); else document.forms[0].requestSubmit(); \
    'sent'";

/// Options for a browser that sends nothing by itself and reaches only this machine.
const OPTIONS: [&str; 13] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * 127.0.0.1",
    "--no-proxy-server",
    // The sandbox does not work for root and in containers. All pages are of this test.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-extensions",
    // Plain http stays http.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
];

/// Browser that trusts some authorities.
pub struct Chromium {
    browser: Browser,
    /// Version of the browser.
    pub version: String,
}

impl Chromium {
    /// Starts the browser with an empty profile in this folder.
    ///
    /// # Errors
    /// When a program is missing.
    pub async fn start(home: &Path, authorities: &[String]) -> Result<Self> {
        trust(home, authorities).await?;
        let profile = format!("--user-data-dir={}", home.join("profile").display());
        let options: Vec<String> = OPTIONS.iter().map(|&option| option.to_owned()).chain([profile]).collect();
        let mut browser = Browser::start(PROGRAM, &options, home).await?;
        let version = browser.call("Browser.getVersion", json!({})).await?;
        let version =
            version["product"].as_str().and_then(|product| product.split('/').nth(1)).unwrap_or("?").to_owned();
        browser.call("Network.enable", json!({})).await?;
        browser.call("Page.enable", json!({})).await?;
        browser.call("Network.setCacheDisabled", json!({"cacheDisabled": true})).await?;
        Ok(Self { browser, version })
    }

    /// Asks for an answer; `None` when that would take too long.
    ///
    /// # Errors
    /// When the browser ends.
    pub async fn ask(&mut self, row: &Row, server: &Server) -> Result<Option<Found>> {
        let url = row.url(server, row.host, "/");
        let start = row.url(server, row.host, START);
        match row.ask {
            Ask::Body => Ok(Some(self.navigate(&url).await?.map(|page| page.body))),
            Ask::Wait(seconds) => {
                let wait = Duration::from_secs(seconds.parse()?);
                if wait > PATIENCE {
                    return Ok(None);
                }
                if let Err(error) = self.navigate(&url).await? {
                    return Ok(Some(Err(error)));
                }
                tokio::time::sleep(wait + HEADWAY).await;
                let attempts = server.requests().iter().filter(|request| request.starts_with("GET / ")).count();
                Ok(Some(if attempts > 1 { Ok(seconds.to_owned()) } else { Err(String::new()) }))
            }
            Ask::Sign(_) => Ok(Some(self.navigate(&url).await?.map(|page| page.sign))),
            Ask::Text(_) => Ok(Some(self.script(&url, "document.body.innerText").await?)),
            Ask::Form(_) => {
                Ok(Some(self.script(&url, "document.querySelector('[name=_token]')?.value ?? null").await?))
            }
            Ask::Json(_) => {
                let read = "fetch('/').then(answer => answer.json()).then(value => JSON.stringify(value))";
                Ok(Some(self.script(&start, read).await?))
            }
            Ask::Post(_) => {
                let body = "new URLSearchParams({a: 'b'})";
                let post = format!("fetch('/', {{method: 'POST', body: {body}}}).then(answer => answer.text())");
                let sent = self.script(&start, &post).await?;
                Ok(Some(sent.and_then(|_| posted(server))))
            }
            Ask::Submit(_) => {
                let sent = self.script(&url, SUBMIT).await?;
                tokio::time::sleep(HEADWAY).await;
                Ok(Some(sent.and_then(|_| submitted(server))))
            }
            Ask::Cookies(host, _) => {
                self.browser.call("Network.clearBrowserCookies", json!({})).await?;
                if let Err(error) = self.navigate(&url).await? {
                    return Ok(Some(Err(error)));
                }
                let next = self.navigate(&row.url(server, host, NEXT)).await?;
                Ok(Some(next.and_then(|_| cookies(server))))
            }
        }
    }

    /// Evaluates an expression in a page.
    async fn script(&mut self, url: &str, expression: &str) -> Result<Found> {
        if let Err(error) = self.navigate(url).await? {
            return Ok(Err(error));
        }
        self.settle().await?;
        let script = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let done = self.browser.call("Runtime.evaluate", script).await?;
        let exception = &done["exceptionDetails"]["exception"]["className"];
        Ok(match (exception.as_str(), done["result"]["value"].as_str()) {
            (Some(error), _) => Err(format!("`{error}`")),
            (None, Some(found)) => Ok(found.to_owned()),
            (None, None) => Err(String::new()),
        })
    }

    /// Opens a page.
    async fn navigate(&mut self, url: &str) -> Result<Result<Page, String>> {
        self.browser.forget_events();
        let started = self.browser.call("Page.navigate", json!({"url": url})).await?;
        if let Some(error) = started["errorText"].as_str() {
            return Ok(Err(shown(error)));
        }
        let request = started["loaderId"].clone();
        let mut sign = String::new();
        loop {
            let Some(event) = self.browser.event(PATIENCE).await? else { return Ok(Err("no end".to_owned())) };
            let parameters = &event["params"];
            if parameters["requestId"] != request {
                continue;
            }
            match event["method"].as_str() {
                Some("Network.responseReceived") => {
                    let headers = parameters["response"]["headers"].as_object().into_iter().flatten();
                    let value = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(SIGN));
                    sign = value.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned();
                }
                Some("Network.loadingFailed") => {
                    return Ok(Err(shown(parameters["errorText"].as_str().unwrap_or("no reason"))));
                }
                Some("Network.loadingFinished") => break,
                _ => {}
            }
        }
        let body = self.browser.call("Network.getResponseBody", json!({"requestId": request})).await?;
        let text = body["body"].as_str().unwrap_or_default();
        let body = if body["base64Encoded"] == true {
            String::from_utf8_lossy(&STANDARD.decode(text)?).into_owned()
        } else {
            text.to_owned()
        };
        Ok(Ok(Page { sign, body }))
    }

    /// Waits until the page is complete, so that a script finds it.
    async fn settle(&mut self) -> Result<()> {
        let ready =
            "document.readyState === 'complete' || new Promise(ready => addEventListener('load', () => ready(true)))";
        self.browser.call("Runtime.evaluate", json!({"expression": ready, "awaitPromise": true})).await?;
        Ok(())
    }

    /// Ends the browser.
    pub async fn end(self) {
        self.browser.end().await;
    }
}

/// A page that the browser has received.
struct Page {
    /// Value of the header [`SIGN`]; empty without one.
    sign: String,
    body: String,
}

/// Chromium's name of an error.
fn shown(error: &str) -> String {
    format!("`{}`", error.trim_start_matches("net::"))
}

/// Adds authorities to the list of the user with this home.
async fn trust(home: &Path, authorities: &[String]) -> Result<()> {
    let folder = home.join(".pki/nssdb");
    std::fs::create_dir_all(&folder).context("failed to create a folder")?;
    let list = format!("sql:{}", folder.display());
    certutil(&["-N", "--empty-password", "-d", &list]).await?;
    for (number, pem) in authorities.iter().enumerate() {
        let file = home.join(format!("authority{number}.pem"));
        std::fs::write(&file, pem).context("failed to write a certificate")?;
        let (name, file) = (format!("authority {number}"), file.display().to_string());
        certutil(&["-A", "-t", "C,,", "-n", &name, "-i", &file, "-d", &list]).await?;
    }
    Ok(())
}

async fn certutil(arguments: &[&str]) -> Result<()> {
    let output = Command::new(CERTUTIL).args(arguments).output().await;
    let output = output.with_context(|| format!("failed to run {CERTUTIL}"))?;
    ensure!(output.status.success(), "{CERTUTIL}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
