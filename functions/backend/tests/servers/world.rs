//! Runs of the check in process, with the settings of each test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backend::Backend;
use check::{Inconclusive, Outcome, Report};
use check_testkit::servers::{MariaDb, Redis};
use local::Memory;
use runtime::{Invocation, Ports, Prepared, SkippingClock, execute};
use settings::Document;

/// Check with its memory, clock and secrets.
pub struct World {
    prepared: Prepared<Backend>,
    memory: Arc<Memory>,
    clock: Arc<SkippingClock>,
    /// Passwords by store, `database` or `cache`.
    pub secrets: BTreeMap<&'static str, String>,
}

/// Report and measurements of a run.
#[derive(Debug)]
pub struct Observed {
    pub report: Report,
    /// Measurements by metric, published or not.
    pub measured: BTreeMap<String, f64>,
}

impl World {
    /// Reads these lines of `[check.backend]`. `trusted` holds authorities as PEM.
    pub fn new(lines: &str, trusted: &[&str]) -> Self {
        let ca_certificates: Vec<String> = trusted.iter().map(|pem| format!("'''\n{pem}'''")).collect();
        let settings = format!(
            "environment = \"test\"\nbase_url = \"https://127.0.0.1\"\n\
             [contact]\nname = \"n\"\ndetails = \"r\"\n[links]\nrunbook = \"https://127.0.0.1/\"\n\
             [network]\nallow_addresses = [\"127.0.0.1\"]\nca_certificates = [{}]\n\
             [check.backend]\nconfirm_after = \"1s\"\n{lines}\n",
            ca_certificates.join(", ")
        );
        let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let prepared = Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let secrets = [("database", MariaDb::PASSWORD), ("cache", Redis::PASSWORD)];
        let secrets = secrets.into_iter().map(|(name, secret)| (name, secret.to_owned())).collect();
        Self { prepared, memory: Arc::default(), clock: Arc::default(), secrets }
    }

    /// Checks the database at this port with all steps except `replication`.
    pub fn with_database(port: u16, more: &str) -> Self {
        Self::new(&database(port, &format!("tls = false\n{more}")), &[])
    }

    /// Checks the cache at this port.
    pub fn with_cache(port: u16, more: &str) -> Self {
        Self::new(&cache(port, &format!("tls = false\n{more}")), &[])
    }

    /// Runs the check now.
    pub async fn run(&self) -> Observed {
        self.run_after(Duration::ZERO).await
    }

    /// Runs the check after skipping some time, which does not pass for the servers.
    pub async fn run_after(&self, time: Duration) -> Observed {
        self.clock.skip(time);
        let parameter =
            |(name, secret): (&&str, &String)| (format!("/just-driving/test/backend/{name}-password"), secret.clone());
        let ports: Ports = check_testkit::ports(&self.memory, &self.clock, self.secrets.iter().map(parameter));
        let report = execute(&self.prepared, &ports, &Invocation::manual()).await.unwrap();
        let text = format!("{report:?}");
        for secret in self.secrets.values() {
            assert!(!text.contains(secret), "a password is in {text}");
        }
        let measured = &report.last_attempt().unwrap().measurements;
        let measured = measured.iter().map(|measured| (measured.metric.clone(), measured.value)).collect();
        Observed { measured, report }
    }
}

/// Settings of the database at this port.
pub fn database(port: u16, more: &str) -> String {
    format!(
        "step_deadline = \"2s\"\n[check.backend.database]\nhost = \"localhost\"\nport = {port}\nuser = \"synthetics\"\n\
         password = \"ssm:/just-driving/test/backend/database-password\"\nname = \"just_driving\"\n\
         failed_jobs.window = \"15m\"\n{more}"
    )
}

/// Settings of the cache at this port.
pub fn cache(port: u16, more: &str) -> String {
    format!(
        "step_deadline = \"2s\"\n[check.backend.cache]\nhost = \"localhost\"\nport = {port}\nuser = \"synthetics\"\n\
         password = \"ssm:/just-driving/test/backend/cache-password\"\n{more}"
    )
}

impl Observed {
    /// Asserts that the run passed.
    pub fn passed(&self) -> &Self {
        assert_eq!(self.report.outcome, Outcome::Passed, "{:#?}", self.report);
        self
    }

    /// Failures as `subject step kind`, and their texts.
    pub fn failures(&self) -> (BTreeSet<String>, String) {
        let Outcome::Failed { failures } = &self.report.outcome else { panic!("{:#?}", self.report) };
        let name = |failure: &check::Failure| format!("{} {} {}", failure.subject, failure.step, failure.kind);
        (failures.iter().map(name).collect(), format!("{failures:?}"))
    }

    /// Asserts that this is the only failure. Returns its texts.
    pub fn failed(&self, expected: &str) -> String {
        let (failures, text) = self.failures();
        assert_eq!(failures, BTreeSet::from([expected.to_owned()]), "{text}");
        text
    }

    /// Cause of an inconclusive run.
    pub fn inconclusive(&self) -> &Inconclusive {
        let Outcome::Inconclusive { inconclusive } = &self.report.outcome else { panic!("{:#?}", self.report) };
        inconclusive
    }

    /// Result of a step, in one word.
    pub fn step(&self, name: &str) -> &'static str {
        let steps = &self.report.last_attempt().unwrap().steps;
        steps.iter().find(|step| step.name == name).unwrap().result.word()
    }
}
