//! Other numbers of an alarm, as a person asks for them: `SlowLogin=6000`, `LoginFailureRate=7of10`.

use alarm::MetricAlarm;
use settings::unknown;

use crate::proposal::{Change, Datapoints};

/// Longest range of an alarm with periods below an hour, and of others. **Units:** seconds.
const MAX_RANGE: [u64; 2] = [86_400, 7 * 86_400];
/// Period from which the longer range applies. **Units:** seconds.
const HOUR: u64 = 3_600;

/// Question about an alarm with other numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WhatIf {
    /// Logical id of the alarm.
    pub(crate) alarm: String,
    /// The change.
    pub(crate) change: Change,
}

/// Error for a question that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// The text has another form.
    #[error(
        "--what-if: expected ALARM=THRESHOLD such as SlowLogin=6000, or ALARM=MofN such as LoginFailureRate=7of10, found \"{0}\""
    )]
    Form(String),
    /// No alarm on values has this name.
    #[error("--what-if: {0}")]
    UnknownAlarm(String),
    /// M or N is outside its limits.
    #[error("--what-if {text}: {rule}")]
    Datapoints {
        /// The text.
        text: String,
        /// The rule.
        rule: String,
    },
}

impl WhatIf {
    /// Parses a question about one of these alarms, by logical id or by name.
    ///
    /// # Errors
    /// When the form is wrong, the alarm is unknown, or CloudWatch would refuse the numbers.
    pub(crate) fn parse(text: &str, alarms: &[MetricAlarm]) -> Result<Self, WhatIfError> {
        let form = || WhatIfError::Form(text.to_owned());
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        let is_named = |alarm: &&MetricAlarm| alarm.logical_id == name || alarm.name == name;
        let Some(alarm) = alarms.iter().find(is_named) else {
            let ids: Vec<&str> = alarms.iter().map(|alarm| alarm.logical_id.as_str()).collect();
            // Similarity is that of lower-case names.
            let lower: Vec<String> = ids.iter().map(|id| id.to_lowercase()).collect();
            let near = settings::near(name, &lower.iter().map(String::as_str).collect::<Vec<_>>());
            let near: Vec<&str> =
                near.iter().filter_map(|near| ids.iter().find(|id| id.to_lowercase() == **near)).copied().collect();
            let list = "the table of `synthetics review --format markdown` lists all alarms";
            return Err(WhatIfError::UnknownAlarm(unknown_with(name, &near, list)));
        };
        let change = match value.split_once("of") {
            Some((to_alarm, periods)) => {
                let (Ok(to_alarm), Ok(periods)) = (to_alarm.trim().parse(), periods.trim().parse()) else {
                    return Err(form());
                };
                let to = Datapoints { to_alarm, periods };
                if let Some(rule) = broken_rule(alarm, to) {
                    return Err(WhatIfError::Datapoints { text: text.to_owned(), rule });
                }
                let from = Datapoints { to_alarm: alarm.datapoints_to_alarm, periods: alarm.evaluation_periods };
                Change::Datapoints { from, to }
            }
            None => {
                let threshold: f64 = value.trim().parse().map_err(|_| form())?;
                if !threshold.is_finite() {
                    return Err(form());
                }
                Change::Threshold { from: alarm.threshold, to: threshold }
            }
        };
        Ok(Self { alarm: alarm.logical_id.clone(), change })
    }
}

/// The alarm with other numbers.
pub(crate) fn changed(alarm: &MetricAlarm, change: Change) -> MetricAlarm {
    match change {
        Change::Threshold { to, .. } => MetricAlarm { threshold: to, ..alarm.clone() },
        Change::Datapoints { to, .. } => {
            MetricAlarm { datapoints_to_alarm: to.to_alarm, evaluation_periods: to.periods, ..alarm.clone() }
        }
    }
}

fn unknown_with(name: &str, near: &[&str], list: &str) -> String {
    match near {
        [] => unknown("alarm", name, &[], list),
        near => {
            let quoted: Vec<String> = near.iter().map(|near| format!("\"{near}\"")).collect();
            format!("{}; did you mean {}?\n{list}", unknown("alarm", name, &[], ""), quoted.join(" or "))
        }
    }
}

/// Rule of CloudWatch that M of N would break.
fn broken_rule(alarm: &MetricAlarm, to: Datapoints) -> Option<String> {
    let Datapoints { to_alarm, periods } = to;
    if to_alarm == 0 || to_alarm > periods {
        return Some(format!("expected M from 1 to N, found {to}"));
    }
    let period = alarm.period.as_secs();
    let max = MAX_RANGE[usize::from(period >= HOUR)] / period.max(1);
    (periods as u64 > max).then(|| {
        format!("expected at most {max} periods of {period} s, since CloudWatch looks back no farther, found {to}")
    })
}
