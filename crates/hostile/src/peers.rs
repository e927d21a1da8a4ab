//! Runs other probes against the same servers: curl and Prometheus' blackbox_exporter, with their best configuration.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use crate::cases::{Case, Content, DEADLINE, Expect};

/// Time after which a probe counts as hanging.
const PATIENCE: Duration = Duration::from_secs(DEADLINE.as_secs() * 4);
const EXPORTER: &str = "127.0.0.1:9115";
const INSTALL: &str = "install it: sudo apt-get install --yes curl prometheus-blackbox-exporter";

/// Verdict of a probe on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server is healthy.
    Healthy,
    /// The server fails, with this text.
    Failed(String),
    /// The probe does not end.
    Hangs,
}

/// Assessment of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assessment {
    /// A healthy server is reported as healthy.
    RightlyHealthy,
    /// A failure is reported with its cause.
    NamesTheCause,
    /// A failure is reported without its cause.
    FailsOnly,
    /// A failure is reported as healthy.
    FalselyHealthy,
    /// A healthy server is reported as failing.
    FalseAlarm,
    /// The probe does not end.
    Hangs,
}

impl Verdict {
    /// Compares the verdict with the expectation of the case.
    #[must_use]
    pub fn assess(&self, case: &Case) -> Assessment {
        let is_healthy = !matches!(case.expect, Expect::Failed(..));
        match self {
            Self::Hangs => Assessment::Hangs,
            Self::Healthy if is_healthy => Assessment::RightlyHealthy,
            Self::Healthy => Assessment::FalselyHealthy,
            Self::Failed(_) if is_healthy => Assessment::FalseAlarm,
            Self::Failed(text) => {
                let text = text.to_lowercase();
                let names = case.cause.iter().any(|keyword| text.contains(keyword));
                if names { Assessment::NamesTheCause } else { Assessment::FailsOnly }
            }
        }
    }
}

/// Runs curl against a case.
///
/// # Errors
/// When curl is missing.
pub async fn curl(case: &Case, ca_certificates: &Path) -> Result<Verdict> {
    // HTTPS must not redirect to plain HTTP.
    let redirects = if case.url.starts_with("https") { "=https" } else { "=http,https" };
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--location", "--max-redirs", "5", "--compressed"])
        .args(["--proto-redir", redirects])
        .args(["--output", "/dev/null", "--max-filesize", "2097152", "--max-time"])
        .args([DEADLINE.as_secs().to_string()])
        .args(["--cacert".as_ref(), ca_certificates.as_os_str()])
        .arg(&case.url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(output) = tokio::time::timeout(PATIENCE, output).await else { return Ok(Verdict::Hangs) };
    let output = output.with_context(|| format!("failed to run curl\n  {INSTALL}"))?;
    if output.status.success() {
        return Ok(Verdict::Healthy);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Ok(Verdict::Failed(error.lines().next().unwrap_or("nothing").trim_start_matches("curl: ").to_owned()))
}

/// A running exporter. Dropping it stops the process.
pub struct Exporter {
    process: Child,
}

impl Exporter {
    /// Starts the exporter with one module per case, named by its position.
    ///
    /// # Errors
    /// When the exporter is missing or rejects its configuration.
    pub async fn start(cases: &[Case], ca_certificates: &Path, folder: &Path) -> Result<Self> {
        let mut modules = "modules:\n".to_owned();
        for (place, case) in cases.iter().enumerate() {
            let compression = match (case.number, case.fault) {
                (30 | 31, fault) if fault.starts_with("brotli") => Some("br"),
                (30 | 31, fault) if fault.starts_with("deflate") => Some("deflate"),
                (30 | 31, _) => Some("gzip"),
                _ => None,
            };
            write!(
                modules,
                "  case{place}:\n    prober: http\n    timeout: {}s\n    http:\n      body_size_limit: 2MB\n      \
                 valid_status_codes: [200]\n      fail_if_not_ssl: {}\n      tls_config: {{ ca_file: {:?} }}\n",
                DEADLINE.as_secs(),
                case.url.starts_with("https"),
                ca_certificates.display().to_string()
            )?;
            if let Some(encoding) = compression {
                writeln!(modules, "      compression: {encoding}\n      headers: {{ Accept-Encoding: {encoding} }}")?;
            }
            let pattern = match case.content {
                Content::Any => continue,
                Content::Text(text) => text,
                Content::Json(_, pattern) => pattern,
                Content::Form => "name=\"_token\"",
            };
            writeln!(modules, "      fail_if_body_not_matches_regexp: ['{pattern}']")?;
        }
        let file = folder.join("blackbox.yml");
        std::fs::write(&file, modules).context("failed to write the exporter's configuration")?;
        let process = Command::new("prometheus-blackbox-exporter")
            .args(["--config.file".as_ref(), file.as_os_str()])
            .arg(format!("--web.listen-address={EXPORTER}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("blackbox.log"))?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start prometheus-blackbox-exporter\n  {INSTALL}"))?;
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(EXPORTER).await.is_ok() {
                return Ok(Self { process });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the exporter did not start: {}", std::fs::read_to_string(folder.join("blackbox.log"))?)
    }

    /// Probes the server of the case at this position.
    ///
    /// # Errors
    /// When the exporter has ended.
    pub async fn probe(&self, place: usize, case: &Case) -> Result<Verdict> {
        anyhow::ensure!(self.process.id().is_some(), "the exporter has ended");
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--get", &format!("http://{EXPORTER}/probe")])
            .args(["--data-urlencode", &format!("target={}", case.url)])
            .args(["--data-urlencode", &format!("module=case{place}"), "--data-urlencode", "debug=true"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let Ok(output) = tokio::time::timeout(PATIENCE, output).await else { return Ok(Verdict::Hangs) };
        let output = output?;
        let log = String::from_utf8_lossy(&output.stdout);
        if log.lines().any(|line| line == "probe_success 1") {
            return Ok(Verdict::Healthy);
        }
        let errors: Vec<String> = log.lines().filter(|line| line.contains("level=")).filter_map(reason).collect();
        Ok(Verdict::Failed(if errors.is_empty() { "no reason".to_owned() } else { errors.join("; ") }))
    }
}

/// Message and error of a log line about a failed probe; `None` for other lines.
fn reason(line: &str) -> Option<String> {
    let message = value(line, "msg=")?;
    let is_reason =
        ["level=error", "level=warn", "err="].iter().any(|sign| line.contains(sign)) || message.starts_with("Invalid");
    if !is_reason || message.starts_with("Probe failed") {
        return None;
    }
    Some(match value(line, " err=") {
        Some(error) => format!("{message}: {error}"),
        None => match value(line, " status_code=") {
            Some(status) => format!("{message}: {status}"),
            None => message,
        },
    })
}

/// Value of a key in logfmt, quoted or not.
fn value(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.split_once(key)?;
    let Some(quoted) = rest.strip_prefix('"') else { return Some(rest.split(' ').next()?.to_owned()) };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_plain_log_values_are_read() {
        for (line, key, expected) in [
            ("level=info msg=plain x=1", "msg=", Some("plain")),
            ("level=info msg=\"two words\" x=1", "msg=", Some("two words")),
            (r#"msg="a \"quoted\" word, a \\" err=x"#, "msg=", Some("a \"quoted\" word, a \\")),
            ("msg=last", "msg=", Some("last")),
            ("msg=\"never closed", "msg=", Some("never closed")),
            ("msg=", "msg=", Some("")),
            ("level=info", "msg=", None),
        ] {
            assert_eq!(value(line, key).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn only_failure_lines_have_a_reason() {
        for (line, expected) in [
            ("level=info msg=\"Resolving target address\" ip_protocol=ip6", None),
            (
                "level=error msg=\"Error for HTTP request\" err=\"dial tcp: refused\"",
                Some("Error for HTTP request: dial tcp: refused"),
            ),
            (
                "level=info msg=\"Invalid HTTP response status code\" status_code=204",
                Some("Invalid HTTP response status code: 204"),
            ),
            (
                "level=error msg=\"Body did not match regular expression\"",
                Some("Body did not match regular expression"),
            ),
            ("level=error msg=\"Probe failed\" duration_seconds=3", None),
        ] {
            assert_eq!(reason(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn verdicts_are_assessed_against_the_case() {
        let case = |expect| Case { expect, ..crate::cases::tests::case(9) }.named_by(&["cut short"]);
        let failed = |text: &str| Verdict::Failed(text.to_owned());
        for (expect, verdict, assessment) in [
            (Expect::Passed, Verdict::Healthy, Assessment::RightlyHealthy),
            (Expect::Expiring(5.0), Verdict::Healthy, Assessment::RightlyHealthy),
            (Expect::Passed, failed("Cut short"), Assessment::FalseAlarm),
            (Expect::Failed("body", "x"), Verdict::Healthy, Assessment::FalselyHealthy),
            (Expect::Failed("body", "x"), failed("it was Cut Short"), Assessment::NamesTheCause),
            (Expect::Failed("body", "x"), failed("it failed"), Assessment::FailsOnly),
            (Expect::Failed("body", "x"), Verdict::Hangs, Assessment::Hangs),
            (Expect::Passed, Verdict::Hangs, Assessment::Hangs),
        ] {
            assert_eq!(verdict.assess(&case(expect)), assessment, "{expect:?} {verdict:?}");
        }
    }
}
