//! A deployment keeps the contract of the read side, as the store on one machine does.

use alarm::State;
use async_trait::async_trait;
use aws::{Deployed, DeployedHistory, Table};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, StandardUnit, StateValue, Statistic};
use check::Report;
use check::metric::NAMESPACE;
use check_testkit::history_contract::{self, ALARM, ENVIRONMENT, World};
use history::History;
use jiff::Timestamp;
use runtime::{Datum, OperatorStore};
use serde_json::json;

use crate::emulator::Emulator;
use crate::world::create_table;

const TABLE: &str = "history";

const LOG_GROUP: &str = "/just-driving/demo/synthetics/login";

struct Deployment {
    emulator: Emulator,
    history: DeployedHistory,
    table: Table,
    cloudwatch: Client,
}

#[async_trait]
impl World for Deployment {
    fn history(&self) -> &dyn History {
        &self.history
    }

    fn store(&self) -> &dyn OperatorStore {
        &self.table
    }

    async fn record(&self, report: &Report, data: &[Datum]) {
        let event = json!({ "timestamp": report.ended.as_millisecond(), "message": lambda::run_line(report) });
        let input = json!({ "logGroupName": LOG_GROUP, "logStreamName": "stream", "logEvents": [event] });
        self.emulator.call("Logs_20140328.PutLogEvents", &input).await;
        let data = data.iter().map(|datum| {
            let dimensions = datum.dimensions.iter();
            let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(*name).value(value).build());
            MetricDatum::builder()
                .metric_name(&datum.metric)
                .set_dimensions(Some(dimensions.collect()))
                .timestamp(aws_sdk_cloudwatch::primitives::DateTime::from_secs(datum.at.as_second()))
                .value(datum.value)
                .unit(StandardUnit::from(datum.unit.as_str()))
                .build()
        });
        self.cloudwatch
            .put_metric_data()
            .namespace(NAMESPACE)
            .set_metric_data(Some(data.collect()))
            .send()
            .await
            .unwrap();
    }

    async fn set_alarm(&self, state: State, reason: &str) {
        let state = StateValue::from(state.as_str());
        let call = self.cloudwatch.set_alarm_state().alarm_name(ALARM).state_value(state).state_reason(reason);
        call.send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deployment_keeps_the_contract_of_history() {
    let emulator = Emulator::start(&[]);
    let config = emulator.sdk().await;
    create_table(&config, TABLE).await;
    let names = Deployed {
        environment: ENVIRONMENT.to_owned(),
        table: TABLE.to_owned(),
        alarms: format!("just-driving-synthetics-{ENVIRONMENT}-"),
        log_groups: format!("/just-driving/{ENVIRONMENT}/synthetics/"),
    };
    let cloudwatch = Client::new(&config);
    for name in [ALARM, "an-alarm-of-another-program"] {
        // On a metric without values, so that only the test changes its state.
        let alarm = cloudwatch.put_metric_alarm().alarm_name(name).namespace(NAMESPACE).metric_name("None");
        let alarm = alarm.statistic(Statistic::Average).period(60).evaluation_periods(5).threshold(1_500.0);
        alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.unwrap();
    }
    let stream = json!({ "logGroupName": LOG_GROUP, "logStreamName": "stream" });
    for operation in ["CreateLogGroup", "CreateLogStream"] {
        emulator.call(&format!("Logs_20140328.{operation}"), &stream).await;
    }
    let history = DeployedHistory::new(names, &config).await.unwrap();
    let world =
        Deployment { emulator, history, table: Table::new(aws_sdk_dynamodb::Client::new(&config), TABLE), cloudwatch };
    world.set_alarm(State::Ok, "new").await;
    history_contract::assert_holds(&world, Timestamp::now()).await;
}
