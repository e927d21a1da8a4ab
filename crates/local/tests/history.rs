//! The store on one machine keeps the contract of the read side.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use alarm::State;
use async_trait::async_trait;
use check::Report;
use check_testkit::history_contract::{self, ALARM, World};
use history::{AlarmState, History};
use jiff::Timestamp;
use local::Store;
use runtime::{Datum, MetricSink as _, OperatorStore};
use serde_json::Value;

struct OneMachine(Store);

#[async_trait]
impl World for OneMachine {
    fn history(&self) -> &dyn History {
        &self.0
    }

    fn store(&self) -> &dyn OperatorStore {
        &self.0
    }

    async fn record(&self, report: &Report, data: &[Datum]) {
        self.0.record(report).unwrap();
        self.0.publish(data).await.unwrap();
    }

    async fn set_alarm(&self, state: State, reason: &str) {
        let (alarm, reason) = (ALARM.to_owned(), reason.to_owned());
        let next = AlarmState { alarm, state, since: Timestamp::now(), reason, decided_by: Value::Null };
        self.0.set_alarm_state(&next).unwrap();
    }
}

#[tokio::test]
async fn store_keeps_the_contract() {
    let world = OneMachine(Store::in_memory().unwrap());
    world.set_alarm(State::Ok, "new").await;
    history_contract::assert_holds(&world, Timestamp::now()).await;
}
