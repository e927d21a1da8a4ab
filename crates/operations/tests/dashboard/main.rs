//! Tests of the dashboard in `infra/alarms.yaml`: complete, valid for CloudWatch, and described in `docs/dashboards.md`.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a panic fails the test")]

mod shown;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use alarm::{Alarm, MetricAlarm, MetricId, Source, Statistic};
use check::metric::{CATALOGUE, Dimensions, NAMESPACE};

use shown::{ALL, Dashboard, PLATFORM, StackInputs};

/// Alarms on single servers: a template cannot list them on the dashboard, so a widget text links them instead.
fn is_server_alarm(alarm: &Alarm) -> bool {
    matches!(alarm, Alarm::Metric(alarm) if metric_and_statistic(alarm).0.dimensions.contains_key("InstanceId"))
}

fn metric_alarms(alarms: &[Alarm]) -> impl Iterator<Item = &MetricAlarm> {
    alarms.iter().filter_map(|alarm| match alarm {
        Alarm::Metric(alarm) => Some(alarm),
        Alarm::Unreplayed(_) | Alarm::Composite(_) => None,
    })
}

fn metric_and_statistic(alarm: &MetricAlarm) -> (&MetricId, Statistic) {
    let Source::Metric { metric, statistic } = &alarm.source else { panic!("{}", alarm.name) };
    (metric, *statistic)
}

#[test]
fn widgets_are_valid_for_cloudwatch() {
    let dashboard = Dashboard::new(&StackInputs::all());
    assert!(dashboard.widgets.len() < 45, "{} widgets are too many to read", dashboard.widgets.len());
    for widget in &dashboard.widgets {
        let name = widget.title().unwrap_or("text widget");
        let (width, height) = (widget.number("width"), widget.number("height"));
        assert!((1..=24).contains(&width) && (1..=20).contains(&height), "{name}: {width} x {height}");
        assert!(name.chars().count() <= 36, "{name}: the title is too long");
        let properties = &widget.value["properties"];
        match widget.kind() {
            "text" => assert!(properties["markdown"].is_string()),
            "alarm" => assert!((1..=100).contains(&widget.alarms().len()), "{name}"),
            "log" => assert!(properties["query"].as_str().unwrap().starts_with("SOURCE '/"), "{name}"),
            "metric" => {
                assert!(!widget.lines().is_empty(), "{name}");
                assert!(properties["yAxis"]["left"]["label"].is_string(), "{name}: the left axis has no label");
                for note in widget.notes() {
                    assert!(note["value"].is_number() && note["label"].is_string(), "{name}: {note}");
                }
                let is_right = widget.lines().iter().any(|line| line.options["yAxis"] == "right");
                assert_eq!(is_right, properties["yAxis"]["right"]["label"].is_string(), "{name}: the right axis");
            }
            other => panic!("{name}: {other}"),
        }
        if widget.kind() == "metric" || widget.kind() == "log" {
            assert_eq!(properties["region"], "eu-north-1", "{name}");
        }
    }
    // Widgets in a row have the same height, so that the next row starts on one line.
    let mut row: Vec<(u64, u64)> = Vec::new();
    for widget in &dashboard.widgets {
        if row.iter().map(|(width, _)| width).sum::<u64>() + widget.number("width") > 24 {
            row.clear();
        }
        row.push((widget.number("width"), widget.number("height")));
        assert!(row.iter().all(|(_, height)| *height == row[0].1), "{:?}: {row:?}", widget.title());
    }
}

#[test]
fn every_metric_is_drawn_with_its_dimensions() {
    let dashboard = Dashboard::new(&StackInputs::all());
    let mut drawn = BTreeSet::new();
    for line in dashboard.lines().filter(|line| line.metric.namespace == NAMESPACE) {
        let known = CATALOGUE.iter().find(|known| known.name == line.metric.name);
        let known = known.unwrap_or_else(|| panic!("no check publishes {}", line.metric.name));
        let names: Vec<&str> = line.metric.dimensions.keys().map(String::as_str).collect();
        let expected: &[&str] = match known.dimensions {
            Dimensions::Environment => &["Environment"],
            Dimensions::EnvironmentAndCheck => &["Check", "Environment"],
            Dimensions::EnvironmentCheckAndChannel => &["Channel", "Check", "Environment"],
        };
        assert_eq!(names, expected, "{}", known.name);
        assert_eq!(line.metric.dimensions["Environment"], "production");
        if let Some(owner) = known.owner {
            assert_eq!(line.metric.dimensions["Check"], owner, "{}", known.name);
        }
        assert!(drawn.insert(line.metric.clone()) || known.name == "Success", "{} twice", known.name);
    }
    for known in CATALOGUE {
        let count = drawn.iter().filter(|metric| metric.name == known.name).count();
        let expected = match (known.dimensions, known.owner) {
            (Dimensions::EnvironmentAndCheck, None) => ALL.split(',').count(),
            (Dimensions::EnvironmentCheckAndChannel, _) => 2,
            _ => 1,
        };
        assert_eq!(count, expected, "{}", known.name);
    }
}

#[test]
fn every_alarm_is_listed_once() {
    let inputs = StackInputs::all();
    let dashboard = Dashboard::new(&inputs);
    let mut names: Vec<String> = dashboard.widgets.iter().flat_map(shown::Widget::alarms).collect();
    names.sort();
    let alarms = [inputs.alarms("alarms.yaml"), inputs.alarms("platform.yaml")].concat();
    let mut expected: Vec<&str> = alarms.iter().filter(|alarm| !is_server_alarm(alarm)).map(Alarm::name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    // The most important state comes first.
    assert_eq!(dashboard.widgets[0].title(), Some("State of every check"));
    let top = dashboard.widgets[0].alarms();
    assert!(
        top.iter().all(|name| ["-failing", "-monitoring-lost", "-down"].iter().any(|end| name.ends_with(end))),
        "{top:?}"
    );
    assert_eq!(top.len(), 2 * ALL.split(',').count() + 1);
}

#[test]
fn lines_use_the_statistic_and_period_of_their_alarms() {
    let inputs = StackInputs::all();
    let dashboard = Dashboard::new(&inputs);
    for file in ["alarms.yaml", "platform.yaml"] {
        let alarms = inputs.alarms(file);
        let mut by_metric: BTreeMap<&MetricId, Vec<&MetricAlarm>> = BTreeMap::new();
        for alarm in metric_alarms(&alarms) {
            by_metric.entry(metric_and_statistic(alarm).0).or_default().push(alarm);
        }
        for (metric, alarms) in by_metric {
            let lines: Vec<_> = dashboard.lines().filter(|line| line.metric == *metric).collect();
            for alarm in alarms {
                let is_same = |line: &shown::Line| {
                    line.period == alarm.period.as_secs() && line.statistic == metric_and_statistic(alarm).1.as_str()
                };
                assert!(lines.iter().any(is_same), "{}: {lines:?}", alarm.name);
            }
        }
    }
}

/// Each alarm on one of the project's own metrics, with whether a line or legend shows its threshold.
fn drawn_thresholds(inputs: &StackInputs) -> BTreeMap<String, bool> {
    let dashboard = Dashboard::new(inputs);
    let alarms = inputs.alarms("alarms.yaml");
    let has_own_threshold = |alarm: &&MetricAlarm| {
        let id = alarm.logical_id.as_str();
        !id.starts_with("Failing")
            && !id.starts_with("MonitoringLost")
            // Numbers of failed runs cannot be drawn next to a share.
            && !id.ends_with("Objective")
            && metric_and_statistic(alarm).0.namespace == NAMESPACE
    };
    metric_alarms(&alarms)
        .filter(has_own_threshold)
        .map(|alarm| {
            let is_drawn = dashboard.widgets.iter().filter(|widget| widget.kind() == "metric").any(|widget| {
                let lines = widget.lines();
                let line = lines.iter().find(|line| {
                    line.metric == *metric_and_statistic(alarm).0 && line.period == alarm.period.as_secs()
                });
                line.is_some_and(|line| {
                    let last_word = line.options["label"].as_str().unwrap_or_default().rsplit(' ').next();
                    let side = line.options["yAxis"].as_str();
                    last_word == Some(&alarm.threshold.to_string())
                        || widget.notes().iter().any(|note| {
                            note["value"].as_f64() == Some(alarm.threshold) && note["yAxis"].as_str() == side
                        })
                })
            });
            (alarm.logical_id.clone(), is_drawn)
        })
        .collect()
}

#[test]
fn every_threshold_is_drawn_from_the_template() {
    let inputs = StackInputs::all();
    let drawn = drawn_thresholds(&inputs);
    assert!(drawn.len() > 40, "{drawn:?}");
    let missing: Vec<_> = drawn.iter().filter(|(_, is_drawn)| !**is_drawn).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Every threshold gets a new value, which exposes a value that is hard-coded in the dashboard.
    let mut changed = inputs.text("alarms.yaml");
    for mapping in ["  SlowMs:\n", "  Thresholds:\n"] {
        let begin = changed.find(mapping).unwrap();
        let end = begin + changed[begin..].find("\n\n").unwrap();
        let new_values: String = changed[begin..end]
            .lines()
            .map(|line| match line.split_once("{ Default: ") {
                Some((name, rest)) => {
                    let value: f64 = rest.trim_end_matches(" }").parse().unwrap();
                    format!("{name}{{ Default: {} }}\n", value + 0.125)
                }
                None => format!("{line}\n"),
            })
            .collect();
        changed.replace_range(begin..end, new_values.trim_end());
    }
    let drawn = drawn_thresholds(&StackInputs { alarms: Some(changed), ..inputs });
    let missing: Vec<_> = drawn.iter().filter(|(_, is_drawn)| !**is_drawn).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn only_checks_that_run_are_shown() {
    for only in ALL.split(',') {
        let inputs = StackInputs { checks: only, platform: Vec::new(), ..StackInputs::all() };
        let dashboard = Dashboard::new(&inputs);
        let id = inputs.template("alarms.yaml").mappings["Checks"][only]["Id"].as_str().unwrap().to_owned();
        for line in dashboard.lines().filter(|line| line.metric.namespace == NAMESPACE) {
            let check = line.metric.dimensions.get("Check");
            assert!(check.is_none_or(|check| *check == id), "{only}: {line:?}");
        }
        let mut names: Vec<String> = dashboard.widgets.iter().flat_map(shown::Widget::alarms).collect();
        let alarms = inputs.alarms("alarms.yaml");
        let mut expected: Vec<&str> = alarms.iter().map(Alarm::name).collect();
        names.sort();
        expected.sort_unstable();
        assert_eq!(names, expected, "{only}");
        for widget in dashboard.widgets.iter().filter(|widget| widget.kind() == "log") {
            let query = widget.value["properties"]["query"].as_str().unwrap();
            let groups: Vec<&str> =
                query.split("SOURCE '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
            assert_eq!(groups, [format!("/just-driving/production/synthetics/{id}")], "{only}");
        }
        assert!(
            dashboard.lines().all(|line| [NAMESPACE, "AWS/SQS", "AWS/SNS"].contains(&line.metric.namespace.as_str())),
            "{only}"
        );
        for widget in dashboard.widgets.iter().filter(|widget| widget.kind() == "metric") {
            assert!(!widget.lines().is_empty(), "{only}: {:?} is empty", widget.title());
        }
    }
}

#[test]
fn no_widget_is_empty_for_any_platform_parameters() {
    for chosen in 0..1_u32 << PLATFORM.len() {
        let parts = (0..).zip(PLATFORM).filter(|(place, _)| chosen & (1 << place) != 0).map(|(_, part)| part);
        let inputs = StackInputs { checks: "Availability", platform: parts.collect(), ..StackInputs::all() };
        for widget in &Dashboard::new(&inputs).widgets {
            let is_empty = match widget.kind() {
                "metric" => widget.lines().is_empty(),
                "alarm" => widget.alarms().is_empty(),
                _ => false,
            };
            assert!(!is_empty, "{:?} is empty with {:?}, which CloudWatch rejects", widget.title(), inputs.platform);
        }
    }
}

#[test]
fn both_stacks_have_the_same_platform_parameters() {
    let inputs = StackInputs::all();
    let parameters = |file: &str| {
        let text = inputs.text(file);
        let begin = text.find("\n  LoadBalancer:\n    Type: String").unwrap_or_else(|| panic!("{file}"));
        let rest = &text[begin..];
        let end = rest.find("\n  ExceptionPattern:\n").or_else(|| rest.find("\nMappings:")).unwrap();
        rest[..end].trim_end().to_owned()
    };
    assert_eq!(parameters("alarms.yaml"), parameters("platform.yaml"));
}
