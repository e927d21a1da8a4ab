//! The program before a server: `synthetics run availability` (or `login`), measured from outside.

use std::os::unix::process::ExitStatusExt;
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

/// Where redirects may lead by the settings: a name and literals of addresses that nobody may be led to.
const REDIRECTS: [&str; 5] =
    ["inside.hostile.example", "169.254.169.254", "[::ffff:a9fe:a9fe]", "127.0.0.1", "10.1.2.3"];
/// The variable that holds the password of a log-in.
const PASSWORD: &str = "HOSTILE_PASSWORD";

/// How a run went.
#[derive(Debug)]
pub struct Ran {
    /// The failure's kind and words; `None` when the run passed.
    pub failure: Option<(String, String)>,
    /// All that was said of it, for finding the cause in it.
    pub text: String,
    /// How the program ended: 0 when the run passed, 1 when it failed, 128 and more when a signal ended it.
    pub code: i32,
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
pub async fn run(case: &Case, ca_certificates: &Path, folder: &Path, name: &str) -> Result<Ran> {
    let settings = folder.join(format!("{name}.toml"));
    let pem = std::fs::read_to_string(ca_certificates).context("failed to read the authorities")?;
    std::fs::write(&settings, settings_of(case, &pem)).context("failed to write settings")?;
    let measured = folder.join(format!("{name}.measured"));
    let own = std::env::current_exe().context("failed to find this program")?;
    let program = own.with_file_name("synthetics");
    let output = Command::new(&own)
        .args(["measure".as_ref(), measured.as_os_str(), program.as_os_str()])
        .args(["run", check_of(case), "--format", "json", "--settings"])
        .arg(&settings)
        .env(PASSWORD, "correct-horse-battery")
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
        Some("failed") => Some((text("kind"), format!("{}; {}", text("actual"), text("expected")))),
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
        code: output.status.code().context("it could not be measured to its end")?,
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
    // As shells tell it.
    Ok(status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(255))
}

impl Ran {
    /// What is wrong with how the run went; `None`: it is as it must be.
    #[must_use]
    pub fn wrong(&self, case: &Case, ordinary_kb: u64) -> Option<String> {
        let over = self.peak_over(ordinary_kb);
        if self.took > TIME_BOUND {
            return Some(format!("took {:.1} s, at most {:?} are allowed", self.took.as_secs_f64(), TIME_BOUND));
        }
        if self.took < case.at_least {
            return Some(format!("took {:?}, less than the fault itself takes: {:?}", self.took, case.at_least));
        }
        if self.code != i32::from(self.failure.is_some()) {
            return Some(format!("ended with {}: {self:?}", self.code));
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
            (Expect::Failed(kind, words), Some((actual, text))) if actual == kind && text.contains(words) => None,
            _ => Some(format!("expected {:?}, found {self:?}", case.expect)),
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

/// The check that asks for what the case has.
fn check_of(case: &Case) -> &'static str {
    if matches!(case.content, Content::Form) { "login" } else { "availability" }
}

fn settings_of(case: &Case, authority: &str) -> String {
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
         [contact]\nname = \"Nobody\"\ndetails = \"nowhere\"\n[links]\nrunbook = \"https://docs.example/{{check}}\"\n\
         [network]\nredirects = {REDIRECTS:?}\nca_certificates = ['''\n{authority}''']\n[check.{id}]\n{check}",
        url = case.url,
        id = check_of(case),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::tests::case;

    fn ran() -> Ran {
        let took = Duration::from_millis(10);
        Ran { failure: None, text: String::new(), code: 0, days: None, took, peak_kb: 30_000 }
    }

    #[test]
    fn a_run_is_wrong_in_each_way() {
        let failure = Some(("body".to_owned(), "cut short".to_owned()));
        let must_fail = || Case { expect: Expect::Failed("body", "cut short"), ..case(9) };
        let dies = |code: i32| Ran { failure: failure.clone(), code, ..ran() };
        for (why, case, ran, wrong) in [
            ("nothing", case(9), ran(), None),
            ("nothing, and it failed as it must", must_fail(), dies(1), None),
            ("healthy, and must not be", must_fail(), ran(), Some("expected Failed")),
            ("failed, and must not", case(9), dies(1), Some("expected Passed")),
            (
                "failed in other words",
                Case { expect: Expect::Failed("body", "too large"), ..case(9) },
                dies(1),
                Some("expected Failed"),
            ),
            ("a crash after the report", must_fail(), dies(134), Some("ended with 134")),
            ("it failed and says that it passed", must_fail(), dies(0), Some("ended with 0")),
            ("too slow", case(9), Ran { took: TIME_BOUND * 2, ..ran() }, Some("took 16.0 s")),
            ("too quick", Case { at_least: Duration::from_millis(20), ..case(3) }, ran(), Some("took 10ms, less than")),
            ("too large", case(9), Ran { peak_kb: 46_001, ..ran() }, Some("needed 17 MB more")),
            ("it just fits", case(9), Ran { peak_kb: 46_000, ..ran() }, None),
            ("no days", Case { expect: Expect::Expiring(5.0), ..case(16) }, ran(), Some("expected Expiring")),
            (
                "days enough",
                Case { expect: Expect::Expiring(5.0), ..case(16) },
                Ran { days: Some(5.5), ..ran() },
                Some("expected Expiring"),
            ),
        ] {
            let actual = ran.wrong(&case, 30_000);
            let holds = match wrong {
                None => actual.is_none(),
                Some(wrong) => actual.as_ref().is_some_and(|actual| actual.starts_with(wrong)),
            };
            assert!(holds, "{why}: {actual:?}");
        }
    }

    #[test]
    fn a_signal_is_told_from_a_failure() {
        let path = std::env::temp_dir().join(format!("hostile-measured-{}", std::process::id()));
        let file = path.display().to_string();
        let shell = |line: &str| measure(&file, &["sh", "-c", line].map(str::to_owned)).unwrap();
        assert_eq!(shell("exit 1"), 1);
        assert_eq!(shell("kill -9 $$"), 137);
        std::fs::remove_file(path).unwrap();
    }
}
