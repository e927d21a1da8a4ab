//! `docs/metrics.md` says of every metric what the code does.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the page has failed")]

use check::metric::{CATALOGUE, Dimensions};

/// The first four columns of the page's first table: name, unit, dimensions, owner.
fn rows() -> Vec<[String; 4]> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md")).unwrap();
    page.lines()
        .skip_while(|line| !line.starts_with("| `"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<String> = line.split('|').skip(1).take(4).map(|cell| cell.trim().to_owned()).collect();
            let cells: [String; 4] = cells.try_into().unwrap();
            cells.map(|cell| cell.trim_matches('`').to_owned())
        })
        .collect()
}

#[test]
fn the_page_and_the_code_agree() {
    let mut written = rows();
    let mut known: Vec<[String; 4]> = CATALOGUE
        .iter()
        .map(|metric| {
            let dimensions = match metric.dimensions {
                Dimensions::EnvironmentAndCheck => "Environment, Check",
                Dimensions::EnvironmentCheckAndChannel => "Environment, Check, Channel",
                Dimensions::Environment => "Environment",
            };
            let owner = metric.owner.unwrap_or("every check");
            [metric.name, metric.unit.as_str(), dimensions, owner].map(str::to_owned)
        })
        .collect();
    written.sort();
    known.sort();
    assert_eq!(written, known, "docs/metrics.md differs from crates/check/src/catalogue.rs");
}

#[test]
fn names_are_pascal_case_and_unique() {
    for (index, metric) in CATALOGUE.iter().enumerate() {
        assert!(metric.name.starts_with(|c: char| c.is_ascii_uppercase()));
        assert!(metric.name.chars().all(|c| c.is_ascii_alphanumeric()), "{}", metric.name);
        assert!(CATALOGUE[..index].iter().all(|other| other.name != metric.name), "{} is there twice", metric.name);
    }
}
