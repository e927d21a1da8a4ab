//! Trends by week, as charts.

use review::words::{milliseconds, number, percent, signed};
use review::{CheckTrend, CheckWeek, CostTrend, Group, Review, SeriesTrend, StepTrend, SubjectTrend, Trends};

use super::projection_chart::ProjectionChart;
use super::week_chart::{Numbers, Range, WeekChart};

/// Weeks of a check, or of a metric.
pub(crate) struct Figure {
    pub(crate) title: String,
    pub(crate) charts: Vec<(String, WeekChart)>,
}

/// Weeks of a step or a subject.
pub(crate) struct WeeksRow {
    pub(crate) name: String,
    pub(crate) chart: Option<WeekChart>,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) change: String,
}

/// Future of a resource.
pub(crate) struct ProjectionRow {
    pub(crate) metric: String,
    pub(crate) words: String,
    pub(crate) tone: &'static str,
    pub(crate) chart: Option<ProjectionChart>,
}

/// Success and durations of each check.
pub(super) fn checks(review: &Review) -> Vec<Figure> {
    review.trends.checks.iter().map(|trend| check(trend, review)).collect()
}

fn check(trend: &CheckTrend, review: &Review) -> Figure {
    let weeks = &review.trends.weeks;
    let values = |value: fn(&CheckWeek) -> Option<f64>| -> Vec<Option<f64>> {
        trend.weeks.iter().map(|week| week.as_ref().and_then(value)).collect()
    };
    let objective = review.checks.iter().find(|own| own.check == trend.check).and_then(|own| own.objective);
    let success = Numbers {
        weeks,
        values: values(|week| week.success),
        band: None,
        limit: objective.map(|target| (target, format!("objective {} %", number(target * 100.0)))),
        range: Range::UpToOne,
        format: &percent,
    };
    let ends = |week: &CheckWeek| week.p50_ms.zip(week.p99_ms);
    let durations = Numbers {
        weeks,
        values: values(|week| week.p95_ms),
        band: Some(trend.weeks.iter().map(|week| week.as_ref().and_then(ends)).collect()),
        limit: None,
        range: Range::FromZero,
        format: &milliseconds,
    };
    let charts = [("Success", success), ("Duration, p95 in the band from p50 to p99", durations)];
    let drawn = charts.into_iter().filter_map(|(name, numbers)| Some((name.to_owned(), numbers.chart()?)));
    Figure { title: trend.check.clone(), charts: drawn.collect() }
}

/// Load, queues and resources.
pub(super) fn series(trends: &Trends) -> Vec<Figure> {
    let figure = |series: &SeriesTrend| {
        let unit = series.unit.clone();
        let format = |value: f64| match series.group {
            Group::Certificate => format!("{} days", number(value)),
            Group::Load | Group::Queue | Group::Resource => review::words::quantity(value, Some(&unit)),
        };
        let values = series.weeks.clone();
        let numbers =
            Numbers { weeks: &trends.weeks, values, band: None, limit: None, range: Range::FromZero, format: &format };
        let name = format!("{} of a day", series.statistic);
        let charts = numbers.chart().map(|chart| (name, chart)).into_iter().collect();
        Figure { title: series.metric.clone(), charts }
    };
    trends.series.iter().map(figure).filter(|figure| !figure.charts.is_empty()).collect()
}

/// Projections of resources and certificates.
pub(super) fn projections(review: &Review) -> Vec<ProjectionRow> {
    use review::Projection;
    let row = |series: &SeriesTrend| {
        let projection = series.projection.as_ref()?;
        let (words, tone) = match projection {
            Projection::Reaches { per_day, .. } => {
                (format!("{}; {} a day", projection.words(), signed(*per_day)), "unsure")
            }
            Projection::NoLimitInSight { per_day, low, high } => {
                (format!("steady: {} a day, between {} and {}", signed(*per_day), signed(*low), signed(*high)), "good")
            }
            Projection::Expires { days, .. } => {
                (format!("{}, in {days:.0} days", projection.words()), if *days < 30.0 { "unsure" } else { "good" })
            }
            Projection::TooLittleData { .. } => (projection.words(), "none"),
        };
        let chart = ProjectionChart::new(series, &review.trends.weeks, review.until);
        Some(ProjectionRow { metric: series.metric.clone(), words, tone, chart })
    };
    review.trends.series.iter().filter_map(row).collect()
}

/// The worst subjects, and the number of the others. `None`: they were not asked for.
pub(super) fn subjects(trends: &Trends) -> Option<(Vec<WeeksRow>, usize)> {
    let row = |subject: &SubjectTrend| WeeksRow {
        name: format!("{}/{}", subject.check, subject.subject),
        ..weeks_row(trends, subject.weeks.iter().map(|week| week.map(|week| week.success)), Range::UpToOne, &percent)
    };
    let (worst, others) = trends.subjects.worst()?;
    Some((worst.into_iter().map(row).collect(), others))
}

/// The slowest steps, and the number of the others. `None`: they were not asked for.
pub(super) fn steps(trends: &Trends) -> Option<(Vec<WeeksRow>, usize)> {
    let row = |step: &StepTrend| {
        let subject = if step.subject == "-" { String::new() } else { format!("{}/", step.subject) };
        WeeksRow {
            name: format!("{}: {subject}{}", step.check, step.step),
            ..weeks_row(
                trends,
                step.weeks.iter().map(|week| week.map(|week| week.p95_ms)),
                Range::FromZero,
                &milliseconds,
            )
        }
    };
    let (slowest, others) = trends.steps.slowest()?;
    Some((slowest.into_iter().map(row).collect(), others))
}

/// A row without a name.
fn weeks_row(
    trends: &Trends,
    values: impl Iterator<Item = Option<f64>>,
    range: Range,
    format: &dyn Fn(f64) -> String,
) -> WeeksRow {
    let values: Vec<Option<f64>> = values.collect();
    let (first, last) = (values.iter().flatten().next().copied(), values.iter().rev().flatten().next().copied());
    let words = |value: Option<f64>| value.map(format).unwrap_or_default();
    let change = first.zip(last).filter(|(first, _)| *first > 0.0);
    let numbers = Numbers { weeks: &trends.weeks, values, band: None, limit: None, range, format };
    WeeksRow {
        name: String::new(),
        chart: numbers.chart(),
        first: words(first),
        last: words(last),
        change: change.map(|(first, last)| change_words(last / first - 1.0)).unwrap_or_default(),
    }
}

/// Formats a change in whole percent.
fn change_words(part: f64) -> String {
    let percent = (part * 100.0).round();
    if percent == 0.0 { "none".to_owned() } else { format!("{percent:+} %") }
}

/// Cost by week, and a sentence about it; `None` without a bill.
pub(super) fn cost(trends: &Trends) -> Option<(WeekChart, String)> {
    let CostTrend::Estimated { weeks_usd, month_usd } = &trends.cost else { return None };
    let format = |usd: f64| format!("{usd:.2}");
    let values = weeks_usd.iter().copied().map(Some).collect();
    let numbers =
        Numbers { weeks: &trends.weeks, values, band: None, limit: None, range: Range::FromZero, format: &format };
    Some((numbers.chart()?, format!("USD at list price; as planned, {month_usd:.2} a month.")))
}
