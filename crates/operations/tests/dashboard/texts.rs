//! Comparison of the widget texts with `docs/dashboards.md`.

use std::collections::BTreeMap;

use operations::checks;

use crate::shown::{Dashboard, StackInputs, root};

/// The text in one line, with each link replaced by its label.
fn plain_text(text: &str) -> String {
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

/// The texts by heading.
fn sections(text: &str) -> BTreeMap<String, String> {
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let (heading, rest) = section.split_once('\n').unwrap();
            (heading.trim().to_owned(), plain_text(rest))
        })
        .collect()
}

fn markdown(inputs: &StackInputs) -> Vec<String> {
    let dashboard = Dashboard::new(inputs);
    let texts = dashboard.widgets.iter().filter_map(|widget| widget.value["properties"]["markdown"].as_str());
    texts.map(str::to_owned).collect()
}

#[test]
fn the_page_repeats_the_widget_texts() {
    let page = std::fs::read_to_string(root().join("docs/dashboards.md")).unwrap();
    let mut expected = BTreeMap::new();
    for text in markdown(&StackInputs::all()) {
        let text = text.replacen("# Just Driving, production", "## Links", 1);
        expected.extend(sections(&format!("\n{text}")));
    }
    assert_eq!(sections(&page), expected);
}

#[test]
fn every_widget_is_explained_with_its_normal_state() {
    let texts = markdown(&StackInputs::all()).join("\n");
    for widget in &Dashboard::new(&StackInputs::all()).widgets {
        let Some(title) = widget.title() else { continue };
        assert_eq!(texts.matches(&format!("**{title}**")).count(), 1, "{title}");
        let line = texts.lines().find(|line| line.contains(&format!("**{title}**"))).unwrap();
        assert!(line.contains("Normal: "), "{line}");
    }
}

#[test]
fn texts_fit_into_their_widgets() {
    // The console at 1,400 pixels: about 7.5 characters per column, 50 pixels per row, 21 pixels per line.
    for widget in &Dashboard::new(&StackInputs::all()).widgets {
        let Some(text) = widget.value["properties"]["markdown"].as_str() else { continue };
        let columns = widget.number("width") * 15 / 2;
        let lines: u64 = plain_lines(text).iter().map(|line| 1 + line.chars().count() as u64 / columns).sum();
        let needed = (lines * 21 + 40).div_ceil(50);
        assert!(widget.number("height") >= needed, "{needed} rows: {text}");
        assert!(widget.number("height") <= needed + 1, "{needed} rows are enough: {text}");
    }
}

fn plain_lines(text: &str) -> Vec<String> {
    text.lines().map(plain_text).collect()
}

#[test]
fn links_hold_queries_runbooks_apm_and_dashboards() {
    let extra_links =
        vec![("ApmUrl", "https://apm.example/x"), ("OtherDashboards", "[sales](https://example.com/sales)")];
    let inputs = StackInputs { links: extra_links, ..StackInputs::all() };
    let links = markdown(&inputs).into_iter().find(|text| text.starts_with("# Just Driving")).unwrap();
    for file in ["alarms.yaml", "platform.yaml"] {
        for query in inputs.template(file).resources_of_type("AWS::Logs::QueryDefinition") {
            let name = query.properties["Name"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(links.contains(&format!("*{name}*")), "{name}");
        }
    }
    let deployed = checks::deployed();
    let is_local = |page: &str| {
        let check = page.trim_end_matches(".md");
        checks::ids(&[]).unwrap().contains(&check) && !deployed.contains(&check)
    };
    let pages = root().join("docs/runbooks").read_dir().unwrap();
    for page in pages.map(|page| page.unwrap().file_name().into_string().unwrap()).filter(|page| !is_local(page)) {
        assert!(links.contains(&format!("/docs/runbooks/{page})")), "{page}");
    }
    assert!(links.contains("[APM](https://apm.example/x)"), "{links}");
    assert!(links.ends_with("[sales](https://example.com/sales)"), "{links}");
    let without = markdown(&StackInputs::all());
    assert!(!without.iter().any(|text| text.contains("APM")), "{without:?}");
}

#[test]
fn the_example_settings_link_the_dashboard() {
    let settings = std::fs::read_to_string(root().join("infra/layer/settings/production.example.toml")).unwrap();
    assert!(settings.contains("#dashboards/dashboard/just-driving-synthetics-{environment}\""));
}
