#![doc = include_str!("../README.md")]
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a broken setup ends the test")]

pub mod history_contract;
pub mod mutation;
mod sample;
pub mod servers;
pub mod store_contract;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use check::{Journey, Outcome, Report};
use demo_platform::faults::ExpectedFailure;
use demo_platform::{DemoPlatform, Options, Running};
use jiff::Timestamp;
use local::{EnvironmentSecrets, Memory};
use probe::Redactor;
use runtime::{Check, Clock, Invocation, Ports, Prepared, SkippingClock, execute};
pub use sample::{sample_report, sample_step};
use settings::{Document, replaced};

/// Problems of a section of a check, one a line, or `none`. The keys outside of the section are valid.
#[must_use]
pub fn settings_problems<C: Check>(section: &str) -> String {
    let text = format!(
        "environment = \"test\"\nbase_url = \"https://localhost\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n[links]\n\
         runbook = \"https://localhost/\"\n[check.{}]\n{section}",
        C::ID
    );
    let document = Document::parse("test.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    match Prepared::<C>::read(&document) {
        Ok(_) => "none".to_owned(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

/// A demo platform, and a check with everything it needs.
pub struct Harness<C> {
    /// Demo platform.
    pub platform: Running,
    /// Check with the demo's settings.
    pub prepared: Prepared<C>,
    /// Stored state, published metrics and sent messages.
    pub memory: Arc<Memory>,
    /// Clock of platform and check.
    pub clock: Arc<SkippingClock>,
}

/// Results of a run.
#[derive(Debug)]
pub struct Observed {
    /// Report of the run.
    pub report: Report,
    /// Published values by metric; a metric split by channel is named like `NotificationQueue.email`.
    pub metrics: BTreeMap<String, f64>,
}

impl Observed {
    /// Failures: subject, step and kind.
    #[must_use]
    pub fn failures(&self) -> BTreeSet<ExpectedFailure> {
        let Outcome::Failed { failures } = &self.report.outcome else { return BTreeSet::new() };
        let expected = |failure: &check::Failure| ExpectedFailure {
            subject: failure.subject.to_string(),
            step: failure.step.clone(),
            kind: failure.kind,
        };
        failures.iter().map(expected).collect()
    }

    /// Result of a step, in a word; `None` when there is no such step.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&'static str> {
        self.report.last_attempt()?.steps.iter().find(|step| step.name == name).map(|step| step.result.word())
    }
}

/// Ports in memory, with skipped waits.
///
/// `parameters` replace SSM: by name, `/just-driving/demo/login/password`.
#[must_use]
pub fn ports(
    memory: &Arc<Memory>,
    clock: &Arc<SkippingClock>,
    parameters: impl IntoIterator<Item = (String, String)>,
) -> Ports {
    Ports {
        clock: clock.clone(),
        state: memory.clone(),
        metrics: memory.clone(),
        notifier: memory.clone(),
        secrets: Arc::new(EnvironmentSecrets::new(|_: &str| None).with_parameters(parameters)),
        redactor: Redactor::default(),
        location: "test".to_owned(),
        region: None,
        machine: None,
        release: "test".to_owned(),
        interrupt: runtime::CancellationToken::new(),
        recorder: Arc::new(Journey::new),
    }
}

impl<C: Check> Harness<C> {
    /// Starts with the demo's settings.
    pub async fn start() -> Self {
        Self::with(Options::default(), |_| {}).await
    }

    /// Starts with another platform, or with changed settings.
    pub async fn with(options: Options, change: impl FnOnce(&mut String)) -> Self {
        Self::behind(options, change, async |base_url| base_url).await
    }

    /// Starts with a server in front of the platform: `front` gets the platform's base URL and returns its own.
    pub async fn behind(
        options: Options,
        change: impl FnOnce(&mut String),
        front: impl AsyncFnOnce(String) -> String,
    ) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/layer/settings/demo.toml");
        let mut settings = std::fs::read_to_string(shipped).unwrap();
        change(&mut settings);
        let clock = Arc::new(SkippingClock::default());
        let platform_clock = clock.clone();
        let options = Options { clock: Arc::new(move || platform_clock.now()), ..options };
        let platform = DemoPlatform::start(options).await.unwrap();
        for (key, value) in platform.addresses() {
            settings = replaced(&settings, key, &value);
        }
        settings = replaced(&settings, "base_url", &front(platform.base_url().to_owned()).await);
        let document = Document::parse("demo.toml", &settings).expect("the settings are TOML");
        let prepared = Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
        Self { platform, prepared, memory: Arc::default(), clock }
    }

    /// Ports of this world.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let parameter = |(path, value): (String, String)| (format!("/just-driving/demo/{path}"), value);
        ports(&self.memory, &self.clock, self.platform.credentials().into_iter().map(parameter))
    }

    /// Runs the check one minute later.
    pub async fn run(&self) -> Observed {
        self.run_after(Duration::from_secs(60), &self.ports()).await
    }

    /// Runs the check through these ports, after a while.
    pub async fn run_after(&self, time: Duration, ports: &Ports) -> Observed {
        self.clock.skip(time);
        let report = execute(&self.prepared, ports, &Invocation::manual()).await.unwrap();
        let own = self.memory.data().into_iter().filter(|datum| datum.at == report.key.scheduled_time);
        let name = |datum: &runtime::Datum| match datum.dimensions.iter().find(|(name, _)| *name == "Channel") {
            Some((_, channel)) => format!("{}.{channel}", datum.metric),
            None => datum.metric.clone(),
        };
        Observed { metrics: own.map(|datum| (name(&datum), datum.value)).collect(), report }
    }

    /// Length of the longest chain of sequential exchanges in a run: its duration in round trips.
    ///
    /// # Panics
    /// When the run was refused.
    #[must_use]
    pub fn longest_chain(observed: &Observed) -> usize {
        let attempt = observed.report.last_attempt().unwrap();
        let times = attempt.steps.iter().flat_map(|step| &step.exchanges).map(|exchange| {
            let took = Duration::from_secs_f64(exchange.duration_ms / 1e3);
            (exchange.started + took, exchange.started)
        });
        let mut times: Vec<_> = times.collect();
        times.sort();
        // Greedy choice: of the exchanges that begin after the last one taken, the first to end.
        let (mut chain, mut end) = (0, Timestamp::MIN);
        for (ended, started) in times {
            if started >= end {
                (chain, end) = (chain + 1, ended);
            }
        }
        chain
    }

    /// Runs the check several times from an empty memory, with a recorder that takes the given assertions as held.
    /// Returns the last run.
    pub async fn runs(&mut self, times: u32, every: Duration, ignoring_assertions: &[String]) -> Observed {
        self.memory = Arc::default();
        let ignoring_assertions = ignoring_assertions.to_vec();
        let recorder = Arc::new(move |started: Timestamp, redactor| {
            Journey::new(started, redactor).ignoring_assertions(ignoring_assertions.clone())
        });
        let ports = Ports { recorder, ..self.ports() };
        let mut observed = self.run_after(every, &ports).await;
        for _ in 1..times {
            observed = self.run_after(every, &ports).await;
        }
        observed
    }
}
