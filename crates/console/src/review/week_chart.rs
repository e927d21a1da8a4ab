//! A number by week, as a line.

use review::Week;

use super::axis::{day, place};

/// Width of a chart, in its own units.
const WIDTH: f64 = 320.0;
/// First and last place of a week.
const LEFT: f64 = 26.0;
const RIGHT: f64 = WIDTH - 26.0;
/// Places of the highest and the lowest value.
const TOP: f64 = 22.0;
const BOTTOM: f64 = 78.0;
/// Space between a point and its label.
const GAP: f64 = 7.0;
/// Most weeks with a label each.
const LABELLED: usize = 6;

/// The chart.
pub(crate) struct WeekChart {
    /// Line through the weeks with a value.
    pub(crate) line: String,
    /// Area between two other numbers of each week.
    pub(crate) band: Option<String>,
    pub(crate) dots: Vec<Dot>,
    /// Labels of the values and of the weeks.
    pub(crate) labels: Vec<Label>,
    /// Place and label of a limit.
    pub(crate) limit: Option<(String, String)>,
    pub(crate) story: String,
}

/// A week with a value.
pub(crate) struct Dot {
    pub(crate) x: String,
    pub(crate) y: String,
    /// True if the window has all of its seven days.
    pub(crate) is_whole: bool,
}

/// A text.
pub(crate) struct Label {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) anchor: &'static str,
    pub(crate) text: String,
}

/// Range of the places of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From zero.
    FromZero,
    /// Up to one, for parts of runs.
    UpToOne,
}

/// Lowest part of the runs that every chart has.
const LOWEST_PART: f64 = 0.99;

/// Numbers of a chart.
pub(super) struct Numbers<'a> {
    pub(super) weeks: &'a [Week],
    pub(super) values: Vec<Option<f64>>,
    /// Lower and upper end of the band.
    pub(super) band: Option<Vec<Option<(f64, f64)>>>,
    /// A limit with its label.
    pub(super) limit: Option<(f64, String)>,
    pub(super) range: Range,
    pub(super) format: &'a dyn Fn(f64) -> String,
}

impl Numbers<'_> {
    /// Draws the chart; `None` without values.
    pub(super) fn chart(&self) -> Option<WeekChart> {
        let known: Vec<(usize, f64)> =
            self.values.iter().enumerate().filter_map(|(index, value)| Some((index, (*value)?))).collect();
        let (&(first, _), &(last, _)) = (known.first()?, known.last()?);
        let band: Vec<(usize, (f64, f64))> =
            self.band.iter().flatten().enumerate().filter_map(|(index, own)| Some((index, (*own)?))).collect();
        let (low, high) = self.range(&known, &band);
        let y = |value: f64| BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP);
        let count = self.weeks.len();
        let x = |index: usize| match count {
            0 | 1 => WIDTH / 2.0,
            _ => LEFT + (RIGHT - LEFT) * index as f64 / (count - 1) as f64,
        };
        let mut labels: Vec<Label> = Vec::new();
        let highest = known.iter().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(index, _)| *index);
        let lowest = known.iter().min_by(|one, other| one.1.total_cmp(&other.1)).map(|(index, _)| *index);
        for (index, value) in &known {
            let is_extreme = [Some(first), Some(last), highest, lowest].contains(&Some(*index));
            if count <= LABELLED || is_extreme {
                let text = (self.format)(*value);
                labels.push(Label { x: place(x(*index)), y: place(y(*value) - GAP), anchor: "middle", text });
            }
        }
        for (index, week) in self.weeks.iter().enumerate() {
            if count <= LABELLED || [0, count / 2, count - 1].contains(&index) {
                labels.push(Label {
                    x: place(x(index)),
                    y: place(BOTTOM + 22.0),
                    anchor: "middle",
                    text: day(week.from),
                });
            }
        }
        let dot = |(index, value): &(usize, f64)| Dot {
            x: place(x(*index)),
            y: place(y(*value)),
            is_whole: self.weeks.get(*index).is_some_and(|week| week.is_whole()),
        };
        Some(WeekChart {
            line: line(&known.iter().map(|(index, value)| (*index, x(*index), y(*value))).collect::<Vec<_>>()),
            band: (band.len() > 1).then(|| {
                let upper = band.iter().map(|(index, (_, high))| (x(*index), y(*high)));
                let lower = band.iter().rev().map(|(index, (low, _))| (x(*index), y(*low)));
                upper.chain(lower).map(|(x, y)| format!("{},{}", place(x), place(y))).collect::<Vec<_>>().join(" ")
            }),
            dots: known.iter().map(dot).collect(),
            labels,
            limit: self.limit.as_ref().map(|(value, text)| (place(y(*value)), text.clone())),
            story: self.story(),
        })
    }

    /// Lowest and highest place.
    fn range(&self, known: &[(usize, f64)], band: &[(usize, (f64, f64))]) -> (f64, f64) {
        let ends = band.iter().flat_map(|(_, (low, high))| [*low, *high]);
        let limit = self.limit.iter().map(|(value, _)| *value);
        let all: Vec<f64> = known.iter().map(|(_, value)| *value).chain(ends).chain(limit).collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match self.range {
            Range::FromZero => (least.min(0.0), if most > least.min(0.0) { most } else { least.min(0.0) + 1.0 }),
            Range::UpToOne => (least.min(LOWEST_PART), most.max(1.0)),
        }
    }

    /// The chart in words.
    fn story(&self) -> String {
        let words = |(week, value): (&Week, &Option<f64>)| {
            let value = value.map_or_else(|| "none".to_owned(), |value| (self.format)(value));
            format!("week from {}: {value}", day(week.from))
        };
        self.weeks.iter().zip(&self.values).map(words).collect::<Vec<_>>().join(", ")
    }
}

/// Path through points. A week without a value interrupts it.
fn line(points: &[(usize, f64, f64)]) -> String {
    let mut path = String::new();
    let mut before = None;
    for (index, x, y) in points {
        let follows = before.is_some_and(|before: usize| before + 1 == *index);
        path.push_str(if follows { "L" } else { "M" });
        path.push_str(&format!("{},{}", place(*x), place(*y)));
        before = Some(*index);
    }
    path
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    fn weeks(count: i64) -> Vec<Week> {
        let begin: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        let at = |index: i64| begin + SignedDuration::from_hours(index * 7 * 24);
        (0..count).map(|index| Week { from: at(index), until: at(index + 1) }).collect()
    }

    fn chart(weeks: &[Week], values: Vec<Option<f64>>) -> Option<WeekChart> {
        let format = |value: f64| format!("{value} ms");
        Numbers { weeks, values, band: None, limit: None, range: Range::FromZero, format: &format }.chart()
    }

    #[test]
    fn week_without_a_value_interrupts_the_line() {
        let weeks = weeks(4);
        let drawn = chart(&weeks, vec![Some(10.0), None, Some(20.0), Some(5.0)]).unwrap();
        assert_eq!(drawn.line.matches('M').count(), 2, "{}", drawn.line);
        assert_eq!((drawn.dots.len(), drawn.labels.len()), (3, 7));
        assert!(drawn.story.contains("week from 9 Nov: none, week from 16 Nov: 20 ms"), "{}", drawn.story);
        assert!(chart(&weeks, vec![None; 4]).is_none());
    }

    #[test]
    fn many_weeks_have_labels_at_the_extremes_only() {
        let weeks = weeks(50);
        let values = (0..50).map(|week| Some(f64::from(week % 9))).collect();
        let drawn = chart(&weeks, values).unwrap();
        assert_eq!((drawn.dots.len(), drawn.labels.len()), (50, 6));
    }

    #[test]
    fn equal_values_are_drawn_within_the_chart() {
        for (name, value) in [("zero", 0.0), ("positive", 7.0), ("negative", -3.0)] {
            let drawn = chart(&weeks(3), vec![Some(value); 3]).unwrap();
            for dot in &drawn.dots {
                let y: f64 = dot.y.parse().unwrap();
                assert!((TOP..=BOTTOM).contains(&y), "{name}: {y}");
            }
        }
    }
}
