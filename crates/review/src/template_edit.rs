//! Edits of the text of `infra/alarms.yaml`: only the numbers change, so comments and layout stay.

use std::collections::BTreeMap;

use crate::proposal::Change;

/// Unchanged lines around a changed one in a diff.
const CONTEXT: usize = 3;

/// Text of the template, whose lines are edited.
pub(crate) struct TemplateText<'t> {
    /// Path in the diff.
    path: &'t str,
    environment: &'t str,
    lines: Vec<&'t str>,
}

/// Changed lines, by their index.
pub(crate) type Edits = BTreeMap<usize, String>;

/// Place of an alarm's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    threshold: Option<Threshold>,
    /// Lines of M and of N; `None` in a loop, where they belong to several alarms.
    datapoints: Option<(usize, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Threshold {
    /// Line with the number itself.
    Literal(usize),
    /// Line of a mapping's key, with a value for each environment.
    Mapped(usize),
}

impl Places {
    pub(crate) const fn has_threshold(&self) -> bool {
        self.threshold.is_some()
    }

    pub(crate) const fn has_datapoints(&self) -> bool {
        self.datapoints.is_some()
    }
}

impl<'t> TemplateText<'t> {
    pub(crate) fn new(path: &'t str, text: &'t str, environment: &'t str) -> Self {
        Self { path, environment, lines: text.lines().collect() }
    }

    /// Finds the numbers of an alarm.
    pub(crate) fn places(&self, logical_id: &str) -> Places {
        let none = Places { threshold: None, datapoints: None };
        let Some(start) = self.lines.iter().position(|line| *line == "Resources:") else { return none };
        let own = (start..self.lines.len())
            .find(|index| self.lines[*index].strip_suffix(':').map(str::trim) == Some(logical_id));
        let (block, element) = match own {
            Some(index) => (index, None),
            None => match self.in_loop(start, logical_id) {
                Some((index, element)) => (index, Some(element)),
                None => return none,
            },
        };
        let property = |name: &str| {
            let indent = indentation(self.lines[block]);
            let inside = (block + 1..self.lines.len()).take_while(|index| {
                let line = self.lines[*index];
                line.trim().is_empty() || line.trim_start().starts_with('#') || indentation(line) > indent
            });
            inside.into_iter().find(|index| key(self.lines[*index]) == Some(name))
        };
        let threshold = property("Threshold").and_then(|index| {
            let value = self.lines[index].split_once(':')?.1.trim();
            match value.strip_prefix("!FindInMap [") {
                Some(found) => {
                    let mut parts = found.split(',').map(str::trim);
                    let (map, key) = (parts.next()?, parts.next()?);
                    let key = if key == "!Ref Check" { element? } else { key };
                    self.mapped(map, key).map(Threshold::Mapped)
                }
                // In a loop, a number belongs to several alarms.
                None => (element.is_none() && value.parse::<f64>().is_ok()).then_some(Threshold::Literal(index)),
            }
        });
        let datapoints = match element {
            Some(_) => None,
            None => property("DatapointsToAlarm").zip(property("EvaluationPeriods")),
        };
        Places { threshold, datapoints }
    }

    /// Adds a change to the edits. False if the number has no place that belongs to this alarm alone.
    pub(crate) fn edit(&self, edits: &mut Edits, places: &Places, change: Change) -> bool {
        let mut replace = |index: usize, line: Option<String>| {
            let Some(line) = line else { return false };
            edits.insert(index, line);
            true
        };
        match (change, &places.threshold, places.datapoints) {
            (Change::Threshold { to, .. }, Some(Threshold::Literal(index)), _) => {
                replace(*index, with_value(self.lines[*index], &to.to_string()))
            }
            (Change::Threshold { to, .. }, Some(Threshold::Mapped(index)), _) => {
                replace(*index, with_entry(self.lines[*index], self.environment, to))
            }
            (Change::Datapoints { to, .. }, _, Some((to_alarm, periods))) => {
                let done = replace(to_alarm, with_value(self.lines[to_alarm], &to.to_alarm.to_string()));
                done && (self.lines[periods] == self.line_of_periods(periods, to.periods)
                    || replace(periods, with_value(self.lines[periods], &to.periods.to_string())))
            }
            _ => false,
        }
    }

    /// The text with the edits.
    #[cfg(test)]
    fn edited(&self, edits: &Edits) -> String {
        let lines = self.lines.iter().enumerate().map(|(index, line)| edits.get(&index).map_or(*line, String::as_str));
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    /// The edits as a unified diff; `None` without any.
    pub(crate) fn diff(&self, edits: &Edits) -> Option<String> {
        let mut hunks: Vec<(usize, usize)> = Vec::new();
        for index in edits.keys() {
            let (from, until) = (index.saturating_sub(CONTEXT), (index + CONTEXT + 1).min(self.lines.len()));
            match hunks.last_mut() {
                Some((_, last)) if from <= *last => *last = until,
                _ => hunks.push((from, until)),
            }
        }
        let mut diff = format!("--- a/{path}\n+++ b/{path}\n", path = self.path);
        for (from, until) in &hunks {
            let (start, length) = (from + 1, until - from);
            diff.push_str(&format!("@@ -{start},{length} +{start},{length} @@\n"));
            let mut index = *from;
            while index < *until {
                // Neighbouring changes form one block, the old lines first.
                let block: Vec<usize> = (index..*until).take_while(|index| edits.contains_key(index)).collect();
                if block.is_empty() {
                    diff.push_str(&format!(" {}\n", self.lines[index]));
                    index += 1;
                    continue;
                }
                block.iter().for_each(|index| diff.push_str(&format!("-{}\n", self.lines[*index])));
                block.iter().for_each(|index| diff.push_str(&format!("+{}\n", edits[index])));
                index += block.len();
            }
        }
        (!hunks.is_empty()).then_some(diff)
    }

    fn line_of_periods(&self, index: usize, periods: usize) -> String {
        with_value(self.lines[index], &periods.to_string()).unwrap_or_default()
    }

    /// Finds a resource of a loop, such as `Slow${Check}`, and the element that makes this logical id.
    fn in_loop<'i>(&self, start: usize, logical_id: &'i str) -> Option<(usize, &'i str)> {
        self.lines.iter().enumerate().skip(start).find_map(|(index, line)| {
            let prefix = line.trim().trim_start_matches("- ").strip_suffix("${Check}:")?;
            let element = logical_id.strip_prefix(prefix)?;
            self.mapped("Checks", element).map(|_| (index, element))
        })
    }

    /// Line of a key in a mapping of the template.
    fn mapped(&self, map: &str, wanted: &str) -> Option<usize> {
        let start = self.lines.iter().position(|line| *line == "Mappings:")?;
        let is_map = |line: &&str| indentation(line) == 2 && key(line) == Some(map);
        let begin = start + self.lines[start..].iter().position(is_map)?;
        let inside = (begin + 1..self.lines.len()).take_while(|index| {
            let line = self.lines[*index];
            line.trim().is_empty() || line.trim_start().starts_with('#') || indentation(line) > 2
        });
        inside.into_iter().find(|index| indentation(self.lines[*index]) == 4 && key(self.lines[*index]) == Some(wanted))
    }
}

fn indentation(line: &str) -> usize {
    let dashes = line.trim_start_matches([' ', '-']);
    line.len() - dashes.len()
}

/// Key of a line; `None` for comments and other lines.
fn key(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (key, _) = line.split_once(':').filter(|_| !line.starts_with('#'))?;
    Some(key)
}

/// The line with another value. A comment at its end stays.
fn with_value(line: &str, value: &str) -> Option<String> {
    let (key, rest) = line.split_once(':')?;
    let comment = rest.find(" #").map_or("", |at| &rest[at..]);
    Some(format!("{key}: {value}{comment}"))
}

/// A line such as `Login: { Default: 8000 }` with a value for one environment.
fn with_entry(line: &str, environment: &str, value: f64) -> Option<String> {
    let (open, close) = (line.find('{')?, line.rfind('}')?);
    let mut entries: Vec<String> = line.get(open + 1..close)?.split(',').map(|entry| entry.trim().to_owned()).collect();
    let own = format!("{environment}: {value}");
    match entries.iter().position(|entry| entry.split(':').next().map(str::trim) == Some(environment)) {
        Some(index) => entries[index] = own,
        None => entries.push(own),
    }
    Some(format!("{}{{ {} {}", &line[..open], entries.join(", "), &line[close..]))
}

#[cfg(test)]
mod tests {
    use alarm::{Alarm, Inputs, MetricAlarm, Template};

    use super::*;
    use crate::proposal::Datapoints;

    const TEXT: &str = "\
Mappings:
  Checks:
    Login: { Id: login, Seconds: 60 }
  SlowMs:
    # A comment.
    Login: { Default: 8000 } # measured
  Thresholds:
    Rate: { Default: 30, staging: 40 }
Resources:
  Fn::ForEach::AlarmsPerCheck:
    - Check
    - !Ref Checks
    - Lost${Check}:
        Properties:
          DatapointsToAlarm: 5
          Threshold: 1
      Slow${Check}:
        Properties:
          EvaluationPeriods: 10
          Threshold: !FindInMap [SlowMs, !Ref Check, !Ref Environment, { DefaultValue: 1 }]

  Rate:
    Properties:
      EvaluationPeriods: 10
      # Counters look back five minutes.
      DatapointsToAlarm: 7 # of ten
      Threshold: !FindInMap [Thresholds, Rate, !Ref Environment, { DefaultValue: 1 }]
  Fixed:
    Properties:
      Threshold: 0.5
";

    fn edited(environment: &str, id: &str, change: Change) -> Option<String> {
        let text = TemplateText::new("alarms.yaml", TEXT, environment);
        let mut edits = Edits::new();
        let places = text.places(id);
        text.edit(&mut edits, &places, change).then(|| {
            let changed: Vec<&str> = edits.values().map(|line| line.trim()).collect();
            assert_eq!(text.edited(&edits).lines().count(), TEXT.lines().count());
            changed.join("; ")
        })
    }

    #[test]
    fn numbers_change_and_comments_stay() {
        let threshold = |to| Change::Threshold { from: 0.0, to };
        let from = Datapoints { to_alarm: 7, periods: 10 };
        let datapoints = |to_alarm, periods| Change::Datapoints { from, to: Datapoints { to_alarm, periods } };
        for (name, environment, id, change, expected) in [
            (
                "own value",
                "production",
                "SlowLogin",
                threshold(9_500.0),
                Some("Login: { Default: 8000, production: 9500 } # measured"),
            ),
            ("replaced value", "staging", "Rate", threshold(45.5), Some("Rate: { Default: 30, staging: 45.5 }")),
            ("literal", "staging", "Fixed", threshold(0.25), Some("Threshold: 0.25")),
            ("literal of a loop", "staging", "LostLogin", threshold(2.0), None),
            ("only M", "staging", "Rate", datapoints(9, 10), Some("DatapointsToAlarm: 9 # of ten")),
            (
                "M and N",
                "staging",
                "Rate",
                datapoints(12, 12),
                Some("EvaluationPeriods: 12; DatapointsToAlarm: 12 # of ten"),
            ),
            ("M of a loop", "staging", "SlowLogin", datapoints(9, 10), None),
            ("unknown alarm", "staging", "SlowBooking", threshold(1.0), None),
        ] {
            assert_eq!(edited(environment, id, change).as_deref(), expected, "{name}");
        }
    }

    /// Every number of the shipped template that belongs to one alarm can be changed, and nothing else changes.
    #[test]
    fn edits_of_the_shipped_template_change_one_alarm() {
        let shipped = include_str!("../../../infra/alarms.yaml");
        let read = |text: &str| {
            let inputs = Inputs::default().with("Environment", "production");
            let template = Template::read_with_every(text, &inputs, "Checks").unwrap();
            alarm::alarms(&template).unwrap()
        };
        let before = read(shipped);
        let text = TemplateText::new("infra/alarms.yaml", shipped, "production");
        let (mut thresholds, mut datapoints) = (0, 0);
        for alarm in &before {
            let Alarm::Metric(own) = alarm else { continue };
            let places = text.places(&own.logical_id);
            let from = Datapoints { to_alarm: own.datapoints_to_alarm, periods: own.evaluation_periods };
            let to = Datapoints { to_alarm: from.periods + 1, periods: from.periods + 1 };
            let threshold = own.threshold + 3.0;
            let changes = [
                (Change::Threshold { from: own.threshold, to: threshold }, MetricAlarm { threshold, ..own.clone() }),
                (
                    Change::Datapoints { from, to },
                    MetricAlarm { datapoints_to_alarm: to.to_alarm, evaluation_periods: to.periods, ..own.clone() },
                ),
            ];
            for (change, expected) in changes {
                let mut edits = Edits::new();
                if !text.edit(&mut edits, &places, change) {
                    assert!(edits.is_empty(), "{}", own.logical_id);
                    continue;
                }
                match change {
                    Change::Threshold { .. } => thresholds += 1,
                    Change::Datapoints { .. } => datapoints += 1,
                }
                let after = read(&text.edited(&edits));
                for (old, new) in before.iter().zip(&after) {
                    let expected = if old == alarm { &Alarm::Metric(expected.clone()) } else { old };
                    assert_eq!(new, expected);
                }
            }
        }
        // The others are in a loop over checks.
        let alone = before.iter().filter(|alarm| {
            matches!(alarm, Alarm::Metric(own) if !["MonitoringLost", "Slow"].iter().any(|start| {
                own.logical_id.strip_prefix(start).is_some_and(|rest| rest != "Queries")
            }))
        });
        assert_eq!(datapoints, alone.count());
        let lost = before.iter().filter(|alarm| alarm.logical_id().starts_with("MonitoringLost")).count();
        let metric_alarms = before.iter().filter(|alarm| matches!(alarm, Alarm::Metric(_))).count();
        assert_eq!(thresholds, metric_alarms - lost);
    }

    #[test]
    fn diff_has_lines_around_each_change() {
        let text = TemplateText::new("infra/alarms.yaml", TEXT, "production");
        let mut edits = Edits::new();
        assert_eq!(text.diff(&edits), None);
        assert!(text.edit(&mut edits, &text.places("Rate"), Change::Threshold { from: 30.0, to: 33.0 }));
        assert_eq!(
            text.diff(&edits).unwrap(),
            "--- a/infra/alarms.yaml\n\
             +++ b/infra/alarms.yaml\n\
             @@ -5,7 +5,7 @@\n     # A comment.\n     Login: { Default: 8000 } # measured\n   Thresholds:\n\
             -    Rate: { Default: 30, staging: 40 }\n\
             +    Rate: { Default: 30, staging: 40, production: 33 }\n \
             Resources:\n   Fn::ForEach::AlarmsPerCheck:\n     - Check\n"
        );
    }
}
