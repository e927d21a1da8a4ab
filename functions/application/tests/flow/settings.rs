//! Mistakes in the settings are reported, all at once.

use application::Application;
use check_testkit::settings_problems;

#[test]
fn every_mistake_is_named() {
    insta::assert_snapshot!(settings_problems::<Application>(
        "step_deadline = \"1m\"\ncounters.minimum_count = 0\nhealth.secret = \"hunter2\"\nhealth.stale_after = \"1s\"\n"
    ));
}

#[test]
fn one_of_the_two_is_enough_and_none_is_not() {
    insta::assert_snapshot!(settings_problems::<Application>(""));
    assert_eq!(settings_problems::<Application>("health = {}\n"), "none");
    assert_eq!(settings_problems::<Application>("counters.token = \"env:TOKEN\"\n"), "none");
}
