//! All checks on one demo platform and one store, with the reads of states.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use check::incident::NotificationReason;
use check::{Outcome, Report};
use demo_platform::{DemoPlatform, Options, Running};
use jiff::{SignedDuration, Timestamp};
use local::Memory;
use operations::checks;
use runtime::{
    AnyCheck, Clock, Commit, CommitError, Delivery, Invocation, PortError, Ports, SkippingClock, StateItem, StateStore,
};
use serde_json::json;
use settings::replaced;

/// Checks that need `login`.
pub const DEPENDENT: [&str; 4] = ["booking", "notifications", "payment-webhook", "reconciliation"];

/// A store that lists the states that are read, and may refuse one.
#[derive(Default)]
pub struct Reads {
    memory: Arc<Memory>,
    states: Mutex<Vec<String>>,
    pub refused: Mutex<Option<&'static str>>,
}

#[async_trait]
impl StateStore for Reads {
    async fn load(&self, check: &str) -> Result<StateItem, PortError> {
        self.states.lock().unwrap().push(check.to_owned());
        if *self.refused.lock().unwrap() == Some(check) {
            return Err(PortError::new(format!("read the state of {check}"), "access denied"));
        }
        // An answer takes time.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.memory.load(check).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        self.memory.commit(commit).await
    }

    async fn clear(&self, check: &str, delivered: &[String]) -> Result<(), PortError> {
        self.memory.clear(check, delivered).await
    }
}

pub struct World {
    pub platform: Running,
    pub store: Arc<Reads>,
    clock: Arc<SkippingClock>,
    checks: BTreeMap<&'static str, Box<dyn AnyCheck>>,
    start: Timestamp,
    minute: Mutex<i64>,
}

impl World {
    pub async fn start() -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/layer/settings/demo.toml");
        let mut settings = std::fs::read_to_string(shipped).unwrap();
        let clock = Arc::new(SkippingClock::default());
        let of_platform = clock.clone();
        let options = Options { clock: Arc::new(move || of_platform.now()), ..Options::default() };
        let platform = DemoPlatform::start(options).await.unwrap();
        for (key, value) in platform.addresses() {
            settings = replaced(&settings, key, &value);
        }
        settings = replaced(&settings, "base_url", platform.base_url());
        let checks = checks::from_text("demo.toml", &settings, &[]).unwrap();
        let checks = checks.into_iter().map(|check| (check.id(), check)).collect();
        let start = clock.now();
        Self { platform, store: Arc::default(), clock, checks, start, minute: Mutex::new(0) }
    }

    /// Lets minutes pass.
    pub fn pass(&self, minutes: u32) {
        self.clock.skip(Duration::from_secs(60) * minutes);
        *self.minute.lock().unwrap() += i64::from(minutes);
    }

    /// Runs a check in this minute.
    pub async fn run(&self, check: &str) -> Report {
        let memory = &self.store.memory;
        let parameter = |(path, value): (String, String)| (format!("/just-driving/demo/{path}"), value);
        let parameters = self.platform.credentials().into_iter().map(parameter);
        let ports = Ports { state: self.store.clone(), ..check_testkit::ports(memory, &self.clock, parameters) };
        let scheduled = self.start + SignedDuration::from_mins(*self.minute.lock().unwrap());
        let event = json!({ "scheduled_time": scheduled });
        let invocation = Invocation { event, killed_at: None, may_send: true, tag: None, explanation: None };
        let report = self.checks[check].run(&ports, &invocation).await.unwrap();
        assert!(!matches!(report.outcome, Outcome::Refused { .. }), "{check}: {:?}", report.outcome);
        report
    }

    /// Runs `login` in each minute, and the other checks every five minutes, after it.
    pub async fn minutes(&self, count: u32, others: &[&str]) -> BTreeMap<String, Vec<Report>> {
        let mut reports: BTreeMap<String, Vec<Report>> = BTreeMap::new();
        for _ in 0..count {
            self.pass(1);
            reports.entry("login".to_owned()).or_default().push(self.run("login").await);
            if *self.minute.lock().unwrap() % 5 == 0 {
                for check in others {
                    reports.entry((*check).to_owned()).or_default().push(self.run(check).await);
                }
            }
        }
        reports
    }

    /// Messages to people since the last call: check and event.
    pub fn sent(&self) -> Vec<String> {
        self.messages()
            .iter()
            .map(|own| format!("{} {}", own.notification.check, own.notification.event.as_str()))
            .collect()
    }

    /// The same, whole.
    pub fn messages(&self) -> Vec<Delivery> {
        let is_to_people = |delivery: &Delivery| ["oncall", "warnings"].contains(&delivery.topic.as_str());
        self.store.memory.take_sent().into_iter().filter(is_to_people).collect()
    }

    /// States that were read since the last call.
    pub fn reads(&self) -> Vec<String> {
        std::mem::take(&mut *self.store.states.lock().unwrap())
    }

    /// Id of the failing check that an open incident of a check names.
    pub async fn named(&self, check: &str) -> Option<String> {
        let item = self.store.memory.load(check).await.unwrap();
        item.state.subjects.into_values().find_map(|subject| subject.incident?.dependency)
    }
}

/// Reason of the run's only subject with one.
pub fn reason(report: &Report) -> NotificationReason {
    let [reason] = &report.reasons[..] else { panic!("expected one reason, found {:#?}", report.reasons) };
    reason.notification_reason
}
