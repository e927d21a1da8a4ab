//! Runs of the check with the settings of each test.

use std::time::Duration;

use check_testkit::{Harness, Observed};
use demo_platform::Options;
use queues::Queues;

/// Parts of the settings that a test may change.
pub(crate) struct Settings {
    /// Further lines of `[network]`.
    pub(crate) network: String,
    /// Lines of `[check.queues]`, without `redis`.
    pub(crate) section: String,
    /// Lines of the table `redis`.
    pub(crate) redis: String,
    /// Value of the secret `queues/redis-password`.
    pub(crate) password: &'static str,
}

impl Settings {
    /// Settings for two queues in a Redis without a password.
    pub(crate) fn at_port(port: u16) -> Self {
        Self {
            network: String::new(),
            section: "queues = [\"default\", \"emails\"]\nstep_deadline = \"5s\"\nidle_after = \"5m\"".to_owned(),
            redis: format!("host = \"127.0.0.1\"\nport = {port}\ntls = false"),
            password: "",
        }
    }

    pub(crate) async fn world(self) -> World {
        let Self { network, section, redis, password } = self;
        let text = format!(
            r##"
environment = "demo"
base_url = "http://127.0.0.1:8480"
[network]
allow_addresses = ["127.0.0.0/8"]
{network}
[contact]
name = "Platform team"
details = "#platform"
[links]
runbook = "https://docs.example/{{check}}"
[check.queues]
{section}
[check.queues.redis]
{redis}
"##
        );
        World { harness: Harness::with(Options::default(), |settings| *settings = text).await, password }
    }
}

pub(crate) struct World {
    pub(crate) harness: Harness<Queues>,
    password: &'static str,
}

impl World {
    /// Time of the next run, one minute from now. **Units:** Unix seconds.
    pub(crate) fn next(&self) -> i64 {
        use runtime::Clock;
        self.harness.clock.now().as_second() + 60
    }

    /// Runs the check one minute later.
    pub(crate) async fn run(&self) -> Observed {
        let secrets = [("/just-driving/demo/queues/redis-password".to_owned(), self.password.to_owned())];
        let ports = check_testkit::ports(&self.harness.memory, &self.harness.clock, secrets);
        self.harness.run_after(Duration::from_secs(60), &ports).await
    }
}

/// Failures of a run, as `subject step kind`.
pub(crate) fn failures(observed: &Observed) -> Vec<String> {
    observed
        .failures()
        .into_iter()
        .map(|failure| format!("{} {} {}", failure.subject, failure.step, failure.kind))
        .collect()
}

/// Texts of the first failure: expected, actual and evidence.
pub(crate) fn failure_text(observed: &Observed) -> String {
    let check::Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let first = &failures[0];
    format!("{} | {} | {}", first.expected, first.actual, first.evidence.clone().unwrap_or_default())
}
