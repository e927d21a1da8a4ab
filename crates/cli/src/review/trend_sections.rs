//! Sections about trends.

use jiff::Timestamp;
use review::words::{milliseconds, number, percent};
use review::{CheckTrend, CheckWeek, CostTrend, Group, Projection, SeriesTrend, StepTrend, SubjectTrend, Trends, Week};

use super::section::{COLUMNS, Row, Section, row};

/// Weeks in a table: one column has the name, and one more a remark.
const WEEKS: usize = COLUMNS - 2;
/// Sections of all trends. Tables show the newest weeks.
pub(super) fn sections(trends: &Trends) -> Vec<Section> {
    let table = |title: &str, first: &'static str, last: &'static str, rows: Vec<Row>| {
        let mut header = [""; COLUMNS];
        header[0] = first;
        header[COLUMNS - 1] = last;
        Section { title: title.to_owned(), header, rows, ..Section::default() }
    };
    let dates = || {
        let shown = newest(&trends.weeks);
        let mut dates = Row::default();
        for (cell, week) in dates[1..].iter_mut().zip(shown) {
            *cell = date(week);
        }
        dates[0] = "week from".to_owned();
        dates
    };
    let success = trends.checks.iter().map(|trend| check_row(trend, |week| week.success.map(percent)));
    let p95 = trends.checks.iter().map(|trend| check_row(trend, |week| week.p95_ms.map(milliseconds)));
    let with_dates = |rows: Vec<Row>| {
        if rows.is_empty() { rows } else { std::iter::once(dates()).chain(rows).collect::<Vec<_>>() }
    };
    let mut weeks = table("Success by week", "CHECK", "", with_dates(success.collect()));
    weeks.lines.extend(older(&trends.weeks));
    let mut subjects = table("Success of subjects by week", "SUBJECT", "", Vec::new());
    match trends.subjects.worst() {
        None => subjects.lines.push("Not asked: subjects are in log lines.".to_owned()),
        Some((worst, others)) => {
            if others > 0 {
                subjects.lines.push(format!("The worst {} of {} subjects.", worst.len(), worst.len() + others));
            }
            subjects.rows = with_dates(worst.into_iter().map(subject_row).collect());
        }
    }
    let durations = table("Durations by week (95th percentile)", "CHECK", "", with_dates(p95.collect()));
    let mut steps = table("Steps by week (95th percentile)", "STEP", "", Vec::new());
    match trends.steps.slowest() {
        None => steps.lines.push("Not asked: steps are in log lines; --logs searches them.".to_owned()),
        Some((slowest, others)) => {
            if others > 0 {
                steps.lines.push(format!("The slowest {} of {} steps.", slowest.len(), slowest.len() + others));
            }
            steps.rows = with_dates(slowest.into_iter().map(step_row).collect());
        }
    }
    let mut series = table(
        "Load, queues and resources by week",
        "METRIC",
        "PROJECTION",
        with_dates(trends.series.iter().map(series_row).collect()),
    );
    series.lines.extend(trends.unavailable.iter().map(|what| format!("Not recorded: {what}.")));
    vec![weeks, subjects, durations, steps, series, cost(trends)]
}

fn cost(trends: &Trends) -> Section {
    let lines = match &trends.cost {
        CostTrend::OnOneMachine => Vec::new(),
        CostTrend::Estimated { weeks_usd, month_usd } => {
            let weeks = newest(&trends.weeks).iter().zip(newest(weeks_usd));
            let weeks: Vec<String> = weeks.map(|(week, usd)| format!("{} {usd:.2}", date(week))).collect();
            vec![format!("USD at list price, as planned {month_usd:.2} a month. Weeks from: {}.", weeks.join(", "))]
        }
    };
    Section { title: "Cost by week".to_owned(), lines, ..Section::default() }
}

fn older(weeks: &[Week]) -> Option<String> {
    let older = weeks.len().checked_sub(WEEKS).filter(|older| *older > 0)?;
    Some(format!("The newest {WEEKS} weeks; --format json has {older} more."))
}

fn check_row(trend: &CheckTrend, value: impl Fn(&CheckWeek) -> Option<String>) -> Row {
    weeks_row(
        trend.check.clone(),
        newest(&trend.weeks).iter().map(|week| week.as_ref().and_then(&value)),
        String::new(),
    )
}

fn subject_row(trend: &SubjectTrend) -> Row {
    let name = format!("{}/{}", trend.check, trend.subject);
    weeks_row(name, newest(&trend.weeks).iter().map(|week| week.map(|week| percent(week.success))), String::new())
}

fn step_row(trend: &StepTrend) -> Row {
    let subject = if trend.subject == "-" { String::new() } else { format!("{}/", trend.subject) };
    let name = format!("{}: {subject}{}", trend.check, trend.step);
    weeks_row(name, newest(&trend.weeks).iter().map(|week| week.map(|week| milliseconds(week.p95_ms))), String::new())
}

fn series_row(trend: &SeriesTrend) -> Row {
    let suffix = match trend.unit.as_str() {
        "Percent" => " %",
        "Seconds" => " s",
        _ => "",
    };
    let suffix = if trend.group == Group::Certificate { " days" } else { suffix };
    let values = newest(&trend.weeks).iter().map(|week| week.map(|value| format!("{}{suffix}", number(value))));
    weeks_row(trend.metric.clone(), values, trend.projection.as_ref().map(Projection::words).unwrap_or_default())
}

fn weeks_row(name: String, values: impl Iterator<Item = Option<String>>, remark: String) -> Row {
    let mut cells = row([name]);
    for (cell, value) in cells[1..].iter_mut().zip(values) {
        *cell = value.unwrap_or_else(|| "-".to_owned());
    }
    cells[COLUMNS - 1] = remark;
    cells
}

fn newest<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(WEEKS)..]
}

fn date(week: &Week) -> String {
    let date = |at: Timestamp| at.strftime("%m-%d").to_string();
    date(week.from)
}
