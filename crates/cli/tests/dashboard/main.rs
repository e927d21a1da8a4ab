//! The dashboard of `infra/alarms.yaml` shows what there is, and says what `docs/dashboards.md` says.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod shown;
mod texts;

use std::collections::{BTreeMap, BTreeSet};

use alarm::{Alarm, MetricAlarm, MetricId, Source, Statistic};
use check::metric::{CATALOGUE, Dimensions, NAMESPACE};

use shown::{ALL, Given, PLATFORM, Shown};

/// Alarms of single servers: no template can make their list from the list of ids, so a text says where they are.
fn is_of_a_server(alarm: &Alarm) -> bool {
    matches!(alarm, Alarm::Metric(alarm) if metric_and_statistic(alarm).0.dimensions.contains_key("InstanceId"))
}

fn on_metrics(alarms: &[Alarm]) -> impl Iterator<Item = &MetricAlarm> {
    alarms.iter().filter_map(|alarm| match alarm {
        Alarm::Metric(alarm) => Some(alarm),
        Alarm::Composite(_) => None,
    })
}

fn metric_and_statistic(alarm: &MetricAlarm) -> (&MetricId, Statistic) {
    let Source::Metric { metric, statistic } = &alarm.source else { panic!("{}", alarm.name) };
    (metric, *statistic)
}

#[test]
fn cloudwatch_takes_it() {
    let shown = Shown::new(&Given::all());
    assert!(shown.widgets.len() < 45, "{} widgets: nobody looks at so many", shown.widgets.len());
    for widget in &shown.widgets {
        let name = widget.title().unwrap_or("a text");
        let (width, height) = (widget.number("width"), widget.number("height"));
        assert!((1..=24).contains(&width) && (1..=20).contains(&height), "{name}: {width} x {height}");
        assert!(name.chars().count() <= 36, "{name}: a title is short");
        let properties = &widget.value["properties"];
        match widget.kind() {
            "text" => assert!(properties["markdown"].is_string()),
            "alarm" => assert!((1..=100).contains(&widget.alarms().len()), "{name}"),
            "log" => assert!(properties["query"].as_str().unwrap().starts_with("SOURCE '/"), "{name}"),
            "metric" => {
                assert!(!widget.lines().is_empty(), "{name}");
                assert!(properties["yAxis"]["left"]["label"].is_string(), "{name}: what the numbers are");
                for note in widget.notes() {
                    assert!(note["value"].is_number() && note["label"].is_string(), "{name}: {note}");
                }
                let is_right = widget.lines().iter().any(|line| line.options["yAxis"] == "right");
                assert_eq!(is_right, properties["yAxis"]["right"]["label"].is_string(), "{name}: the right side");
            }
            other => panic!("{name}: {other}"),
        }
        if widget.kind() == "metric" || widget.kind() == "log" {
            assert_eq!(properties["region"], "eu-north-1", "{name}");
        }
    }
    // Rows that are full, or of one height: what comes next begins below.
    let mut row: Vec<(u64, u64)> = Vec::new();
    for widget in &shown.widgets {
        if row.iter().map(|(width, _)| width).sum::<u64>() + widget.number("width") > 24 {
            row.clear();
        }
        row.push((widget.number("width"), widget.number("height")));
        assert!(row.iter().all(|(_, height)| *height == row[0].1), "{:?}: {row:?}", widget.title());
    }
}

#[test]
fn every_metric_has_its_place_with_its_dimensions() {
    let shown = Shown::new(&Given::all());
    let mut observed = BTreeSet::new();
    for line in shown.lines().filter(|line| line.metric.namespace == NAMESPACE) {
        let known = CATALOGUE.iter().find(|known| known.name == line.metric.name);
        let known = known.unwrap_or_else(|| panic!("nobody publishes {}", line.metric.name));
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
        assert!(observed.insert(line.metric.clone()) || known.name == "Success", "{} twice", known.name);
    }
    for known in CATALOGUE {
        let count = observed.iter().filter(|metric| metric.name == known.name).count();
        let expected = match (known.dimensions, known.owner) {
            (Dimensions::EnvironmentAndCheck, None) => ALL.split(',').count(),
            (Dimensions::EnvironmentCheckAndChannel, _) => 2,
            _ => 1,
        };
        assert_eq!(count, expected, "{}", known.name);
    }
}

#[test]
fn every_alarm_has_its_place() {
    let given = Given::all();
    let shown = Shown::new(&given);
    let mut names: Vec<String> = shown.widgets.iter().flat_map(shown::Widget::alarms).collect();
    names.sort();
    let alarms = [given.alarms("alarms.yaml"), given.alarms("platform.yaml")].concat();
    let mut expected: Vec<&str> = alarms.iter().filter(|alarm| !is_of_a_server(alarm)).map(Alarm::name).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    // At the top: what people ask for first.
    assert_eq!(shown.widgets[0].title(), Some("State of every check"));
    let top = shown.widgets[0].alarms();
    assert!(
        top.iter().all(|name| ["-failing", "-monitoring-lost", "-down"].iter().any(|end| name.ends_with(end))),
        "{top:?}"
    );
    assert_eq!(top.len(), 2 * ALL.split(',').count() + 1);
}

#[test]
fn a_line_is_drawn_as_its_alarm_sees_it() {
    let given = Given::all();
    let shown = Shown::new(&given);
    for file in ["alarms.yaml", "platform.yaml"] {
        let alarms = given.alarms(file);
        let mut by_metric: BTreeMap<&MetricId, Vec<&MetricAlarm>> = BTreeMap::new();
        for alarm in on_metrics(&alarms) {
            by_metric.entry(metric_and_statistic(alarm).0).or_default().push(alarm);
        }
        for (metric, alarms) in by_metric {
            let lines: Vec<_> = shown.lines().filter(|line| line.metric == *metric).collect();
            for alarm in alarms {
                let is_same = |line: &shown::Line| {
                    line.period == alarm.period.as_secs() && line.statistic == metric_and_statistic(alarm).1.as_str()
                };
                assert!(lines.iter().any(is_same), "{}: {lines:?}", alarm.name);
            }
        }
    }
}

/// What is drawn as a threshold, or stands in a legend, for each alarm on a number of ours.
fn thresholds(given: &Given) -> BTreeMap<String, bool> {
    let shown = Shown::new(given);
    let alarms = given.alarms("alarms.yaml");
    let judged_by_itself = |alarm: &&MetricAlarm| {
        let id = alarm.logical_id.as_str();
        !id.starts_with("Failing") && !id.starts_with("Blind") && metric_and_statistic(alarm).0.namespace == NAMESPACE
    };
    on_metrics(&alarms)
        .filter(judged_by_itself)
        .map(|alarm| {
            let is_notified = shown.widgets.iter().filter(|widget| widget.kind() == "metric").any(|widget| {
                let lines = widget.lines();
                let line = lines.iter().find(|line| {
                    line.metric == *metric_and_statistic(alarm).0 && line.period == alarm.period.as_secs()
                });
                line.is_some_and(|line| {
                    let words = line.options["label"].as_str().unwrap_or_default().rsplit(' ').next();
                    let side = line.options["yAxis"].as_str();
                    words == Some(&alarm.threshold.to_string())
                        || widget.notes().iter().any(|note| {
                            note["value"].as_f64() == Some(alarm.threshold) && note["yAxis"].as_str() == side
                        })
                })
            });
            (alarm.logical_id.clone(), is_notified)
        })
        .collect()
}

#[test]
fn every_threshold_is_drawn_and_moves_with_the_template() {
    let given = Given::all();
    let drawn = thresholds(&given);
    assert!(drawn.len() > 40, "{drawn:?}");
    let missing: Vec<_> = drawn.iter().filter(|(_, is_notified)| !**is_notified).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Every threshold has a new value: were one typed in the dashboard, it would stay behind.
    let mut moved = given.text("alarms.yaml");
    for mapping in ["  SlowMs:\n", "  Thresholds:\n"] {
        let begin = moved.find(mapping).unwrap();
        let end = begin + moved[begin..].find("\n\n").unwrap();
        let others: String = moved[begin..end]
            .lines()
            .map(|line| match line.split_once("{ Default: ") {
                Some((name, rest)) => {
                    let value: f64 = rest.trim_end_matches(" }").parse().unwrap();
                    format!("{name}{{ Default: {} }}\n", value + 0.125)
                }
                None => format!("{line}\n"),
            })
            .collect();
        moved.replace_range(begin..end, others.trim_end());
    }
    let drawn = thresholds(&Given { alarms: Some(moved), ..given });
    let missing: Vec<_> = drawn.iter().filter(|(_, is_notified)| !**is_notified).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn only_checks_that_run_are_shown() {
    for only in ALL.split(',') {
        let given = Given { checks: only, platform: Vec::new(), ..Given::all() };
        let shown = Shown::new(&given);
        let id = given.template("alarms.yaml").mappings["Checks"][only]["Id"].as_str().unwrap().to_owned();
        for line in shown.lines().filter(|line| line.metric.namespace == NAMESPACE) {
            let check = line.metric.dimensions.get("Check");
            assert!(check.is_none_or(|check| *check == id), "{only}: {line:?}");
        }
        let mut names: Vec<String> = shown.widgets.iter().flat_map(shown::Widget::alarms).collect();
        let alarms = given.alarms("alarms.yaml");
        let mut expected: Vec<&str> = alarms.iter().map(Alarm::name).collect();
        names.sort();
        expected.sort_unstable();
        assert_eq!(names, expected, "{only}");
        for widget in shown.widgets.iter().filter(|widget| widget.kind() == "log") {
            let query = widget.value["properties"]["query"].as_str().unwrap();
            let groups: Vec<&str> =
                query.split("SOURCE '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
            assert_eq!(groups, [format!("/just-driving/production/synthetics/{id}")], "{only}");
        }
        assert!(shown.lines().all(|line| [NAMESPACE, "AWS/SQS"].contains(&line.metric.namespace.as_str())), "{only}");
        for widget in shown.widgets.iter().filter(|widget| widget.kind() == "metric") {
            assert!(!widget.lines().is_empty(), "{only}: {:?} is empty", widget.title());
        }
    }
}

#[test]
fn whatever_of_the_platform_is_given_no_widget_is_empty() {
    for chosen in 0..1_u32 << PLATFORM.len() {
        let parts = (0..).zip(PLATFORM).filter(|(place, _)| chosen & (1 << place) != 0).map(|(_, part)| part);
        let given = Given { checks: "Availability", platform: parts.collect(), ..Given::all() };
        for widget in &Shown::new(&given).widgets {
            let is_empty = match widget.kind() {
                "metric" => widget.lines().is_empty(),
                "alarm" => widget.alarms().is_empty(),
                _ => false,
            };
            assert!(!is_empty, "{:?} is empty with {:?}: CloudWatch refuses it", widget.title(), given.platform);
        }
    }
}

#[test]
fn both_stacks_ask_for_the_same_names_of_the_platform() {
    let given = Given::all();
    let parameters = |file: &str| {
        let text = given.text(file);
        let begin = text.find("\n  LoadBalancer:\n    Type: String").unwrap_or_else(|| panic!("{file}"));
        let rest = &text[begin..];
        let end = rest.find("\n  ExceptionPattern:\n").or_else(|| rest.find("\nMappings:")).unwrap();
        rest[..end].trim_end().to_owned()
    };
    assert_eq!(parameters("alarms.yaml"), parameters("platform.yaml"));
}
