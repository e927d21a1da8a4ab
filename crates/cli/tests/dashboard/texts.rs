//! What widgets say, `docs/dashboards.md` says.

use std::collections::BTreeMap;

use crate::shown::{Given, Shown, root};

/// Words alone: lines are joined, and a link is its text.
fn words(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (before, label) = before.rsplit_once('[').unwrap_or_else(|| panic!("{before}"));
        plain.push_str(before);
        plain.push_str(label);
        rest = after.split_once(')').unwrap_or_else(|| panic!("{after}")).1;
    }
    plain.push_str(rest);
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The texts by their headings.
fn sections(text: &str) -> BTreeMap<String, String> {
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (heading, rest) = section.split_once('\n').unwrap();
            (heading.trim().to_owned(), words(rest))
        })
        .collect()
}

fn markdown(given: &Given) -> Vec<String> {
    let shown = Shown::new(given);
    let texts = shown.widgets.iter().filter_map(|widget| widget.value["properties"]["markdown"].as_str());
    texts.map(str::to_owned).collect()
}

#[test]
fn the_page_says_the_same() {
    let page = std::fs::read_to_string(root().join("docs/dashboards.md")).unwrap();
    let mut expected = BTreeMap::new();
    for text in markdown(&Given::all()) {
        let text = text.replacen("# Just Driving, production", "## Links", 1);
        expected.extend(sections(&format!("\n{text}")));
    }
    assert_eq!(sections(&page), expected);
}

#[test]
fn every_widget_is_explained_once_with_what_is_normal() {
    let texts = markdown(&Given::all()).join("\n");
    for widget in &Shown::new(&Given::all()).widgets {
        let Some(title) = widget.title() else { continue };
        assert_eq!(texts.matches(&format!("**{title}**")).count(), 1, "{title}");
        let line = texts.lines().find(|line| line.contains(&format!("**{title}**"))).unwrap();
        assert!(line.contains("Normal: "), "{line}");
    }
}

#[test]
fn texts_fit_into_their_widgets() {
    // Of the console at 1,400 pixels: some 7.5 characters to a column, rows of 50 pixels, lines of 21.
    for widget in &Shown::new(&Given::all()).widgets {
        let Some(text) = widget.value["properties"]["markdown"].as_str() else { continue };
        let across = widget.number("width") * 15 / 2;
        let lines: u64 = words_by_line(text).iter().map(|line| 1 + line.chars().count() as u64 / across).sum();
        let needed = (lines * 21 + 40).div_ceil(50);
        assert!(widget.number("height") >= needed, "{needed} rows: {text}");
        assert!(widget.number("height") <= needed + 1, "{needed} rows are enough: {text}");
    }
}

fn words_by_line(text: &str) -> Vec<String> {
    text.lines().map(words).collect()
}

#[test]
fn saved_queries_apm_and_other_dashboards_are_in_one_place() {
    let beside = vec![("ApmUrl", "https://apm.example/x"), ("OtherDashboards", "[sales](https://example.com/sales)")];
    let given = Given { beside, ..Given::all() };
    let links = markdown(&given).into_iter().find(|text| text.starts_with("# Just Driving")).unwrap();
    for file in ["alarms.yaml", "platform.yaml"] {
        for query in given.template(file).resources_of_type("AWS::Logs::QueryDefinition") {
            let name = query.properties["Name"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(links.contains(&format!("*{name}*")), "{name}");
        }
    }
    for page in root().join("docs/runbooks").read_dir().unwrap() {
        let page = page.unwrap().file_name().into_string().unwrap();
        assert!(links.contains(&format!("/docs/runbooks/{page})")), "{page}");
    }
    assert!(links.contains("[APM](https://apm.example/x)"), "{links}");
    assert!(links.ends_with("[sales](https://example.com/sales)"), "{links}");
    let without = markdown(&Given::all());
    assert!(!without.iter().any(|text| text.contains("APM")), "{without:?}");
}

#[test]
fn messages_link_it() {
    let settings = std::fs::read_to_string(root().join("infra/layer/settings/production.example.toml")).unwrap();
    assert!(settings.contains("#dashboards/dashboard/just-driving-synthetics-{environment}\""));
}
