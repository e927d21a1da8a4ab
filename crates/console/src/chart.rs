//! Charts: numbers for the script that draws them, and a summary for readers without it.

use alarm::{MetricAlarm, MetricId, Source as AlarmSource, State, Statistic};
use check::metric::Unit;
use check::text::measured;
use history::{History, Period, Point, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;
use serde::Serialize;

use crate::shown::milliseconds;
use crate::words::ordinal_condition;

/// Chart of one metric over a window.
pub(crate) struct Chart {
    pub(crate) title: String,
    /// The newest value.
    pub(crate) newest: Option<String>,
    /// Extremes and average, in words.
    pub(crate) summary: String,
    /// What the script draws, JSON.
    pub(crate) drawn: String,
    /// Meaning of the metric.
    pub(crate) meaning: String,
    /// True if the newest value is beyond a threshold.
    pub(crate) is_beyond: bool,
}

/// What the script draws. Times are in seconds since 1970.
#[derive(Serialize)]
struct Drawn<'a> {
    title: &'a str,
    unit: &'static str,
    at: Vec<i64>,
    lines: Vec<Line>,
    thresholds: Vec<Threshold>,
    bands: &'a [Band],
    marks: &'a [Note],
}

#[derive(Serialize)]
struct Line {
    name: String,
    values: Vec<Option<f64>>,
}

/// Threshold of an alarm, and the periods that it looks at.
#[derive(Serialize)]
struct Threshold {
    value: f64,
    words: String,
    from: i64,
    until: i64,
    is_alarm: bool,
}

/// Time of an incident.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Band {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) words: String,
}

/// Mark of a person.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Note {
    pub(crate) at: i64,
    pub(crate) words: String,
}

/// What all charts of a page share.
pub(crate) struct Frame {
    pub(crate) window: Window,
    pub(crate) period: Period,
    pub(crate) bands: Vec<Band>,
    pub(crate) marks: Vec<Note>,
}

impl Frame {
    /// Starts of the periods, in seconds since 1970.
    fn times(&self) -> Vec<i64> {
        let mut at = Vec::new();
        let mut time = self.period.floor(self.window.from);
        while time < self.window.until {
            at.push(time.as_second());
            time = time.saturating_add(self.period.duration()).unwrap_or(self.window.until);
        }
        at
    }

    /// Values at these times.
    fn aligned<'a>(&self, at: &[i64], points: impl Iterator<Item = &'a Point>) -> Vec<Option<f64>> {
        let mut values = vec![None; at.len()];
        for point in points {
            if let Ok(place) = at.binary_search(&self.period.floor(point.at).as_second()) {
                values[place] = Some(point.value);
            }
        }
        values
    }
}

/// Metric to draw.
pub(crate) struct Drawable<'a> {
    pub(crate) metric: MetricId,
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) meaning: &'a str,
    /// Alarms on it, with their states.
    pub(crate) alarms: Vec<(&'a MetricAlarm, Option<State>)>,
}

impl Drawable<'_> {
    /// Reads the values. `None`: there are none in the window.
    pub(crate) async fn chart(&self, history: &dyn History, frame: &Frame) -> Result<Option<Chart>, PortError> {
        let (average, maximum) = futures::try_join!(
            history.series(&self.metric, Statistic::Average, frame.window, frame.period),
            history.series(&self.metric, Statistic::Maximum, frame.window, frame.period),
        )?;
        let Some(newest) = average.points().last() else { return Ok(None) };
        let at = frame.times();
        let aligned = |series: &history::Series| frame.aligned(&at, series.points());
        let numbers = |series: &history::Series| series.points().map(|point| point.value).collect::<Vec<_>>();
        let [averages, maxima] = [numbers(&average), numbers(&maximum)];
        let mean = averages.iter().sum::<f64>() / averages.len() as f64;
        let words = |value: f64| measured(&self.metric.name, value, self.unit);
        let highest = maxima.iter().copied().fold(f64::MIN, f64::max);
        let lowest = averages.iter().copied().fold(f64::MAX, f64::min);
        let mut lines = vec![Line { name: "average".to_owned(), values: aligned(&average) }];
        if averages != maxima {
            lines.push(Line { name: "maximum".to_owned(), values: aligned(&maximum) });
        }
        let drawn = Drawn {
            title: &self.title,
            unit: self.unit.as_str(),
            lines,
            thresholds: self.alarms.iter().filter_map(|(alarm, state)| threshold(alarm, *state, frame)).collect(),
            bands: &frame.bands,
            marks: &frame.marks,
            at,
        };
        let is_beyond =
            self.alarms.iter().any(|(alarm, _)| alarm.comparison.is_breaching(newest.value, alarm.threshold));
        Ok(Some(Chart {
            title: self.title.clone(),
            newest: Some(words(newest.value)),
            summary: format!("{} to {}, average {}", words(lowest), words(highest), words(mean)),
            // Numbers and texts always serialize.
            drawn: serde_json::to_string(&drawn).unwrap_or_default(),
            meaning: self.meaning.replace('`', ""),
            is_beyond,
        }))
    }
}

/// Line of a chart of durations.
pub(crate) struct DurationLine {
    pub(crate) name: String,
    /// Milliseconds, by the start of a period.
    pub(crate) points: Vec<Point>,
}

impl DurationLine {
    pub(crate) fn mean(&self) -> f64 {
        self.points.iter().map(|point| point.value).sum::<f64>() / self.points.len().max(1) as f64
    }
}

impl Frame {
    /// Draws parts of a duration, which no alarm watches.
    pub(crate) fn durations(&self, title: &str, meaning: String, lines: &[DurationLine]) -> Chart {
        let at = self.times();
        let drawn = Drawn {
            title,
            unit: Unit::Milliseconds.as_str(),
            lines: lines
                .iter()
                .map(|line| Line { name: line.name.clone(), values: self.aligned(&at, line.points.iter()) })
                .collect(),
            thresholds: Vec::new(),
            bands: &self.bands,
            marks: &self.marks,
            at,
        };
        let words = lines.iter().map(|line| format!("{} {}", line.name, milliseconds(line.mean())));
        Chart {
            title: title.to_owned(),
            newest: None,
            summary: words.collect::<Vec<_>>().join(", "),
            // Numbers and texts always serialize.
            drawn: serde_json::to_string(&drawn).unwrap_or_default(),
            meaning,
            is_beyond: false,
        }
    }
}

/// Threshold of an alarm on one metric. That of an expression is on another scale.
fn threshold(alarm: &MetricAlarm, state: Option<State>, frame: &Frame) -> Option<Threshold> {
    if !matches!(alarm.source, AlarmSource::Metric { .. }) {
        return None;
    }
    let reach =
        SignedDuration::try_from(alarm.period).ok()?.saturating_mul(i32::try_from(alarm.evaluation_periods).ok()?);
    let until = frame.window.until;
    Some(Threshold {
        value: alarm.threshold,
        words: ordinal_condition(alarm),
        from: until.saturating_sub(reach).ok()?.as_second(),
        until: until.as_second(),
        is_alarm: state == Some(State::Alarm),
    })
}

/// Windows that a page offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Hour,
    Day,
    Week,
    Month,
}

impl Span {
    pub(crate) const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Name in the address of a page.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    pub(crate) fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.name() == name)
    }

    /// Window that ends now, and the period of its points.
    pub(crate) fn window(self, now: Timestamp) -> (Window, Period) {
        let (hours, period) = match self {
            Self::Hour => (1, Period::MINUTE),
            Self::Day => (24, Period::minutes(5)),
            Self::Week => (7 * 24, Period::minutes(30)),
            Self::Month => (30 * 24, Period::minutes(120)),
        };
        (Window::new(now - SignedDuration::from_hours(hours), now + SignedDuration::from_secs(1)), period)
    }
}
