//! Audit rules for the alarms on objectives: the data points that follow from the objective of a check and its cadence.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alarm::{Alarm, Numbers};
use check::budget::Objective;
use check::metric::SUCCESS;

use super::checks::runnable;
use super::findings::{ALARMS, Finding, Findings};
use crate::checks::default_objectives;
use crate::thresholds::guarded_check;

impl Findings<'_> {
    /// An alarm on an objective fires on M of N failed runs, which follow from the objective and the cadence of the check.
    pub(super) fn audit_objective(&mut self, id: &str, numbers: &Numbers, cadences: &BTreeMap<String, Duration>) {
        let Some(check) = guarded_check(numbers) else { return };
        let Some(cadence) = cadences.get(check).copied() else { return };
        let Some(objective) = self.input.objectives.get(check).copied() else {
            let rule = format!("not judged: the data points, because the settings have no objective of {check}");
            return self.note(id, "Properties.DatapointsToAlarm", rule);
        };
        if numbers.period != Some(cadence) {
            let rule = format!(
                "expected periods of {} s, found others: the data points would not be the runs of {check}",
                cadence.as_secs()
            );
            return self.report(id, "Properties.Period", rule);
        }
        if let Err(rule) = matches(check, objective, cadence, numbers) {
            self.report(id, "Properties.DatapointsToAlarm", rule);
        }
    }

    /// Every check with an objective that applies without settings needs an alarm on it.
    pub(super) fn audit_objective_coverage(&mut self, cadences: &BTreeMap<String, Duration>) {
        let all = || std::iter::once(self.input.alarms).chain(self.input.others);
        // Rejected alarms are findings already.
        let mut rejected = all().flat_map(|shipped| &shipped.rejected);
        if rejected.any(|own| own.alarm.properties.get("MetricName").is_some_and(|name| name == SUCCESS.name)) {
            return;
        }
        let numbers: Vec<Numbers> = all().flat_map(|shipped| &shipped.alarms).filter_map(Alarm::numbers).collect();
        // An expression may count failed runs in another way.
        let in_expressions = numbers.iter().filter(|numbers| numbers.is_math).flat_map(|numbers| &numbers.metrics);
        let in_expressions = in_expressions.filter(|watched| watched.metric.name == SUCCESS.name);
        let in_expressions = in_expressions.filter_map(|watched| watched.metric.dimensions.get("Check"));
        let guarded: BTreeSet<&str> =
            numbers.iter().filter_map(guarded_check).chain(in_expressions.map(String::as_str)).collect();
        let template = &self.input.alarms.template;
        let ids = runnable(template).into_iter().filter_map(|name| template.mappings["Checks"][name]["Id"].as_str());
        let defaults = default_objectives();
        let unguarded = ids.filter(|id| defaults.contains_key(*id) && !guarded.contains(id));
        let mut found = Vec::new();
        for check in unguarded {
            let (Some(objective), Some(cadence)) = (self.input.objectives.get(check), cadences.get(check)) else {
                continue;
            };
            // The settings refuse an objective without such an alarm.
            let Ok(alarm) = objective.burn_alarm(*cadence) else { continue };
            let rule = format!(
                "expected an alarm on the objective of {check}, {objective}, when Success is below 1 on average in {} of {} periods \
                 of {} s, found none: failures could spend the error budget without a notification",
                alarm.to_alarm,
                alarm.periods,
                cadence.as_secs()
            );
            found.push(Finding::new(ALARMS, 1, "Resources", rule));
        }
        self.found.extend(found);
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
