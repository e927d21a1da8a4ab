//! The check by its settings, run in process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use backend::Backend;
use check::{Inconclusive, Outcome, Report};
use local::Memory;
use runtime::settings::Document;
use runtime::{Invocation, Ports, Prepared, SkippingClock, execute};

/// A check, and what it remembers.
pub struct World {
    prepared: Prepared<Backend>,
    memory: Arc<Memory>,
    clock: Arc<SkippingClock>,
    /// By the last part of the reference.
    pub secrets: BTreeMap<&'static str, String>,
}

/// What a run showed.
#[derive(Debug)]
pub struct Observed {
    pub report: Report,
    /// What it measured, published or not.
    pub measured: BTreeMap<String, f64>,
}

impl World {
    /// With these lines of `[check.backend]`; `trusted` are authorities, in PEM.
    pub fn new(lines: &str, trusted: &[&str]) -> Self {
        let ca_certificates: Vec<String> = trusted.iter().map(|pem| format!("'''\n{pem}'''")).collect();
        let settings = format!(
            "environment = \"test\"\nbase_url = \"https://127.0.0.1\"\n\
             [contact]\nname = \"n\"\ndetails = \"r\"\n[links]\nrunbook = \"https://127.0.0.1/\"\n\
             [network]\nallow_addresses = [\"127.0.0.1\"]\nca_certificates = [{}]\n[check.backend]\nconfirm_after = \"1s\"\n{lines}\n",
            ca_certificates.join(", ")
        );
        let document = Document::parse("test.toml", &settings).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let prepared = Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let secrets = [("database", crate::mariadb::PASSWORD), ("cache", crate::redis::PASSWORD)];
        let secrets = secrets.into_iter().map(|(name, secret)| (name, secret.to_owned())).collect();
        Self { prepared, memory: Arc::default(), clock: Arc::default(), secrets }
    }

    /// A database there, all of it looked at, but no replica.
    pub fn with_database(port: u16, besides: &str) -> Self {
        Self::new(&database(port, &format!("tls = false\n{besides}")), &[])
    }

    /// A cache there.
    pub fn with_cache(port: u16, besides: &str) -> Self {
        Self::new(&cache(port, &format!("tls = false\n{besides}")), &[])
    }

    /// A run now.
    pub async fn run(&self) -> Observed {
        self.run_after(Duration::ZERO).await
    }

    /// A run, after a time that the servers have not seen pass.
    pub async fn run_after(&self, time: Duration) -> Observed {
        self.clock.skip(time);
        let of_check =
            |(name, secret): (&&str, &String)| (format!("/just-driving/test/backend/{name}-password"), secret.clone());
        let ports: Ports = check_testkit::ports(&self.memory, &self.clock, self.secrets.iter().map(of_check));
        let report = execute(&self.prepared, &ports, &Invocation::manual()).await.unwrap();
        let said = format!("{report:?}");
        for secret in self.secrets.values() {
            assert!(!said.contains(secret), "a password is said in {said}");
        }
        let measured = &report.last_attempt().unwrap().measurements;
        let measured = measured.iter().map(|measured| (measured.metric.clone(), measured.value)).collect();
        Observed { measured, report }
    }
}

/// A table of the settings.
pub fn database(port: u16, besides: &str) -> String {
    format!(
        "step_deadline = \"2s\"\n[check.backend.database]\nhost = \"localhost\"\nport = {port}\nuser = \"synthetics\"\n\
         password = \"ssm:/just-driving/test/backend/database-password\"\nname = \"just_driving\"\n\
         failed_jobs.window = \"15m\"\n{besides}"
    )
}

/// A table of the settings.
pub fn cache(port: u16, besides: &str) -> String {
    format!(
        "step_deadline = \"2s\"\n[check.backend.cache]\nhost = \"localhost\"\nport = {port}\nuser = \"synthetics\"\n\
         password = \"ssm:/just-driving/test/backend/cache-password\"\n{besides}"
    )
}

impl Observed {
    /// It found nothing.
    pub fn passed(&self) -> &Self {
        assert_eq!(self.report.outcome, Outcome::Passed, "{:#?}", self.report);
        self
    }

    /// What failed, as `subject step kind`, and what it says.
    pub fn failures(&self) -> (BTreeSet<String>, String) {
        let Outcome::Failed { failures } = &self.report.outcome else { panic!("{:#?}", self.report) };
        let name = |failure: &check::Failure| format!("{} {} {}", failure.subject, failure.step, failure.kind);
        (failures.iter().map(name).collect(), format!("{failures:?}"))
    }

    /// One failure; what it says.
    pub fn failed(&self, expected: &str) -> String {
        let (failures, said) = self.failures();
        assert_eq!(failures, BTreeSet::from([expected.to_owned()]), "{said}");
        said
    }

    /// Why it could not be judged.
    pub fn inconclusive(&self) -> &Inconclusive {
        let Outcome::Inconclusive { inconclusive } = &self.report.outcome else { panic!("{:#?}", self.report) };
        inconclusive
    }

    /// How a step ended, in a word.
    pub fn step(&self, name: &str) -> &'static str {
        let steps = &self.report.last_attempt().unwrap().steps;
        steps.iter().find(|step| step.name == name).unwrap().result.word()
    }
}
