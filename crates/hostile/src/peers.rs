//! Other probes before the same servers: curl and Prometheus' blackbox_exporter, set up as well as they can be.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use crate::cases::{Case, Content, DEADLINE, Expect};

/// One that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(DEADLINE.as_secs() * 4);
const EXPORTER: &str = "127.0.0.1:9115";
const INSTALL: &str = "install it: sudo apt-get install --yes curl prometheus-blackbox-exporter";

/// What a peer makes of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is well.
    Healthy,
    /// It is not, in these words.
    Failed(String),
    /// It does not come back.
    Hangs,
}

/// How a verdict stands to the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Well, and said so.
    RightlyHealthy,
    /// Wrong, and the cause is named.
    NamesTheCause,
    /// Wrong, and said without the cause.
    FailsOnly,
    /// Wrong, and said to be well.
    FalselyHealthy,
    /// Well, and said to be wrong.
    FalseAlarm,
    /// No word.
    Hangs,
}

impl Verdict {
    /// How it stands to the truth.
    #[must_use]
    pub fn standing(&self, case: &Case) -> Standing {
        let is_well = !matches!(case.expect, Expect::Failed(..));
        match self {
            Self::Hangs => Standing::Hangs,
            Self::Healthy if is_well => Standing::RightlyHealthy,
            Self::Healthy => Standing::FalselyHealthy,
            Self::Failed(_) if is_well => Standing::FalseAlarm,
            Self::Failed(text) => {
                let text = text.to_lowercase();
                let names = case.cause.iter().any(|word| text.contains(word));
                if names { Standing::NamesTheCause } else { Standing::FailsOnly }
            }
        }
    }
}

/// Asks curl.
///
/// # Errors
/// When it is missing.
pub async fn curl(case: &Case, ca_certificates: &Path) -> Result<Verdict> {
    // What began encrypted is to stay so.
    let redirects = if case.url.starts_with("https") { "=https" } else { "=http,https" };
    let asked = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--location", "--max-redirs", "5", "--compressed"])
        .args(["--proto-redir", redirects])
        .args(["--output", "/dev/null", "--max-filesize", "2097152", "--max-time"])
        .args([DEADLINE.as_secs().to_string()])
        .args(["--cacert".as_ref(), ca_certificates.as_os_str()])
        .arg(&case.url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(done) = tokio::time::timeout(PATIENCE, asked).await else { return Ok(Verdict::Hangs) };
    let done = done.with_context(|| format!("failed to run curl\n  {INSTALL}"))?;
    if done.status.success() {
        return Ok(Verdict::Healthy);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Ok(Verdict::Failed(said.lines().next().unwrap_or("nothing").trim_start_matches("curl: ").to_owned()))
}

/// The exporter, until it is dropped.
pub struct Exporter {
    process: Child,
}

impl Exporter {
    /// Starts it with a module for each case, named by its place.
    ///
    /// # Errors
    /// When it is missing, or refuses its configuration.
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

    /// Asks it for the case at this place.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn ask(&self, place: usize, case: &Case) -> Result<Verdict> {
        anyhow::ensure!(self.process.id().is_some(), "the exporter has ended");
        let asked = Command::new("curl")
            .args(["--silent", "--show-error", "--get", &format!("http://{EXPORTER}/probe")])
            .args(["--data-urlencode", &format!("target={}", case.url)])
            .args(["--data-urlencode", &format!("module=case{place}"), "--data-urlencode", "debug=true"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let Ok(done) = tokio::time::timeout(PATIENCE, asked).await else { return Ok(Verdict::Hangs) };
        let said = done?;
        let said = String::from_utf8_lossy(&said.stdout);
        if said.lines().any(|line| line == "probe_success 1") {
            return Ok(Verdict::Healthy);
        }
        let errors: Vec<String> = said.lines().filter(|line| line.contains("level=")).filter_map(reason).collect();
        Ok(Verdict::Failed(if errors.is_empty() { "no reason".to_owned() } else { errors.join("; ") }))
    }
}

/// The message and the error of a log line that says why a probe failed.
fn reason(line: &str) -> Option<String> {
    let message = value(line, "msg=")?;
    let is_why =
        ["level=error", "level=warn", "err="].iter().any(|sign| line.contains(sign)) || message.starts_with("Invalid");
    if !is_why || message.starts_with("Probe failed") {
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

/// The value of a key in logfmt, quoted or not.
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
    fn a_value_of_a_log_line_is_read_with_its_quotes() {
        for (line, key, found) in [
            ("level=info msg=plain x=1", "msg=", Some("plain")),
            ("level=info msg=\"two words\" x=1", "msg=", Some("two words")),
            (r#"msg="a \"quoted\" word, a \\" err=x"#, "msg=", Some("a \"quoted\" word, a \\")),
            ("msg=last", "msg=", Some("last")),
            ("msg=\"never closed", "msg=", Some("never closed")),
            ("msg=", "msg=", Some("")),
            ("level=info", "msg=", None),
        ] {
            assert_eq!(value(line, key).as_deref(), found, "{line}");
        }
    }

    #[test]
    fn the_reason_is_what_a_line_says_went_wrong() {
        for (line, why) in [
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
            assert_eq!(reason(line).as_deref(), why, "{line}");
        }
    }

    #[test]
    fn a_verdict_is_held_against_the_truth() {
        let case = |expect| Case { expect, ..crate::cases::tests::case(9) }.named_by(&["cut short"]);
        let failed = |text: &str| Verdict::Failed(text.to_owned());
        for (expect, verdict, standing) in [
            (Expect::Passed, Verdict::Healthy, Standing::RightlyHealthy),
            (Expect::Expiring(5.0), Verdict::Healthy, Standing::RightlyHealthy),
            (Expect::Passed, failed("Cut short"), Standing::FalseAlarm),
            (Expect::Failed("body", "x"), Verdict::Healthy, Standing::FalselyHealthy),
            (Expect::Failed("body", "x"), failed("it was Cut Short"), Standing::NamesTheCause),
            (Expect::Failed("body", "x"), failed("it failed"), Standing::FailsOnly),
            (Expect::Failed("body", "x"), Verdict::Hangs, Standing::Hangs),
            (Expect::Passed, Verdict::Hangs, Standing::Hangs),
        ] {
            assert_eq!(verdict.standing(&case(expect)), standing, "{expect:?} {verdict:?}");
        }
    }
}
