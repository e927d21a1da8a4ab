//! Audit rules for the alarms on objectives: the data points that follow from the objective of a check and its cadence.

use std::collections::BTreeMap;
use std::time::Duration;

use alarm::{Comparison, Numbers, PeriodStatistic, Statistic};
use check::budget::Objective;
use check::metric::{NAMESPACE, SUCCESS};

use super::findings::Findings;
use crate::thresholds::OBJECTIVE_ALARM;

impl Findings<'_> {
    /// An alarm on an objective fires on M of N failed runs, which follow from the objective and the cadence of the check.
    pub(super) fn audit_objective(&mut self, id: &str, numbers: &Numbers, cadences: &BTreeMap<String, Duration>) {
        let [watched] = &numbers.metrics[..] else { return };
        let is_success = watched.metric.namespace == NAMESPACE && watched.metric.name == SUCCESS.name;
        if !is_success || numbers.is_math || !id.ends_with(OBJECTIVE_ALARM) {
            return;
        }
        let Some(check) = watched.metric.dimensions.get("Check") else { return };
        let Some(cadence) = cadences.get(check).copied() else { return };
        let Some(objective) = self.input.objectives.get(check).copied() else {
            let rule =
                format!("expected an objective of {check} in the settings, found none: the alarm guards nothing");
            return self.report(id, "Properties.DatapointsToAlarm", rule);
        };
        let is_average = watched.statistic == Some(PeriodStatistic::Standard(Statistic::Average));
        if !is_average || numbers.condition != Some((Comparison::Less, 1.0)) || numbers.period != Some(cadence) {
            let rule = format!(
                "expected an average below 1 in periods of {} s, found another condition: the data points would not be failed \
                 runs",
                cadence.as_secs()
            );
            return self.report(id, "Properties.Threshold", rule);
        }
        if let Err(rule) = matches(check, objective, cadence, numbers) {
            self.report(id, "Properties.DatapointsToAlarm", rule);
        }
    }
}

fn matches(check: &str, objective: Objective, cadence: Duration, numbers: &Numbers) -> Result<(), String> {
    let alarm = objective.burn_alarm(cadence).map_err(|error| format!("{error} as the objective of {check}"))?;
    let (Some(to_alarm), Some(periods)) = (numbers.datapoints_to_alarm, numbers.evaluation_periods) else {
        return Ok(());
    };
    if (u32::try_from(to_alarm), u32::try_from(periods)) == (Ok(alarm.to_alarm), Ok(alarm.periods)) {
        return Ok(());
    }
    Err(format!(
        "expected {} of {}, for the objective of {check}, {objective}, and a run every {} s, found {to_alarm} of {periods}: the \
         alarm would fire at another rate than {} times the allowed one",
        alarm.to_alarm,
        alarm.periods,
        cadence.as_secs(),
        Objective::BURN_RATE
    ))
}
