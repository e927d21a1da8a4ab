//! Alarms on objectives: M and N follow from objective and cadence.

use std::collections::BTreeMap;

use check::budget::Objective;

use super::*;
use crate::doctor::Objectives;

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
            "condition",
            "Threshold: 1\n      ComparisonOperator: LessThanThreshold\n      TreatMissingData: not",
            "Threshold: 0.9\n      ComparisonOperator: LessThanThreshold\n      TreatMissingData: not",
            "expected an average below 1 in periods of ",
        ),
    ] {
        let found = findings(&shipped(FUNCTIONS), &replaced(&alarms, from, to));
        assert_eq!(found.len(), 1, "{case}: {found:#?}");
        assert!(found[0].rule.starts_with(expected), "{case}: {found:#?}");
    }
    let twice = replaced(
        &shipped(ALARMS),
        "Checks, Booking, Seconds]\n      EvaluationPeriods: 72",
        "Checks, Reconciliation, Seconds]\n      EvaluationPeriods: 72",
    );
    let found = findings(&shipped(FUNCTIONS), &twice);
    assert!(found.iter().any(|finding| finding.rule.contains("in periods of 300 s")), "{found:#?}");
}

#[test]
fn settings_file_gives_the_objectives() {
    let example = root().join("infra/layer/settings/production.example.toml");
    let found = audit_files(Files::templates(None), Files::runbooks(None), &[example]).unwrap();
    assert_eq!(found, []);
    let missing = audit_files(Files::templates(None), Files::runbooks(None), &["missing.toml".into()]).unwrap_err();
    assert!(missing.to_string().contains("missing.toml"), "{missing:#}");
}
