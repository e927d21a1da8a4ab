//! The check with settings of its own, and what it shows.

use std::time::Duration;

use check_testkit::{Harness, Observed};
use demo_platform::Options;
use queues::Queues;

/// The settings that a test changes.
pub(crate) struct Settings {
    /// More of `[network]`.
    pub(crate) network: String,
    /// Of `[check.queues]`, without `redis`.
    pub(crate) own: String,
    /// Of the table `redis`.
    pub(crate) redis: String,
    /// What stands in for `queues/redis-password`.
    pub(crate) password: &'static str,
}

impl Settings {
    /// Of two queues, in a Redis that anybody may read.
    pub(crate) fn at_port(port: u16) -> Self {
        Self {
            network: String::new(),
            own: "queues = [\"default\", \"emails\"]\nstep_deadline = \"5s\"\nidle_after = \"5m\"".to_owned(),
            redis: format!("host = \"127.0.0.1\"\nport = {port}\ntls = false"),
            password: "",
        }
    }

    pub(crate) async fn world(self) -> World {
        let Self { network, own, redis, password } = self;
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
{own}
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
    /// The moment of the next run, a minute on.
    pub(crate) fn next(&self) -> i64 {
        use runtime::Clock;
        self.harness.clock.now().as_second() + 60
    }

    /// The run of a minute later.
    pub(crate) async fn run(&self) -> Observed {
        let own = [("/just-driving/demo/queues/redis-password".to_owned(), self.password.to_owned())];
        let ports = check_testkit::ports(&self.harness.memory, &self.harness.clock, own);
        self.harness.run_after(Duration::from_secs(60), &ports).await
    }
}

/// The failures of a run, a line each.
pub(crate) fn failures(observed: &Observed) -> Vec<String> {
    observed.failures().into_iter().map(|own| format!("{} {} {}", own.subject, own.step, own.kind)).collect()
}

/// What a run saw in the place of what it expected.
pub(crate) fn snapshot(observed: &Observed) -> String {
    let check::Outcome::Failed { failures } = &observed.report.outcome else { panic!("{:#?}", observed.report) };
    let first = &failures[0];
    format!("{} | {} | {}", first.expected, first.actual, first.evidence.clone().unwrap_or_default())
}
