//! The read side on AWS: metrics and alarms on CloudWatch, incidents and marks in the state table, reports in log lines.

mod alarms;
mod logs;
mod retention;
mod runs;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use alarm::{MetricId, Statistic};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use check::Report;
use check::incident::{IncidentRecord, Mark, Silence};
use history::{
    AlarmChanges, AlarmState, Day, Found, History, LogLine, Notified, Part, Period, PhaseTimes, Point, Runs,
    SearchCost, Series, StepPercentiles, StepSeries, StepTime, SubjectDays, Window, recorded,
};
use jiff::Timestamp;
use runtime::{Clock, OperatorStore, PortError, SystemClock};

use crate::operator::api::Api;
use crate::operator::config::{NoAccess, config};
use crate::state::Table;

/// Names of a deployment.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Environment, as in the dimension of metrics.
    pub environment: String,
    /// State table.
    pub table: String,
    /// Prefix of the alarms.
    pub alarms: String,
    /// Prefix of the log groups. The id of a check follows.
    pub log_groups: String,
}

/// What a deployment has recorded.
pub struct DeployedHistory {
    names: Deployed,
    table: Table,
    cloudwatch: Client,
    api: Api,
    clock: Arc<dyn Clock>,
}

impl DeployedHistory {
    /// Connects as an operator, with the credentials of the AWS CLI.
    ///
    /// # Errors
    /// When no region is given, nor set in variables or profile, or there are no credentials.
    pub async fn for_operator(names: Deployed, region: Option<String>) -> Result<Self, NoAccess> {
        Self::new(names, &config(region).await?).await
    }

    /// Connects with a configuration of the SDK.
    ///
    /// # Errors
    /// When it has no region or no credentials.
    pub async fn new(names: Deployed, config: &SdkConfig) -> Result<Self, NoAccess> {
        Ok(Self {
            table: Table::new(aws_sdk_dynamodb::Client::new(config), &names.table),
            cloudwatch: Client::new(config),
            api: Api::new(config).await?,
            clock: Arc::new(SystemClock),
            names,
        })
    }

    fn metrics(&self, check: &str) -> runs::Metrics {
        runs::Metrics::new(&self.names.environment, check)
    }

    fn log_group(&self, check: &str) -> String {
        format!("{}{check}", self.names.log_groups)
    }
}

#[async_trait]
impl History for DeployedHistory {
    async fn runs(&self, check: &str, window: Window, limit: usize) -> Result<Runs, PortError> {
        runs::newest(&self.cloudwatch, &self.metrics(check), window, limit, self.clock.now()).await
    }

    async fn search_cost(&self, check: &str, run_id: &str) -> Result<SearchCost, PortError> {
        logs::cost(&self.api, &self.log_group(check), run_id, self.clock.now()).await
    }

    async fn run(&self, check: &str, run_id: &str) -> Result<Option<Report>, PortError> {
        logs::report(&self.api, &*self.clock, &self.log_group(check), run_id).await
    }

    async fn steps(&self, _check: &str, _run_id: &str) -> Result<Vec<StepTime>, PortError> {
        Ok(Vec::new())
    }

    async fn step_durations(
        &self,
        _check: &str,
        _window: Window,
        _period: Period,
    ) -> Result<Vec<StepSeries>, PortError> {
        Ok(Vec::new())
    }

    async fn phase_durations(
        &self,
        _check: &str,
        _window: Window,
        _period: Period,
    ) -> Result<Vec<PhaseTimes>, PortError> {
        Ok(Vec::new())
    }

    async fn step_percentiles(&self, _check: &str, _window: Window) -> Result<Option<Vec<StepPercentiles>>, PortError> {
        Ok(None)
    }

    async fn search_steps_cost(&self, check: &str, window: Window) -> Result<SearchCost, PortError> {
        logs::cost_of_window(&self.api, &self.log_group(check), window, self.clock.now()).await
    }

    async fn search_steps(&self, check: &str, window: Window) -> Result<Vec<StepPercentiles>, PortError> {
        logs::steps(&self.api, &*self.clock, &self.log_group(check), window).await
    }

    async fn search_subjects(&self, check: &str, window: Window) -> Result<SubjectDays, PortError> {
        logs::subjects(&self.api, &*self.clock, &self.log_group(check), window).await
    }

    async fn search_unpassed(&self, check: &str, window: Window, limit: usize) -> Result<Found<Report>, PortError> {
        logs::unpassed(&self.api, &*self.clock, &self.log_group(check), window, limit).await
    }

    async fn search_log_cost(&self, log: &str, window: Window) -> Result<SearchCost, PortError> {
        logs::cost_of_window(&self.api, log, window, self.clock.now()).await
    }

    async fn search_log(&self, log: &str, window: Window, limit: usize) -> Result<Found<LogLine>, PortError> {
        logs::errors(&self.api, &*self.clock, log, window, limit).await
    }

    async fn series(
        &self,
        metric: &MetricId,
        statistic: Statistic,
        window: Window,
        period: Period,
    ) -> Result<Series, PortError> {
        let mut series = Series::default();
        for (window, period) in retention::parts(window, period, self.clock.now()) {
            let query = [(metric, statistic.as_str())];
            let read = values::read(&self.cloudwatch, &query, window, period).await?;
            let points = read.into_iter().flatten().map(|(at, value)| Point { at, value }).collect();
            series.parts.push(Part { window, period, points });
        }
        Ok(series)
    }

    async fn incidents(&self, check: &str, after: Timestamp) -> Result<Vec<IncidentRecord>, PortError> {
        recorded::incidents(&self.table, check, after).await
    }

    async fn alarm_changes(&self, window: Window, limit: usize) -> Result<AlarmChanges, PortError> {
        alarms::changes(&self.cloudwatch, &self.names.alarms, window, limit, self.clock.now()).await
    }

    async fn alarm_states(&self) -> Result<Vec<AlarmState>, PortError> {
        alarms::states(&self.cloudwatch, &self.names.alarms).await
    }

    async fn mutes(&self, check: &str) -> Result<Vec<Silence>, PortError> {
        recorded::mutes(&self.table, check).await
    }

    async fn notifications(&self, _ids: &[String]) -> Result<Option<Vec<Notified>>, PortError> {
        Ok(None)
    }

    async fn marks(&self, after: Timestamp) -> Result<Vec<Mark>, PortError> {
        OperatorStore::marks(&self.table, after).await
    }

    async fn daily(&self, check: &str, window: Window) -> Result<Vec<Day>, PortError> {
        runs::daily(&self.cloudwatch, &self.metrics(check), window, self.clock.now()).await
    }
}
