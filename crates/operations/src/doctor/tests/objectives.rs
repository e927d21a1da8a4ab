//! Alarms on objectives: M and N follow from objective and cadence.

use std::collections::BTreeMap;

use check::budget::Objective;

use super::*;
use crate::doctor::{Level, Objectives};

/// Audits the shipped functions and these alarms, with objectives of one environment.
fn findings_with(alarms: &str, environment: &str, objectives: &[(&str, f64)]) -> Vec<String> {
    let own = objectives.iter().map(|(check, target)| ((*check).to_owned(), Objective::new(*target).unwrap()));
    let mut all = crate::checks::default_objectives();
    all.extend(own);
    let objectives = Objectives::from([(environment.to_owned(), all)]);
    let (functions, runbooks) = (&shipped(FUNCTIONS), &runbooks());
    let texts = Texts { functions, alarms, platform: None, samconfig: None, runbooks, objectives: &objectives };
    let found = audit(&texts);
    found.iter().map(|finding| finding.to_string().split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn every_default_objective_has_its_alarm() {
    let alarms = crate::thresholds::shipped("demo").unwrap();
    let guarded: BTreeMap<&str, (usize, usize)> = alarms
        .iter()
        .filter(|alarm| alarm.logical_id.ends_with("Objective"))
        .map(|alarm| {
            let (metric, _) = alarm.source.metrics().next().unwrap();
            (metric.dimensions["Check"].as_str(), (alarm.datapoints_to_alarm, alarm.evaluation_periods))
        })
        .collect();
    let expected = BTreeMap::from([
        ("availability", (11, 360)),
        ("login", (22, 360)),
        ("booking", (9, 72)),
        ("payment-webhook", (9, 72)),
        ("notifications", (22, 72)),
    ]);
    assert_eq!(guarded, expected);
    for (check, objective) in crate::checks::default_objectives() {
        let alarm = objective.burn_alarm(crate::checks::cadence(&check).unwrap()).unwrap();
        let computed = (alarm.to_alarm as usize, alarm.periods as usize);
        assert_eq!(computed, expected[check.as_str()], "{check}");
    }
}

#[test]
fn another_objective_needs_another_alarm() {
    let alarms = shipped(ALARMS);
    assert_eq!(findings_with(&alarms, "staging", &[]), Vec::<String>::new());
    let path = "Resources.LoginObjective.Properties.DatapointsToAlarm: in staging";
    let found = findings_with(&alarms, "staging", &[("login", 0.995)]);
    let rule = "expected 11 of 360, for the objective of login, 99.5 %, and a run every 60 s, found 22 of 360: the alarm would \
                fire at another rate than 6 times the allowed one";
    assert_eq!(found, [format!("{path}: {rule}")]);
    // A value of this environment follows its objective.
    let own = replaced(&alarms, "    Login: { Default: 22 }", "    Login: { staging: 11, Default: 22 }");
    assert_eq!(findings_with(&own, "staging", &[("login", 0.995)]), Vec::<String>::new());
    assert_eq!(findings_with(&own, "production", &[]).len(), 1, "without settings, staging has the default objective");
    // A single failed run would raise the alarm.
    let found = findings_with(&alarms, "staging", &[("login", 0.9999)]);
    let rule = "expected at most 0.9995 for a check with a run every 60 s, found 0.9999: a single failed run within six hours \
                would raise the alarm as the objective of login";
    assert_eq!(found, [format!("{path}: {rule}")]);
}

#[test]
fn each_mistake_in_an_objective_alarm_is_found() {
    let alarms = shipped(ALARMS);
    for (case, from, to, expected) in [
        ("M", "    Booking: { Default: 9 }", "    Booking: { Default: 8 }", "expected 9 of 72, "),
        ("N", "EvaluationPeriods: 72", "EvaluationPeriods: 70", "expected 9 of 72, "),
        (
            "period",
            "Checks, Booking, Seconds]\n      EvaluationPeriods: 72",
            "Checks, Availability, Seconds]\n      EvaluationPeriods: 720",
            "expected periods of 300 s, found others: the data points would not be the runs of booking",
        ),
    ] {
        let found = findings(&shipped(FUNCTIONS), &replaced(&alarms, from, to));
        assert!(found.iter().any(|finding| finding.rule.starts_with(expected)), "{case}: {found:#?}");
    }
}

#[test]
fn default_objective_without_its_alarm_is_found() {
    let alarms = shipped(ALARMS);
    let missing = "alarms.yaml:1: Resources: expected an alarm on the objective of booking, 98 %, when Success is below 1 on average in 9 \
                   of 72 periods of 300 s, found none: failures could spend the error budget without a notification";
    let (begin, end) =
        (alarms.find("\n  BookingObjective:").unwrap(), alarms.find("\n  PaymentWebhookObjective:").unwrap());
    let named = replaced(&alarms, "\n  BookingObjective:", "\n  BookingBurn:");
    let text = |found: Vec<Finding>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (case, changed, expected) in [
        ("none", format!("{}{}", &alarms[..begin], &alarms[end..]), true),
        ("another threshold", alarms_with("BookingObjective", "Threshold: 1\n", "Threshold: 0.9\n"), true),
        ("another statistic", alarms_with("BookingObjective", "Statistic: Average", "Statistic: Minimum"), true),
        ("a shorter window", alarms_with("BookingObjective", "EvaluationPeriods: 72", "EvaluationPeriods: 12"), true),
        ("another name", named, false),
    ] {
        let found = text(findings(&shipped(FUNCTIONS), &changed));
        assert_eq!(found, Vec::from_iter(expected.then_some(missing)), "{case}");
    }
    let renamed = replaced(
        &replaced(&alarms, "\n  BookingObjective:", "\n  BookingBurn:"),
        "Booking: { Default: 9 }",
        "Booking: { Default: 8 }",
    );
    let found = text(findings(&shipped(FUNCTIONS), &renamed));
    assert!(
        found.len() == 1 && found[0].contains("Resources.BookingBurn.Properties.DatapointsToAlarm: expected 9"),
        "{found:#?}"
    );
}

#[test]
fn alarm_without_an_objective_is_not_judged() {
    let own = alarms_with("BookingObjective", "Value: booking", "Value: reconciliation");
    let found = findings(&shipped(FUNCTIONS), &own);
    let notes: Vec<_> =
        found.iter().filter(|finding| finding.level == Level::Note).map(|note| note.rule.as_str()).collect();
    assert_eq!(notes, ["not judged: the data points, because the settings have no objective of reconciliation"]);
}

#[test]
fn settings_file_gives_the_objectives() {
    let example = root().join("infra/layer/settings/production.example.toml");
    let found = audit_files(Files::templates(None), Files::runbooks(None), &[example]).unwrap();
    assert_eq!(found, []);
    let missing = audit_files(Files::templates(None), Files::runbooks(None), &["missing.toml".into()]).unwrap_err();
    assert!(missing.to_string().contains("missing.toml"), "{missing:#}");
}
