//! Muted alarms, and the schedule of their rules.

use check::incident::SilenceKind;
use settings::Document;

use super::*;
use crate::{checks, thresholds};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn all_deployed(shipped: &[MetricAlarm]) -> BTreeSet<String> {
    shipped.iter().map(|alarm| alarm.name.clone()).collect()
}

fn silence(from: &str, until: &str) -> Silence {
    Silence {
        id: "mute-1".to_owned(),
        kind: SilenceKind::Mute,
        subject: None,
        from: at(from),
        until: at(until),
        by: "anna".to_owned(),
        reason: "deploying".to_owned(),
    }
}

fn muted(from: &str, until: &str, before: Option<&MuteRule>) -> (String, String) {
    let rule = for_mute("rule".to_owned(), &silence(from, until), vec!["a".to_owned()], before, at(from)).unwrap();
    (rule.expression, rule.duration)
}

#[test]
fn check_owns_the_alarms_on_its_metrics() {
    let shipped = thresholds::shipped("demo").unwrap();
    let mut deployed = all_deployed(&shipped);
    let names = |checks: &[&str], deployed: &BTreeSet<String>| {
        alarms_for_checks(&shipped, deployed, checks)
            .iter()
            .map(|name| name.strip_prefix("just-driving-synthetics-demo-").unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let login_alarms =
        ["login-monitoring-lost", "login-slow", "login-failing", "login-failure-rate", "lockouts", "login-objective"];
    assert_eq!(names(&["login"], &deployed), login_alarms);
    assert!(names(&["notifications"], &deployed).contains(&"sms-queue".to_owned()), "a channel belongs to its check");

    let every = names(&[], &deployed);
    let never_muted: Vec<&str> = shipped
        .iter()
        .map(|alarm| alarm.name.strip_prefix("just-driving-synthetics-demo-").unwrap())
        .filter(|name| !every.iter().any(|muted| muted == name))
        .collect();
    let of_the_monitor = [
        "oldest-unsent-notification",
        "failed-invocations",
        "on-call-deliveries",
        "warnings-deliveries",
        "sms-spending",
    ];
    assert_eq!(never_muted, of_the_monitor);
    let per_check: usize = checks::ids(&[]).unwrap().iter().map(|check| names(&[check], &deployed).len()).sum();
    assert_eq!(per_check, every.len());
    assert!(every.len() <= 100, "CloudWatch allows 100 alarms in a rule, found {}", every.len());

    deployed.remove("just-driving-synthetics-demo-lockouts");
    assert!(!names(&["login"], &deployed).contains(&"lockouts".to_owned()), "an undeployed alarm is not muted");
}

#[test]
fn mute_is_rounded_to_full_minutes() {
    for (from, until, expression, duration) in [
        ("2026-12-06T22:00:30Z", "2026-12-07T00:00:30Z", "at(2026-12-06T22:01)", "PT2H"),
        ("2026-12-06T22:00:00Z", "2026-12-06T22:45:00Z", "at(2026-12-06T22:01)", "PT44M"),
        // Leaves 10 seconds for the API call.
        ("2026-12-06T22:00:55Z", "2026-12-07T00:00:55Z", "at(2026-12-06T22:02)", "PT1H59M"),
        ("2026-12-06T22:00:50Z", "2026-12-06T22:05:50Z", "at(2026-12-06T22:01)", "PT5M"),
        // At least one minute, CloudWatch's minimum.
        ("2026-12-06T22:00:55Z", "2026-12-06T22:01:55Z", "at(2026-12-06T22:02)", "PT1M"),
        ("2026-12-06T22:00:30Z", "2026-12-13T22:00:30Z", "at(2026-12-06T22:01)", "PT168H"),
    ] {
        assert_eq!(muted(from, until, None), (expression.to_owned(), duration.to_owned()), "{from} to {until}");
    }
}

#[test]
fn active_rule_keeps_its_start() {
    let rule = |expression: &str, duration: &str| MuteRule {
        name: "rule".to_owned(),
        description: String::new(),
        expression: expression.to_owned(),
        duration: duration.to_owned(),
        zone: "UTC".to_owned(),
        alarms: vec!["a".to_owned()],
    };
    let (from, until) = ("2026-12-06T22:30:30Z", "2026-12-07T00:30:30Z");
    for (name, before, expression, duration) in [
        ("active", rule("at(2026-12-06T22:01)", "PT2H"), "at(2026-12-06T22:01)", "PT2H30M"),
        ("about to start", rule("at(2026-12-06T22:31)", "PT2H"), "at(2026-12-06T22:31)", "PT2H"),
        ("over", rule("at(2026-12-06T20:01)", "PT2H"), "at(2026-12-06T22:31)", "PT2H"),
        ("starts later", rule("at(2026-12-06T23:00)", "PT2H"), "at(2026-12-06T22:31)", "PT2H"),
        ("recurring", rule("cron(0 22 * * *)", "PT2H"), "at(2026-12-06T22:31)", "PT2H"),
        ("would be too long", rule("at(2026-11-20T22:01)", "PT400H"), "at(2026-12-06T22:31)", "PT2H"),
    ] {
        let actual = muted(from, until, Some(&before));
        assert_eq!(actual, (expression.to_owned(), duration.to_owned()), "{name}");
    }
}

/// Reads windows added to the demo's settings.
fn windows(text: &str) -> Vec<Window> {
    let demo = include_str!("../../../../infra/layer/settings/demo.toml");
    let text = format!("{demo}\n{text}");
    let document = Document::parse("demo.toml", &text).unwrap();
    runtime::Prepared::<availability::Availability>::read(&document).unwrap().common.windows
}

/// Returns the verdicts on windows at 22:30:30 UTC on Sunday, 6 December 2026.
fn verdicts(text: &str, before: &[MuteRule]) -> Vec<Verdict> {
    let alarms = |checks: &[&str]| match checks {
        [] => vec!["every".to_owned()],
        checks => checks.iter().map(|check| format!("{check}-alarm")).collect(),
    };
    let before = before.iter().map(|rule| (rule.name.clone(), rule.clone())).collect();
    for_windows("demo", &windows(text), alarms, &before, at("2026-12-06T22:30:30Z"))
}

fn rule(verdict: &Verdict) -> &MuteRule {
    match verdict {
        Verdict::Rule(rule) => rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn weekly_window_gets_a_weekly_rule() {
    let verdicts = verdicts(
        r#"
[[maintenance.windows]]
name = "Nightly import!"
reason = "the accounting system is read"
checks = ["login", "availability", "availability/health"]
days = ["thu", "mon"]
at = "02:30"
duration = "45m"

[[maintenance.windows]]
name = "every night"
at = "23:05:30"
duration = "90s"
time_zone = "America/New_York"
"#,
        &[],
    );
    assert_eq!(
        *rule(&verdicts[0]),
        MuteRule {
            name: "just-driving-synthetics-demo-window-nightly-import".to_owned(),
            description: "Maintenance window of demo: Nightly import!: the accounting system is read".to_owned(),
            expression: "cron(30 2 * * MON,THU)".to_owned(),
            duration: "PT45M".to_owned(),
            zone: "Europe/Copenhagen".to_owned(),
            alarms: vec!["login-alarm".to_owned(), "availability-alarm".to_owned()],
        }
    );
    let nightly = rule(&verdicts[1]);
    assert_eq!((&*nightly.expression, &*nightly.duration), ("cron(5 23 * * *)", "PT2M"));
    assert_eq!((&*nightly.zone, &nightly.alarms[..]), ("America/New_York", &["every".to_owned()][..]));
}

#[test]
fn one_time_window_gets_a_one_time_rule() {
    let text = r#"
[[maintenance.windows]]
name = "move"
from = "2026-12-20T22:00"
until = "2026-12-21T01:00"

[[maintenance.windows]]
name = "now"
from = "2026-12-06T22:00Z"
until = "2026-12-06T23:00Z"

[[maintenance.windows]]
name = "over"
from = "2026-12-05T22:00Z"
until = "2026-12-06T22:30Z"

[[maintenance.windows]]
name = "one page"
checks = ["availability/health"]
from = "2026-12-20T22:00"
until = "2026-12-21T01:00"

[[maintenance.windows]]
name = "a minute too long"
from = "2027-01-01T00:00:30Z"
until = "2027-01-16T00:00:30Z"
"#;
    let first = verdicts(text, &[]);
    let times = |verdict: &Verdict| (rule(verdict).expression.clone(), rule(verdict).duration.clone());
    // 22:00 in Copenhagen.
    assert_eq!(times(&first[0]), ("at(2026-12-20T21:00)".to_owned(), "PT3H".to_owned()));
    assert_eq!(rule(&first[0]).zone, "UTC");
    assert_eq!(times(&first[1]), ("at(2026-12-06T22:31)".to_owned(), "PT29M".to_owned()), "the rest of the window");
    assert_eq!(first[2], Verdict::None("it is over"));
    assert!(matches!(first[3], Verdict::None(why) if why.contains("subjects")), "{:?}", first[3]);
    assert!(matches!(&first[4], Verdict::Impossible { why, .. } if why.contains("15 days")), "{:?}", first[4]);

    // An active rule, created at 22:00, stays unchanged.
    let existing = MuteRule {
        expression: "at(2026-12-06T22:00)".to_owned(),
        duration: "PT1H".to_owned(),
        ..rule(&first[1]).clone()
    };
    let again = verdicts(text, std::slice::from_ref(&existing));
    assert_eq!(*rule(&again[1]), existing);
}

#[test]
fn window_without_deployed_alarms_gets_no_rule() {
    let windows = windows(
        "\n[[maintenance.windows]]\nname = \"night\"\nchecks = [\"login\"]\nat = \"02:00\"\nduration = \"1h\"\n",
    );
    let verdicts = for_windows("demo", &windows, |_| Vec::new(), &BTreeMap::new(), at("2026-12-06T22:30:30Z"));
    let expected = "no alarm of login is deployed: deploy infra/alarms.yaml";
    let name = "just-driving-synthetics-demo-window-night".to_owned();
    assert_eq!(verdicts, [Verdict::Impossible { name, why: expected.to_owned() }]);
}

#[test]
fn each_window_gets_a_unique_rule_name() {
    let text = |name: &str| format!("\n[[maintenance.windows]]\nname = {name:?}\nat = \"02:00\"\nduration = \"1h\"\n");
    let long = "x".repeat(400);
    let windows = ["night", "Night", "night 2", "夜", &long].map(text).concat();
    let names: Vec<String> = verdicts(&windows, &[])
        .iter()
        .map(|verdict| rule(verdict).name.replace("just-driving-synthetics-demo-window-", ""))
        .collect();
    assert_eq!(names[..4], ["night", "night-2", "night-2-2", "unnamed"]);
    assert!(names[4].len() <= MAX_NAME_LENGTH);
}

#[test]
fn rule_description_stays_within_the_cloudwatch_limit() {
    let reason = "å".repeat(3_000);
    let text = format!(
        "\n[[maintenance.windows]]\nname = \"night\"\nreason = \"{reason}\"\nat = \"02:00\"\nduration = \"1h\"\n"
    );
    let verdicts = verdicts(&text, &[]);
    let description = &rule(&verdicts[0]).description;
    assert!(description.starts_with("Maintenance window of demo: night: å"), "{description}");
    assert!(description.chars().count() <= 1_024, "{}", description.chars().count());
}
