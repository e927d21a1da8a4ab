//! For tests: a check as the demo sets it, run in process against the demo platform. Waits are skipped, nothing leaves the
//! process but the requests.
//!
//! [`Harness`] is one world of it; [`mutation`] proves that every fault of a check is seen by one assertion, and by that alone.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub mod mutation;
pub mod servers;

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
use runtime::settings::{Document, replaced};
use runtime::{Check, Clock, Invocation, Ports, Prepared, SkippingClock, execute};

/// A platform, and a check with all it needs.
pub struct Harness<C> {
    /// What is probed.
    pub platform: Running,
    /// The check, by the demo's settings.
    pub prepared: Prepared<C>,
    /// What is stored, published and told.
    pub memory: Arc<Memory>,
    /// The time of platform and check.
    pub clock: Arc<SkippingClock>,
}

/// What a run showed.
#[derive(Debug)]
pub struct Observed {
    /// Its report.
    pub report: Report,
    /// What it published, by metric; of one that is split by channel as `NotificationQueue.email`.
    pub metrics: BTreeMap<String, f64>,
}

impl Observed {
    /// What failed: subject, step and kind.
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

    /// How a step ended, in a word; `None` when there was none.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&'static str> {
        self.report.last_attempt()?.steps.iter().find(|step| step.name == name).map(|step| step.result.word())
    }
}

/// Ports in memory; waits are skipped.
///
/// `parameters` stand in for SSM: by name, `/just-driving/demo/login/password`.
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
        recorder: Arc::new(Journey::new),
    }
}

impl<C: Check> Harness<C> {
    /// With the demo's settings.
    pub async fn start() -> Self {
        Self::with(Options::default(), |_| {}).await
    }

    /// With another platform, or the demo's settings changed.
    pub async fn with(options: Options, change: impl FnOnce(&mut String)) -> Self {
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
        let document = Document::parse("demo.toml", &settings).expect("the settings are TOML");
        let prepared = Prepared::read(&document).unwrap_or_else(|problems| panic!("{problems:#?}"));
        Self { platform, prepared, memory: Arc::default(), clock }
    }

    /// Ports of this world.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let of_demo = |(path, value): (String, String)| (format!("/just-driving/demo/{path}"), value);
        ports(&self.memory, &self.clock, self.platform.credentials().into_iter().map(of_demo))
    }

    /// The run of a minute later.
    pub async fn run(&self) -> Observed {
        self.run_after(Duration::from_secs(60), &self.ports()).await
    }

    /// A run through these ports, after a time.
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

    /// The most exchanges of a run that went one after the other: what its length in round trips is.
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
        // Of those that begin after the last one taken, always the one that ends first.
        let (mut chain, mut end) = (0, Timestamp::MIN);
        for (ended, started) in times {
            if started >= end {
                (chain, end) = (chain + 1, ended);
            }
        }
        chain
    }

    /// As many runs as it takes, from nothing remembered, with a recorder that takes these assertions as held; what the
    /// last run saw.
    pub async fn runs(&mut self, times: u32, every: Duration, ignoring_assertions: &[String]) -> Observed {
        self.memory = Arc::default();
        let ignoring_assertions = ignoring_assertions.to_vec();
        let recorder =
            Arc::new(move |started: Timestamp| Journey::new(started).ignoring_assertions(ignoring_assertions.clone()));
        let ports = Ports { recorder, ..self.ports() };
        let mut actual = self.run_after(every, &ports).await;
        for _ in 1..times {
            actual = self.run_after(every, &ports).await;
        }
        actual
    }
}
