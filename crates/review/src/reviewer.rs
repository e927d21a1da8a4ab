//! The order of a review: reads, replays, judges.

use std::collections::{BTreeMap, BTreeSet};

use alarm::{Alarm, Inputs, MetricAlarm, MetricId, Replay, Statistic, Template, TemplateError};
use check::budget::Objective;
use check::metric::{self, Channel, Metric};
use history::{History, Period, Window};
use jiff::SignedDuration;
use runtime::PortError;

use crate::cost::{MonthlyCost, cost};
use crate::facts::{Facts, Reader};
use crate::incident::{ReviewedIncident, SeenBy};
use crate::judging::{CHANNEL, Judging, check_of, shown_metric, unanswered, widest};
use crate::proposal::Verdict;
use crate::result::{AlarmReview, Review, ReviewedMark, WhatIfResult, WithoutValues};
use crate::subject_trend::subject_trends;
use crate::template_edit::{Edits, TemplateText};
use crate::trend::{
    Group, SeriesTrend, StepTrend, StepTrends, StepWeek, Trends, by_week, check_trend, expiry, project,
};
use crate::values::{Progress, Recorded, series};
use crate::week::{Week, weeks};
use crate::what_if::{WhatIf, WhatIfError};

/// Time before an incident in which a mark may be its cause.
const BEFORE_INCIDENT: SignedDuration = SignedDuration::from_hours(1);
/// Time before the end of the window from which the newest value of a certificate is taken.
const NEWEST: SignedDuration = SignedDuration::from_hours(24);

/// Series of a trend: its metric and channel, the statistic of a day, and the limit of a projection.
type Followed = (Group, &'static Metric, Option<Channel>, Statistic, Option<f64>);

/// Series of the trends.
const SERIES: [Followed; 12] = [
    (Group::Load, &metric::REQUESTS, None, Statistic::Average, None),
    (Group::Queue, &metric::QUEUE_BACKLOG, None, Statistic::Maximum, None),
    (Group::Queue, &metric::OLDEST_JOB_AGE, None, Statistic::Maximum, None),
    (Group::Queue, &metric::JOB_DELAY, None, Statistic::Maximum, None),
    (Group::Queue, &metric::NOTIFICATION_QUEUE, Some(Channel::Email), Statistic::Maximum, None),
    (Group::Queue, &metric::NOTIFICATION_QUEUE, Some(Channel::Sms), Statistic::Maximum, None),
    (Group::Resource, &metric::DISK_USED, None, Statistic::Average, Some(100.0)),
    (Group::Resource, &metric::MEMORY_USED, None, Statistic::Average, Some(100.0)),
    (Group::Resource, &metric::CPU_LOAD, None, Statistic::Average, None),
    (Group::Resource, &metric::CONNECTIONS_USED, None, Statistic::Maximum, Some(100.0)),
    (Group::Resource, &metric::CACHE_MEMORY_USED, None, Statistic::Average, Some(100.0)),
    (Group::Certificate, &metric::CERTIFICATE_DAYS_REMAINING, None, Statistic::Minimum, None),
];
/// Numbers that no source has.
const UNAVAILABLE: [&str; 1] = [
    "log-ins and bookings of users: the platform's counters are read for their rates, and the counts are not published",
];

/// Input of a review.
pub struct Input<'a> {
    /// Environment.
    pub environment: &'a str,
    /// Text of the template of alarms.
    pub template: &'a str,
    /// Path of the template, for the diff.
    pub template_path: &'a str,
    /// The window.
    pub window: Window,
    /// Objectives, by id of the check: the part of its runs that has to pass.
    pub objectives: &'a BTreeMap<String, Objective>,
    /// Cost of a month; `None` on one machine.
    pub cost: Option<&'a MonthlyCost>,
    /// Questions, each as `ALARM=THRESHOLD` or `ALARM=MofN`.
    pub what_if: &'a [String],
    /// True if log lines may be searched, at a price.
    pub logs: bool,
    /// Called before each question to the source.
    pub progress: &'a (dyn Fn(&Progress) + Sync),
}

/// Error of a review.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The template cannot be read.
    #[error("{path}: {error}")]
    Template {
        /// Path of the template.
        path: String,
        /// The error.
        error: TemplateError,
    },
    /// A question cannot be answered.
    #[error(transparent)]
    WhatIf(#[from] WhatIfError),
    /// The source cannot be read.
    #[error(transparent)]
    History(#[from] PortError),
}

/// Reviews a window.
///
/// **Side effects:** costs what the source says about its series, and with `logs` what [`History::search_steps_cost`] says.
///
/// # Errors
/// When the template, a question or the source cannot be read.
pub async fn review(input: &Input<'_>, history: &dyn History) -> Result<Review, ReviewError> {
    let in_template = |error| ReviewError::Template { path: input.template_path.to_owned(), error };
    let inputs = Inputs::default().with("Environment", input.environment);
    let template = Template::read_with_every(input.template, &inputs, "Checks").map_err(in_template)?;
    let all = alarm::alarms(&template).map_err(in_template)?;
    let metric_alarms: Vec<MetricAlarm> = all
        .iter()
        .filter_map(|alarm| match alarm {
            Alarm::Metric(alarm) => Some(alarm.clone()),
            Alarm::Composite(_) | Alarm::Unreplayed(_) => None,
        })
        .collect();
    let questions: Vec<WhatIf> =
        input.what_if.iter().map(|text| WhatIf::parse(text, &metric_alarms)).collect::<Result<_, _>>()?;
    let reader = Reader { history, environment: input.environment, window: input.window, objectives: input.objectives };
    let reviewer = Reviewer { input, reader, done: 0, all: 0 };
    Ok(reviewer.review(&all, &metric_alarms, &questions).await?)
}

/// A review in progress.
struct Reviewer<'a> {
    input: &'a Input<'a>,
    reader: Reader<'a>,
    done: usize,
    all: usize,
}

impl Reviewer<'_> {
    async fn review(
        mut self,
        all: &[Alarm],
        alarms: &[MetricAlarm],
        questions: &[WhatIf],
    ) -> Result<Review, PortError> {
        let ids: BTreeSet<String> = alarms.iter().filter_map(check_of).map(str::to_owned).collect();
        let weeks = weeks(self.input.window);
        let groups = by_metric(alarms);
        self.all = ids.len() + groups.len() + SERIES.len() + ids.len() * weeks.len();
        let (done, all_questions, progress) = (&mut self.done, self.all, self.input.progress);
        let mut note = |what: String| {
            progress(&Progress { done: *done, all: all_questions, what });
            *done += 1;
        };
        let facts = self.reader.facts(alarms, &ids, &mut note).await?;
        let text = TemplateText::new(self.input.template_path, self.input.template, self.input.environment);
        let (mut reviews, mut without_values, mut edits) = (Vec::new(), Vec::new(), Edits::new());
        let mut answers: Vec<Option<WhatIfResult>> = vec![None; questions.len()];
        for group in groups {
            let group: Vec<MetricAlarm> = group.into_iter().map(|alarm| as_run(alarm, &facts)).collect();
            let recorded = self.recorded(&group, questions, &facts).await?;
            for alarm in &group {
                let asked: Vec<usize> =
                    (0..questions.len()).filter(|index| questions[*index].alarm == alarm.logical_id).collect();
                let own: Vec<&WhatIf> = asked.iter().map(|index| &questions[*index]).collect();
                let places = text.places(&alarm.logical_id);
                let judging = Judging {
                    alarm,
                    recorded: &recorded,
                    facts: &facts,
                    places: &places,
                    questions: &own,
                    window: self.input.window,
                };
                let mut found = match judging.judged() {
                    Ok(judged) => {
                        if let Verdict::Change(proposal) = &judged.review.verdict {
                            text.edit(&mut edits, &places, proposal.change);
                        }
                        reviews.push(judged.review);
                        judged.answers
                    }
                    Err(reason) => {
                        without_values.push(WithoutValues { alarm: alarm.logical_id.clone(), reason });
                        own.iter().map(|question| unanswered(question)).collect()
                    }
                };
                for (question, answer) in own.iter().zip(&mut found) {
                    let mut edits = Edits::new();
                    text.edit(&mut edits, &places, question.change);
                    answer.diff = text.diff(&edits);
                }
                asked.into_iter().zip(found).for_each(|(index, answer)| answers[index] = Some(answer));
            }
        }
        without_values.extend(all.iter().filter_map(not_replayed));
        let order = |id: &str| all.iter().position(|alarm| alarm.logical_id() == id);
        reviews.sort_by_key(|review: &AlarmReview| order(&review.alarm));
        without_values.sort_by_key(|without: &WithoutValues| order(&without.alarm));
        let trends = self.trends(&facts, weeks).await?;
        Ok(Review {
            schema_version: Review::SCHEMA_VERSION,
            environment: self.input.environment.to_owned(),
            from: self.input.window.from,
            until: self.input.window.until,
            incidents: incidents(&facts, &reviews),
            marks: facts.marks.iter().map(ReviewedMark::from).collect(),
            alarms: reviews,
            without_values,
            what_if: answers.into_iter().flatten().collect(),
            diff: text.diff(&edits),
            checks: facts.checks,
            without_runs: facts.without_runs,
            trends,
            warnings: facts.warnings,
        })
    }

    fn note(&mut self, what: impl Into<String>) {
        (self.input.progress)(&Progress { done: self.done.min(self.all), all: self.all, what: what.into() });
        self.done += 1;
    }

    /// Reads the values that a group of alarms judges, also with other numbers.
    async fn recorded(
        &mut self,
        group: &[MetricAlarm],
        questions: &[WhatIf],
        facts: &Facts,
    ) -> Result<Recorded, PortError> {
        let name = group.first().and_then(|alarm| alarm.source.metrics().next()).map(|(metric, _)| metric.name.clone());
        self.note(format!("values of {}", name.unwrap_or_default()));
        let reach = group.iter().map(|alarm| {
            let asked: Vec<&WhatIf> = questions.iter().filter(|question| question.alarm == alarm.logical_id).collect();
            Replay::default().reach(&widest(alarm, &asked))
        });
        let reach = SignedDuration::try_from(reach.max().unwrap_or_default()).unwrap_or(SignedDuration::ZERO);
        let window = Window::new(self.input.window.from - reach, self.input.window.until);
        let alarms: Vec<&MetricAlarm> = group.iter().collect();
        Recorded::read(self.reader.history, &alarms, window, &facts.known).await
    }

    /// Reads the trends.
    async fn trends(&mut self, facts: &Facts, weeks: Vec<Week>) -> Result<Trends, PortError> {
        let checks: Vec<_> = facts.days.iter().map(|(id, days)| check_trend(id, days, &weeks)).collect();
        Ok(Trends {
            subjects: subject_trends(&facts.days, &weeks),
            steps: self.steps(facts, &weeks).await?,
            series: self.series(facts, &weeks).await?,
            unavailable: UNAVAILABLE.map(str::to_owned).to_vec(),
            cost: cost(self.input.cost, &weeks, &checks),
            checks,
            weeks,
        })
    }

    async fn steps(&mut self, facts: &Facts, weeks: &[Week]) -> Result<StepTrends, PortError> {
        let mut steps: BTreeMap<(String, String, String), Vec<Option<StepWeek>>> = BTreeMap::new();
        for id in facts.days.keys() {
            for (index, week) in weeks.iter().enumerate() {
                self.note(format!("steps of {id}"));
                let window = Window::new(week.from, week.until);
                let found = match self.reader.history.step_percentiles(id, window).await? {
                    Some(found) => found,
                    None if self.input.logs => self.reader.history.search_steps(id, window).await?,
                    None => return Ok(StepTrends::NotAsked),
                };
                for step in found {
                    let durations = step.durations;
                    let key = (id.clone(), step.subject, step.name);
                    let own = steps.entry(key).or_insert_with(|| vec![None; weeks.len()]);
                    own[index] = Some(StepWeek { p50_ms: durations.p50, p95_ms: durations.p95, p99_ms: durations.p99 });
                }
            }
        }
        let step = |((check, subject, step), weeks)| StepTrend { check, subject, step, weeks };
        Ok(StepTrends::Known { steps: steps.into_iter().map(step).collect() })
    }

    async fn series(&mut self, facts: &Facts, weeks: &[Week]) -> Result<Vec<SeriesTrend>, PortError> {
        let window = self.input.window;
        let mut trends = Vec::new();
        for (group, metric, channel, statistic, limit) in SERIES {
            self.note(format!("days of {}", metric.name));
            let Some(check) = metric.owner.filter(|owner| facts.days.contains_key(*owner)) else { continue };
            let mut id = self.reader.metric(metric, check);
            id.dimensions.extend(channel.map(|channel| (CHANNEL.to_owned(), channel.as_str().to_owned())));
            let (days, _) = series(self.reader.history, &id, statistic, window, Period::DAY).await?;
            if days.is_empty() {
                continue;
            }
            let projection = match (group, limit) {
                (Group::Certificate, _) => {
                    let newest = Window::new(window.until - NEWEST, window.until);
                    let hours = series(self.reader.history, &id, statistic, newest, Period::minutes(60)).await?;
                    expiry(&hours.0)
                }
                (_, Some(limit)) => Some(project(&days, limit, window)),
                (_, None) => None,
            };
            trends.push(SeriesTrend {
                group,
                metric: shown_metric(&id),
                check: check.to_owned(),
                unit: metric.unit.as_str().to_owned(),
                statistic: statistic.as_str().to_owned(),
                weeks: by_week(&days, weeks),
                projection,
            });
        }
        Ok(trends)
    }
}

/// Alarms by the metrics they judge, so that each is read once.
fn by_metric(alarms: &[MetricAlarm]) -> Vec<Vec<&MetricAlarm>> {
    let mut groups: Vec<(BTreeSet<&MetricId>, Vec<&MetricAlarm>)> = Vec::new();
    for alarm in alarms {
        let metrics: BTreeSet<&MetricId> = alarm.source.metrics().map(|(metric, _)| metric).collect();
        match groups.iter_mut().find(|(own, _)| *own == metrics) {
            Some((_, group)) => group.push(alarm),
            None => groups.push((metrics, vec![alarm])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The alarm with periods of at least the interval between the runs of its check, as `synthetics up` evaluates it.
fn as_run(alarm: &MetricAlarm, facts: &Facts) -> MetricAlarm {
    let interval = check_of(alarm).and_then(|check| facts.intervals.get(check)).copied().unwrap_or_default();
    MetricAlarm { period: alarm.period.max(interval), ..alarm.clone() }
}

fn not_replayed(alarm: &Alarm) -> Option<WithoutValues> {
    let reason = match alarm {
        Alarm::Metric(_) => return None,
        Alarm::Composite(_) => "it combines other alarms and has no numbers".to_owned(),
        Alarm::Unreplayed(alarm) => alarm.not_replayed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    Some(WithoutValues { alarm: alarm.logical_id().to_owned(), reason })
}

/// The incidents, with the alarms that fired for each.
fn incidents(facts: &Facts, reviews: &[AlarmReview]) -> Vec<ReviewedIncident> {
    let seen_by = |id: &str, since: jiff::Timestamp| {
        let seen = |review: &AlarmReview| {
            let firing = review.behaviour.firings.iter().find(|firing| firing.incidents.iter().any(|own| own == id))?;
            let delay = firing.from.duration_since(since).as_secs_f64() / 60.0;
            let delay_minutes = (!firing.began_before).then_some(delay);
            Some(SeenBy { alarm: review.alarm.clone(), notifies: review.notifies, delay_minutes })
        };
        let mut all: Vec<SeenBy> = reviews.iter().filter_map(seen).collect();
        let order = |seen: &SeenBy| seen.delay_minutes.unwrap_or(f64::NEG_INFINITY);
        all.sort_by(|one, other| order(one).total_cmp(&order(other)));
        all
    };
    let is_replayed = |record: &check::incident::IncidentRecord| {
        let mut own = reviews.iter().filter(|review| review.check.as_ref() == Some(&record.check));
        own.any(|review| review.kind.sees_incidents() && review.replayed_from <= record.since)
    };
    let incident = |record: &check::incident::IncidentRecord| ReviewedIncident {
        id: record.id.clone(),
        check: record.check.clone(),
        subject: record.subject.to_string(),
        severity: record.severity,
        since: record.since,
        until: record.closed_at,
        step: record.first.step.to_string(),
        seen_by: seen_by(&record.id, record.since),
        replayed: is_replayed(record),
        marks: facts
            .marks
            .iter()
            .filter(|mark| record.since - BEFORE_INCIDENT <= mark.at && mark.at <= record.since)
            .map(|mark| mark.text.clone())
            .collect(),
    };
    facts.records.iter().map(incident).collect()
}
