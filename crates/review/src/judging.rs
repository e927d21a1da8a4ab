//! Judgement of one alarm on recorded values.

use std::collections::BTreeSet;
use std::time::Duration;

use alarm::{MetricAlarm, MetricId, Replay, State};
use check::metric::{self, CATALOGUE};
use history::Window;
use jiff::{SignedDuration, Timestamp};

use crate::behaviour::{Events, Replayed};
use crate::facts::Facts;
use crate::headroom::{Values, headroom};
use crate::incident::merged;
use crate::kind::Kind;
use crate::proposal::{Datapoints, Tally};
use crate::result::{AlarmReview, RecordedFirings, WhatIfResult};
use crate::search::{Editable, Trial};
use crate::template_edit::Places;
use crate::values::Recorded;
use crate::what_if::{WhatIf, changed};

/// Dimension of metrics with a value for each channel.
pub(crate) const CHANNEL: &str = "Channel";
/// Factor between N and the largest N to try.
const MAX_PERIODS_FACTOR: usize = 2;

/// An alarm with the facts and questions around it.
pub(crate) struct Judging<'a> {
    /// The alarm, with periods of at least the interval between runs.
    pub(crate) alarm: &'a MetricAlarm,
    pub(crate) recorded: &'a Recorded,
    pub(crate) facts: &'a Facts,
    pub(crate) places: &'a Places,
    pub(crate) questions: &'a [&'a WhatIf],
    pub(crate) window: Window,
}

/// An alarm with values.
pub(crate) struct Judged {
    pub(crate) review: AlarmReview,
    /// Answers to the questions, in their order.
    pub(crate) answers: Vec<WhatIfResult>,
}

impl Judging<'_> {
    /// Replays and judges the alarm.
    ///
    /// # Errors
    /// The reason when there is nothing to replay.
    pub(crate) fn judged(&self) -> Result<Judged, String> {
        let Self { alarm, recorded, facts, window, .. } = *self;
        let check = check_of(alarm);
        if check.is_some_and(|check| !facts.first_runs.contains_key(check)) {
            return Err("its check had no run in the window".to_owned());
        }
        if !recorded.has_values(alarm) {
            let is_own = alarm.source.metrics().all(|(metric, _)| metric.namespace == metric::NAMESPACE);
            let why =
                if is_own { "its metric has no values" } else { "its metric is one of AWS, and has no values here" };
            return Err(why.to_owned());
        }
        let (from, reason) = self.start()?;
        let replayed = Replayed { from, until: window.until };
        let values = Replay::default().judged(
            &widest(alarm, self.questions),
            &recorded.data,
            from,
            window.until - SignedDuration::from_mins(1),
        );
        let periods: Vec<(Timestamp, Option<f64>)> = values.whole_periods(alarm.period).collect();
        let period = length(alarm.period);
        let headroom = headroom(alarm, outside(&periods, period, merged(&facts.incidents, check)));
        let presence = Values::new(&periods, period);
        let unit = unit(alarm);
        let trial = Trial {
            alarm,
            check,
            values: &values,
            replayed,
            events: Events { incidents: &facts.incidents, maintenance: &facts.maintenance },
            p99: headroom.map(|headroom| headroom.p99),
            coverage: presence.coverage(),
            max: (unit.as_deref() == Some("Percent")).then_some(100.0),
        };
        let behaviour = trial.behaviour(alarm);
        let kind = Kind::from_alarm(alarm);
        let editable = Editable { threshold: self.places.has_threshold(), datapoints: self.places.has_datapoints() };
        let answers = self.questions.iter().map(|question| answer(question, &trial)).collect();
        let review = AlarmReview {
            alarm: alarm.logical_id.clone(),
            name: alarm.name.clone(),
            check: check.map(str::to_owned),
            kind,
            notifies: !alarm.actions.alarm.is_empty(),
            metric: metric_name(alarm),
            unit,
            threshold: alarm.threshold,
            breaches_below: !alarm.comparison.is_breaching(f64::INFINITY, alarm.threshold),
            breaches_equal: alarm.comparison.is_breaching(alarm.threshold, alarm.threshold),
            datapoints: datapoints(alarm),
            period_seconds: alarm.period.as_secs(),
            replayed_from: from,
            replayed_from_reason: reason,
            verdict: trial.verdict(kind, editable, &behaviour),
            behaviour,
            headroom,
            values: presence,
            recorded: recorded_firings(&alarm.name, facts, window),
        };
        Ok(Judged { review, answers })
    }

    /// Start of the replay, and the reason when it is later than the window: before, values are missing or too coarse.
    fn start(&self) -> Result<(Timestamp, Option<String>), String> {
        let Self { alarm, recorded, facts, window, .. } = *self;
        let seconds = alarm.period.as_secs();
        let coarse = || format!("older values are kept in longer periods than its own, of {seconds} s");
        let fine = recorded.fine_from(alarm).ok_or_else(coarse)?;
        // Periods before the first run are not missing data.
        let first_run = match check_of(alarm) {
            Some(check) => facts.first_runs.get(check),
            None => facts.first_runs.values().min(),
        };
        let reach = length(Replay::default().reach(alarm));
        let begun = first_run.map_or(window.from, |first| *first + reach);
        let start = begun.max(fine + reach).max(window.from);
        if start >= window.until {
            return Err("its first values are too new".to_owned());
        }
        let reason = if start == window.from {
            None
        } else if fine + reach > begun {
            Some(coarse())
        } else {
            Some("there are no older values".to_owned())
        };
        Ok((start, reason))
    }
}

/// Values of the periods that overlap no span. Periods and spans are sorted.
fn outside(
    periods: &[(Timestamp, Option<f64>)],
    length: SignedDuration,
    spans: Vec<(Timestamp, Timestamp)>,
) -> impl Iterator<Item = f64> {
    let mut spans = spans.into_iter().peekable();
    periods.iter().filter_map(move |(at, value)| {
        while spans.next_if(|(_, until)| *until < *at).is_some() {}
        value.filter(|_| spans.peek().is_none_or(|(from, _)| *at + length <= *from))
    })
}

/// Alarm with the largest N that is tried or asked about.
pub(crate) fn widest(alarm: &MetricAlarm, questions: &[&WhatIf]) -> MetricAlarm {
    let asked = questions.iter().map(|question| changed(alarm, question.change).evaluation_periods);
    let tried = alarm.evaluation_periods * MAX_PERIODS_FACTOR;
    MetricAlarm { evaluation_periods: asked.max().unwrap_or_default().max(tried), ..alarm.clone() }
}

/// Answer to a question about an alarm without values.
pub(crate) fn unanswered(question: &WhatIf) -> WhatIfResult {
    WhatIfResult {
        alarm: question.alarm.clone(),
        change: question.change,
        before: None,
        after: None,
        lost_incidents: Vec::new(),
        gained_incidents: Vec::new(),
        diff: None,
    }
}

fn answer(question: &WhatIf, trial: &Trial<'_>) -> WhatIfResult {
    let before = trial.behaviour(trial.alarm);
    let after = trial.behaviour(&changed(trial.alarm, question.change));
    let only_in = |one: BTreeSet<&str>, other: &BTreeSet<&str>| {
        one.difference(other).map(|id| (*id).to_owned()).collect::<Vec<_>>()
    };
    WhatIfResult {
        lost_incidents: only_in(before.seen(), &after.seen()),
        gained_incidents: only_in(after.seen(), &before.seen()),
        before: Some(Tally::from(&before)),
        after: Some(Tally::from(&after)),
        ..unanswered(question)
    }
}

/// Id of the check whose metric an alarm judges.
pub(crate) fn check_of(alarm: &MetricAlarm) -> Option<&str> {
    alarm.source.metrics().find_map(|(metric, _)| metric.dimensions.get("Check")).map(String::as_str)
}

fn datapoints(alarm: &MetricAlarm) -> Datapoints {
    Datapoints { to_alarm: alarm.datapoints_to_alarm, periods: alarm.evaluation_periods }
}

fn metric_name(alarm: &MetricAlarm) -> String {
    alarm.source.metrics().map(|(metric, _)| shown_metric(metric)).collect::<Vec<_>>().join(", ")
}

/// Name of a metric, with its channel if it has one.
pub(crate) fn shown_metric(metric: &MetricId) -> String {
    match metric.dimensions.get(CHANNEL) {
        Some(channel) => format!("{} ({channel})", metric.name),
        None => metric.name.clone(),
    }
}

fn unit(alarm: &MetricAlarm) -> Option<String> {
    let (metric, _) = alarm.source.metrics().next()?;
    let known = CATALOGUE.iter().find(|known| metric.namespace == metric::NAMESPACE && known.name == metric.name)?;
    Some(known.unit.as_str().to_owned())
}

fn recorded_firings(name: &str, facts: &Facts, window: Window) -> RecordedFirings {
    let changes = || facts.changes.changes.iter().filter(|change| change.now.alarm == name);
    if !facts.evaluated.contains(name) && changes().next().is_none() {
        return RecordedFirings::Unknown;
    }
    let firings = changes().filter(|change| change.now.state == State::Alarm).count();
    if facts.changes.complete_from <= window.from {
        RecordedFirings::Known { firings }
    } else {
        RecordedFirings::Partly { from: facts.changes.complete_from, firings }
    }
}

fn length(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
