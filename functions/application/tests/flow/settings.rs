//! Mistakes in the settings are reported, all at once.

use application::Application;
use runtime::Prepared;
use settings::Document;

fn problems(section: &str) -> String {
    let text = format!(
        "environment = \"test\"\nbase_url = \"https://localhost\"\n[contact]\nname = \"n\"\ndetails = \"r\"\n[links]\n\
         runbook = \"https://localhost/\"\n[check.application]\n{section}"
    );
    let document = Document::parse("test.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    match Prepared::<Application>::read(&document) {
        Ok(_) => "none".to_owned(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn every_mistake_is_named() {
    insta::assert_snapshot!(problems(
        "step_deadline = \"1m\"\ncounters.minimum_count = 0\nhealth.secret = \"hunter2\"\nhealth.stale_after = \"1s\"\n"
    ));
}

#[test]
fn one_of_the_two_is_enough_and_none_is_not() {
    insta::assert_snapshot!(problems(""));
    assert_eq!(problems("health = {}\n"), "none");
    assert_eq!(problems("counters.token = \"env:TOKEN\"\n"), "none");
}
