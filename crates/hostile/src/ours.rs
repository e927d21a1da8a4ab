//! Runs `synthetics run availability` (or `login`) against a server and measures time and memory.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::process::Command;

use crate::cases::{Case, Content, DEADLINE, Expect};
use crate::peers::Verdict;

/// Maximum duration of a run: two attempts, plus two seconds for a busy machine.
pub const TIME_BOUND: Duration = Duration::from_secs(DEADLINE.as_secs() * 2 + 2);
/// Maximum memory of a run beyond the baseline. **Units:** MB.
pub const MEMORY_BOUND: u64 = 16;

/// Hosts that the settings allow for redirects, although their addresses are forbidden.
const REDIRECTS: [&str; 5] =
    ["inside.hostile.example", "169.254.169.254", "[::ffff:a9fe:a9fe]", "127.0.0.1", "10.1.2.3"];
/// Environment variable with the password of the log-in.
const PASSWORD: &str = "HOSTILE_PASSWORD";

/// Result of a run.
#[derive(Debug)]
pub struct RunResult {
    /// Kind and text of the failure; `None` when the run passed.
    pub failure: Option<(String, String)>,
    /// Complete failure, which must name the cause.
    pub text: String,
    /// Exit code: 0 when the run passed, 1 when it failed, 128 plus the signal that ended the program.
    pub code: i32,
    /// Metric `CertificateDaysRemaining`.
    pub days: Option<f64>,
    /// Duration of the program.
    pub took: Duration,
    /// Peak memory. **Units:** kilobytes.
    pub peak_kb: u64,
}

/// Runs the program, which is in the same folder as this one.
///
/// # Errors
/// When it cannot be run, or prints no valid report, as after a crash.
pub async fn run(case: &Case, ca_certificates: &Path, folder: &Path, name: &str) -> Result<RunResult> {
    let settings = folder.join(format!("{name}.toml"));
    let pem = std::fs::read_to_string(ca_certificates).context("failed to read the authorities")?;
    std::fs::write(&settings, settings_for(case, &pem)).context("failed to write settings")?;
    let measured = folder.join(format!("{name}.measured"));
    let this_program = std::env::current_exe().context("failed to find this program")?;
    let program = this_program.with_file_name("synthetics");
    let output = Command::new(&this_program)
        .args(["measure".as_ref(), measured.as_os_str(), program.as_os_str()])
        .args(["run", check_for(case), "--format", "json", "--store", "memory", "--settings"])
        .arg(&settings)
        .env(PASSWORD, "correct-horse-battery")
        .stdin(Stdio::null())
        .output();
    // A program that exceeds the limit by this much hangs.
    let output = tokio::time::timeout(TIME_BOUND * 3, output).await.context("the program hangs")??;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the program printed no valid report: {}", String::from_utf8_lossy(&output.stderr)))?;
    let report = &report[0];
    let measured = std::fs::read_to_string(&measured).context("the run was not measured")?;
    let (took, peak) = measured.trim().split_once(' ').context("the run was not measured")?;
    let failure = &report["outcome"]["failures"][0];
    let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
    let kind_and_text = match report["outcome"]["result"].as_str() {
        Some("passed") => None,
        Some("failed") => Some((text("kind"), format!("{}; {}", text("actual"), text("expected")))),
        other => anyhow::bail!("expected passed or failed, found {other:?}: {}", report["outcome"]),
    };
    let attempt = report["attempts"].as_array().and_then(|attempts| attempts.last());
    let days = attempt.and_then(|attempt| {
        let measurements = attempt["measurements"].as_array()?;
        let days = measurements.iter().find(|measured| measured["metric"] == "CertificateDaysRemaining")?;
        days["value"].as_f64()
    });
    Ok(RunResult {
        failure: kind_and_text,
        text: failure.to_string(),
        code: output.status.code().context("the measuring process was killed")?,
        days,
        took: Duration::from_millis(took.parse()?),
        peak_kb: peak.parse()?,
    })
}

/// Runs a program and writes its duration (ms) and peak memory (kB) to a file. Returns the exit code.
///
/// # Errors
/// When it cannot be run.
pub fn measure(file: &str, command: &[String]) -> Result<i32> {
    let (program, arguments) = command.split_first().context("nothing to measure")?;
    let started = std::time::Instant::now();
    let status = std::process::Command::new(program)
        .args(arguments)
        .status()
        .with_context(|| format!("failed to run {program}"))?;
    let took = started.elapsed().as_millis();
    // The usage of all ended children, of which there is only one.
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    std::fs::write(PathBuf::from(file), format!("{took} {}\n", usage.max_rss()))?;
    // Shells use the same codes for signals.
    Ok(status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(255))
}

impl RunResult {
    /// Compares the run with the limits and the required result; `None` when everything holds.
    #[must_use]
    pub fn violation(&self, case: &Case, baseline_kb: u64) -> Option<String> {
        let over = self.memory_beyond(baseline_kb);
        if self.took > TIME_BOUND {
            return Some(format!("took {:.1} s; the limit is {:?}", self.took.as_secs_f64(), TIME_BOUND));
        }
        if self.took < case.at_least {
            return Some(format!("took {:?}, less than the minimum of {:?}", self.took, case.at_least));
        }
        if self.code != i32::from(self.failure.is_some()) {
            return Some(format!("exit code {}: {self:?}", self.code));
        }
        if over > MEMORY_BOUND {
            return Some(format!("needed {over} MB more than a normal answer; the limit is {MEMORY_BOUND}"));
        }
        if case.forbidden.as_ref().is_some_and(|server| server.connections() > 0) {
            return Some("connected to a forbidden server".to_owned());
        }
        match (case.expect, &self.failure) {
            (Expect::Passed, None) => None,
            (Expect::Expiring(within), None) if self.days.is_some_and(|days| days > 0.0 && days <= within) => None,
            (Expect::Failed(kind, words), Some((actual, text))) if actual == kind && text.contains(words) => None,
            _ => Some(format!("expected {:?}, found {self:?}", case.expect)),
        }
    }

    /// Converts the result to the verdict of a peer, for comparison.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.failure.is_some() { Verdict::Failed(self.text.clone()) } else { Verdict::Healthy }
    }

    /// Peak memory beyond the baseline. **Units:** MB, rounded up.
    #[must_use]
    pub fn memory_beyond(&self, baseline_kb: u64) -> u64 {
        self.peak_kb.saturating_sub(baseline_kb).div_ceil(1_000)
    }
}

/// Check that requests the content of a case.
fn check_for(case: &Case) -> &'static str {
    if matches!(case.content, Content::Form) { "login" } else { "availability" }
}

/// Settings of a run against the server of a case.
fn settings_for(case: &Case, authority: &str) -> String {
    let deadline = DEADLINE.as_secs();
    let target = |expect: &str| {
        format!(
            "confirm_after = \"0s\"\ndeadline = \"20s\"\n[[check.availability.targets]]\nid = \"target\"\npath = \"/\"\n\
             deadline = \"{deadline}s\"\n{expect}"
        )
    };
    let check = match case.content {
        Content::Any => target(""),
        Content::Text(text) => target(&format!("expect.text = [{text:?}]\n")),
        Content::Json(pointer, _) => target(&format!("expect.json = [{{ pointer = {pointer:?} }}]\n")),
        Content::Form => format!(
            "step_deadline = \"{deadline}s\"\ndeadline = \"20s\"\nown_school = 1\nother_school = 2\n\
             account.email = \"a@hostile.example\"\naccount.password = \"env:{PASSWORD}\"\n\
             wrong_password.email = \"b@hostile.example\"\n"
        ),
    };
    format!(
        "environment = \"hostile\"\nbase_url = {url:?}\n\
         [contact]\nname = \"Test\"\ndetails = \"none\"\n[links]\nrunbook = \"https://docs.example/{{check}}\"\n\
         [network]\nallow_redirect_hosts = {REDIRECTS:?}\nca_certificates = ['''\n{authority}''']\n[check.{id}]\n{check}",
        url = case.url,
        id = check_for(case),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::tests::case;

    fn passed() -> RunResult {
        let took = Duration::from_millis(10);
        RunResult { failure: None, text: String::new(), code: 0, days: None, took, peak_kb: 30_000 }
    }

    #[test]
    fn every_violation_is_found() {
        let failure = Some(("body".to_owned(), "cut short".to_owned()));
        let must_fail = || Case { expect: Expect::Failed("body", "cut short"), ..case(9) };
        let failed = |code: i32| RunResult { failure: failure.clone(), code, ..passed() };
        for (name, case, result, expected) in [
            ("passed as expected", case(9), passed(), None),
            ("failed as expected", must_fail(), failed(1), None),
            ("passed instead of failed", must_fail(), passed(), Some("expected Failed")),
            ("failed instead of passed", case(9), failed(1), Some("expected Passed")),
            (
                "failed with another text",
                Case { expect: Expect::Failed("body", "too large"), ..case(9) },
                failed(1),
                Some("expected Failed"),
            ),
            ("crash after the report", must_fail(), failed(134), Some("exit code 134")),
            ("exit code 0 after a failure", must_fail(), failed(0), Some("exit code 0")),
            ("too slow", case(9), RunResult { took: TIME_BOUND * 2, ..passed() }, Some("took 16.0 s")),
            (
                "too fast",
                Case { at_least: Duration::from_millis(20), ..case(3) },
                passed(),
                Some("took 10ms, less than"),
            ),
            ("too much memory", case(9), RunResult { peak_kb: 46_001, ..passed() }, Some("needed 17 MB more")),
            ("memory just within the limit", case(9), RunResult { peak_kb: 46_000, ..passed() }, None),
            (
                "no expiry reported",
                Case { expect: Expect::Expiring(5.0), ..case(16) },
                passed(),
                Some("expected Expiring"),
            ),
            (
                "too many days reported",
                Case { expect: Expect::Expiring(5.0), ..case(16) },
                RunResult { days: Some(5.5), ..passed() },
                Some("expected Expiring"),
            ),
        ] {
            let actual = result.violation(&case, 30_000);
            let holds = match expected {
                None => actual.is_none(),
                Some(start) => actual.as_ref().is_some_and(|actual| actual.starts_with(start)),
            };
            assert!(holds, "{name}: {actual:?}");
        }
    }

    #[test]
    fn signal_gives_its_own_exit_code() {
        let path = std::env::temp_dir().join(format!("hostile-measured-{}", std::process::id()));
        let file = path.display().to_string();
        let shell = |line: &str| measure(&file, &["sh", "-c", line].map(str::to_owned)).unwrap();
        assert_eq!(shell("exit 1"), 1);
        assert_eq!(shell("kill -9 $$"), 137);
        std::fs::remove_file(path).unwrap();
    }
}
