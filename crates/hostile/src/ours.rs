//! The program before a server: `synthetics run availability`, measured from outside.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::process::Command;

use crate::cases::{Case, Content, DEADLINE, Expect};
use crate::peers::Verdict;

/// The longest a run may take: both attempts, and two seconds on a machine that is busy.
pub const TIME_BOUND: Duration = Duration::from_secs(DEADLINE.as_secs() * 2 + 2);
/// The most memory that a run may need over that of an ordinary answer. **Units:** MB.
pub const MEMORY_BOUND: u64 = 16;

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    /// The failure's kind and words; `None` when the run passed.
    pub failure: Option<(String, String)>,
    /// All that was said of it, for finding the cause in it.
    pub text: String,
    /// `CertificateDaysRemaining`.
    pub days: Option<f64>,
    /// How long it took.
    pub took: Duration,
    /// The most memory it had. **Units:** kilobytes.
    pub peak_kb: u64,
}

/// Runs the program, which stands beside this one.
///
/// # Errors
/// When it cannot be run, or says nothing that can be read: a crash.
pub async fn run(case: &Case, authorities: &Path, folder: &Path, name: &str) -> Result<Ran> {
    let settings = folder.join(format!("{name}.toml"));
    let pem = std::fs::read_to_string(authorities).context("failed to read the authorities")?;
    std::fs::write(&settings, settings_of(case, &pem)).context("failed to write settings")?;
    let measured = folder.join(format!("{name}.measured"));
    let own = std::env::current_exe().context("failed to find this program")?;
    let program = own.with_file_name("synthetics");
    let output = Command::new(&own)
        .args(["measure".as_ref(), measured.as_os_str(), program.as_os_str()])
        .args(["run", "availability", "--format", "json", "--settings"])
        .arg(&settings)
        .stdin(Stdio::null())
        .output();
    // Far beyond the bound, so that one that hangs is told as such.
    let output = tokio::time::timeout(TIME_BOUND * 3, output).await.context("it hangs")??;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("it said nothing that can be read: {}", String::from_utf8_lossy(&output.stderr)))?;
    let report = &report[0];
    let measured = std::fs::read_to_string(&measured).context("it was not measured")?;
    let (took, peak) = measured.trim().split_once(' ').context("it was not measured")?;
    let failure = &report["outcome"]["failures"][0];
    let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
    let says = match report["outcome"]["result"].as_str() {
        Some("passed") => None,
        Some("failed") => Some((text("kind"), format!("{}; {}", text("seen"), text("expected")))),
        other => anyhow::bail!("neither passed nor failed but {other:?}: {}", report["outcome"]),
    };
    let attempt = report["attempts"].as_array().and_then(|attempts| attempts.last());
    let days = attempt.and_then(|attempt| {
        let measurements = attempt["measurements"].as_array()?;
        let days = measurements.iter().find(|measured| measured["metric"] == "CertificateDaysRemaining")?;
        days["value"].as_f64()
    });
    Ok(Ran {
        failure: says,
        text: failure.to_string(),
        days,
        took: Duration::from_millis(took.parse()?),
        peak_kb: peak.parse()?,
    })
}

/// Runs a program, and writes how long it took (ms) and the most memory it had (kB) into a file.
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
    // Of all children that have ended, which is one.
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    std::fs::write(PathBuf::from(file), format!("{took} {}\n", usage.max_rss()))?;
    Ok(status.code().unwrap_or(1))
}

impl Ran {
    /// What is wrong with how the run went; `None`: it is as it must be.
    #[must_use]
    pub fn wrong(&self, case: &Case, ordinary_kb: u64) -> Option<String> {
        let over = self.peak_over(ordinary_kb);
        if self.took > TIME_BOUND {
            return Some(format!("took {:.1} s, at most {:?} are allowed", self.took.as_secs_f64(), TIME_BOUND));
        }
        if over > MEMORY_BOUND {
            return Some(format!("needed {over} MB more than an ordinary answer, at most {MEMORY_BOUND} are allowed"));
        }
        if case.forbidden.as_ref().is_some_and(|server| server.connections() > 0) {
            return Some("was led to where nobody may be led".to_owned());
        }
        match (case.expect, &self.failure) {
            (Expect::Passed, None) => None,
            (Expect::Expiring(within), None) if self.days.is_some_and(|days| days > 0.0 && days <= within) => None,
            (Expect::Failed(kind, words), Some((seen, text))) if seen == kind && text.contains(words) => None,
            _ => Some(format!("expected {:?}, saw {self:?}", case.expect)),
        }
    }

    /// As its peers are judged.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.failure.is_some() { Verdict::Failed(self.text.clone()) } else { Verdict::Healthy }
    }

    /// The most memory over that of an ordinary answer. **Units:** MB, rounded up.
    #[must_use]
    pub fn peak_over(&self, ordinary_kb: u64) -> u64 {
        self.peak_kb.saturating_sub(ordinary_kb).div_ceil(1_000)
    }
}

fn settings_of(case: &Case, authority: &str) -> String {
    let expect = match case.content {
        Content::Any => String::new(),
        Content::Text(text) => format!("expect.text = [{text:?}]\n"),
        Content::Json(pointer, _) => format!("expect.json = [{{ pointer = {pointer:?} }}]\n"),
    };
    format!(
        "environment = \"hostile\"\nbase_url = {url:?}\n\
         [contact]\nname = \"Nobody\"\nreach = \"nowhere\"\n[links]\nrunbook = \"https://docs.example/{{check}}\"\n\
         [network]\nredirects = [\"inside.hostile.example\"]\nauthorities = ['''\n{authority}''']\n\
         [check.availability]\nconfirm_after = \"0s\"\ndeadline = \"20s\"\n\
         [[check.availability.targets]]\nid = \"target\"\npath = \"/\"\ndeadline = \"{deadline}s\"\n{expect}",
        url = case.url,
        deadline = DEADLINE.as_secs(),
    )
}
