//! State of all subjects in the demo: unhealthy ones first, one by one; healthy ones counted.

use std::collections::BTreeMap;

use check::incident::{Incident, Reason};
use check::{Attempt, Report, Subject, Verdict};

use crate::screen::Size;
use crate::styled::{Styled, Tone};
use crate::tables;

/// State of a subject, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Failing,
    Inconclusive,
    Recovering,
    Maintenance,
    Healthy,
}

impl State {
    fn styled(self) -> Styled {
        let (tone, word) = match self {
            Self::Failing => (Tone::Failed, "FAILING"),
            Self::Inconclusive => (Tone::Inconclusive, "inconclusive"),
            Self::Recovering => (Tone::Inconclusive, "recovering"),
            Self::Maintenance => (Tone::Maintenance, "maintenance"),
            Self::Healthy => (Tone::Passed, "healthy"),
        };
        Styled::new(tone, word)
    }
}

/// A subject that is not healthy.
struct Row {
    state: State,
    check: &'static str,
    subject: String,
    since: String,
    detail: String,
}

/// The last report of each check, in the order in which they run.
#[derive(Default)]
pub(crate) struct Overview {
    last: Vec<Examined>,
}

/// A check and its subjects.
struct Examined {
    check: &'static str,
    report: Report,
    /// The last verdict on each subject, and since when its incident is open.
    subjects: BTreeMap<Subject, (Verdict, Option<String>)>,
}

impl Overview {
    /// Replaces the report of a check. A subject whose steps were all skipped keeps its state.
    pub(crate) fn insert(&mut self, check: &'static str, report: Report) {
        let since = |subject: &Subject| {
            let is_open = |reason: &&Reason| {
                reason.subject == *subject && reason.incident.as_ref().is_some_and(Incident::is_open)
            };
            report.reasons.iter().find(is_open).map(|reason| reason.since.strftime("%H:%M:%S").to_string())
        };
        let verdicts = report.last_attempt().map(Attempt::verdicts).unwrap_or_default();
        let mut subjects: BTreeMap<_, _> = verdicts
            .into_iter()
            .map(|(subject, verdict)| {
                let since = since(&subject);
                (subject, (verdict, since))
            })
            .collect();
        match self.last.iter_mut().find(|last| last.check == check) {
            Some(last) => {
                let steps = report.last_attempt().map(|attempt| attempt.steps.as_slice()).unwrap_or_default();
                for step in steps {
                    if let Some(state) = last.subjects.remove(&step.subject) {
                        subjects.entry(step.subject.clone()).or_insert(state);
                    }
                }
                *last = Examined { check, report, subjects };
            }
            None => self.last.push(Examined { check, report, subjects }),
        }
    }

    /// The last reports.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.last.iter().map(|last| &last.report)
    }

    /// Live lines: unhealthy subjects, and one line for the healthy ones. What does not fit is counted.
    pub(crate) fn lines(&self, size: Size) -> Vec<Styled> {
        let (rows, healthy) = self.rows();
        let room = size.lines.saturating_sub(2);
        let shown = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
        let name = |row: &Row| {
            if row.subject == row.check { row.subject.clone() } else { format!("{}/{}", row.check, row.subject) }
        };
        let longest = rows.iter().map(|row| name(row).chars().count()).max().unwrap_or_default();
        let mut lines: Vec<Styled> = rows[..shown]
            .iter()
            .map(|row| {
                let mut line = row.state.styled();
                line.pad_to(14);
                line.with(Tone::Plain, format!("{:<longest$}  {:<8}  {}", name(row), row.since, row.detail))
            })
            .collect();
        if rows.len() > shown {
            let mut checks: Vec<&str> = rows[shown..].iter().map(|row| row.check).collect();
            checks.dedup();
            lines.push(format!("… {} more of {}", rows.len() - shown, checks.join(", ")).into());
        }
        let counts: Vec<String> = healthy.iter().map(|(check, count)| format!("{check} {count}")).collect();
        let total: usize = healthy.iter().map(|(_, count)| count).sum();
        if total > 0 {
            let line = Styled::new(Tone::Passed, format!("{total} healthy"));
            lines.push(line.with(Tone::Faint, format!(": {}", counts.join(", "))));
        }
        lines
    }

    /// The table at the end.
    pub(crate) fn table(&self) -> Styled {
        let (rows, healthy) = self.rows();
        let unhealthy = rows.into_iter().map(|row| {
            let Row { state, check, subject, since, detail } = row;
            [state.styled(), check.into(), subject.into(), since.into(), detail.into()]
        });
        let healthy = healthy.into_iter().map(|(check, count)| {
            let subjects = if count == 1 { "1 subject".to_owned() } else { format!("{count} subjects") };
            [State::Healthy.styled(), check.into(), subjects.into(), "".into(), "".into()]
        });
        tables::columns(["STATE", "CHECK", "SUBJECT", "SINCE", "DETAIL"], unhealthy.chain(healthy))
    }

    /// Unhealthy subjects, the most urgent first, and the number of healthy ones of each check.
    fn rows(&self) -> (Vec<Row>, Vec<(&'static str, usize)>) {
        let (mut rows, mut healthy) = (Vec::new(), Vec::new());
        for Examined { check, subjects, .. } in &self.last {
            let mut count = 0;
            for (subject, (verdict, since)) in subjects {
                let (state, detail) = match verdict {
                    Verdict::Healthy if since.is_some() => (State::Recovering, String::new()),
                    Verdict::Healthy => {
                        count += 1;
                        continue;
                    }
                    Verdict::Failing(failure) => (State::Failing, format!("{}: {}", failure.kind, failure.actual)),
                    Verdict::Inconclusive(inconclusive) => (State::Inconclusive, inconclusive.detail.to_string()),
                    Verdict::Maintenance(_) => (State::Maintenance, String::new()),
                };
                let since = since.clone().unwrap_or_default();
                let subject = tables::subject_name(check, subject).to_owned();
                rows.push(Row { state, check, subject, since, detail });
            }
            if count > 0 {
                healthy.push((*check, count));
            }
        }
        rows.sort_by_key(|row| row.state);
        (rows, healthy)
    }
}

#[cfg(test)]
mod tests {
    use check_testkit::sample_report;
    use serde_json::{Value, from_value, json};

    use super::*;

    /// A report of a check with some failing and some healthy subjects.
    fn report(failing: usize, healthy: usize) -> Report {
        let mut report = sample_report(&[1.0]);
        let step = |subject: String, more: Value| {
            let mut step =
                json!({ "subject": subject, "name": "response", "started": report.started, "duration_ms": 1.0 });
            step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            step
        };
        let failed = |number: usize| {
            let subject = format!("page-{number}");
            let failure = json!({
                "subject": subject, "step": "response", "kind": "status", "expected": "status 200", "actual": "status 500",
            });
            step(subject, json!({ "result": "failed", "failure": failure }))
        };
        let passed = |number: usize| step(format!("good-{number}"), json!({ "result": "passed" }));
        let steps: Vec<Value> = (0..healthy).map(passed).chain((0..failing).map(failed)).collect();
        report.attempts[0].steps = from_value(json!(steps)).unwrap();
        report
    }

    #[test]
    fn unhealthy_subjects_come_first_and_the_rest_is_counted() {
        for (name, failing, healthy, lines, expected) in [
            ("all healthy", 0, 3, 8, vec!["5 healthy: login 2, booking 3"]),
            (
                "one failing",
                1,
                3,
                8,
                vec!["FAILING       booking/page-0            status: status 500", "5 healthy: login 2, booking 3"],
            ),
            (
                "more than fit",
                9,
                1,
                5,
                vec![
                    "FAILING       booking/page-0            status: status 500",
                    "FAILING       booking/page-1            status: status 500",
                    "… 7 more of booking",
                    "3 healthy: login 2, booking 1",
                ],
            ),
        ] {
            let mut overview = Overview::default();
            overview.insert("login", report(0, 2));
            overview.insert("booking", report(1, 0));
            // A later report replaces the earlier one.
            overview.insert("booking", report(failing, healthy));
            let shown: Vec<String> =
                overview.lines(Size { columns: 80, lines }).iter().map(|line| line.to_string()).collect();
            assert_eq!(shown, expected, "{name}");
            assert!(shown.len() < lines, "{name}");
        }
    }

    #[test]
    fn skipped_subject_keeps_its_state() {
        let steps = |results: &[(&str, Value)]| {
            let mut report = sample_report(&[1.0]);
            let step = |(subject, result): &(&str, Value)| {
                let mut step = json!({
                    "subject": subject, "name": "delivery", "started": report.started, "duration_ms": 1.0,
                });
                step.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
                step
            };
            let steps: Vec<Value> = results.iter().map(step).collect();
            report.attempts[0].steps = from_value(json!(steps)).unwrap();
            report
        };
        let passed = json!({ "result": "passed" });
        let skipped = json!({ "result": "skipped", "reason": "no canary is due" });
        let mut overview = Overview::default();
        for (name, results, expected) in [
            ("never examined", vec![("mail", &passed), ("sms", &skipped)], "1 healthy: notifications 1"),
            ("examined", vec![("mail", &passed), ("sms", &passed)], "2 healthy: notifications 2"),
            ("skipped", vec![("mail", &skipped), ("sms", &skipped)], "2 healthy: notifications 2"),
            ("no longer in the settings", vec![("sms", &skipped)], "1 healthy: notifications 1"),
        ] {
            let results: Vec<_> = results.into_iter().map(|(subject, result)| (subject, result.clone())).collect();
            overview.insert("notifications", steps(&results));
            let shown = overview.lines(Size { columns: 80, lines: 8 });
            assert_eq!(shown.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected], "{name}");
        }
    }
}
