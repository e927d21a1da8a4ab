//! From a decision to notifications: pure.

use super::notification::{Contact, Event, Links, Notification, StepLine, SubjectReport};
use crate::incident::{LastGood, Reason, Severity, Told};
use crate::{Attempt, RunKey, Step};

/// What a message needs to know beside the decision.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The environment of the settings.
    pub environment: &'a str,
    /// Which run tells.
    pub run: &'a RunKey,
    /// Its id.
    pub run_id: &'a str,
    /// Its trace id.
    pub trace_id: &'a str,
    /// Its attempts.
    pub attempts: &'a [Attempt],
    /// The last good run before this one.
    pub last_good: Option<&'a LastGood>,
    /// The check's severity.
    pub severity: Severity,
    /// Whom to call.
    pub contact: &'a Contact,
    /// Where to go from here.
    pub links: Links,
}

/// One notification per event, whatever the number of subjects.
#[must_use]
pub fn compose(reasons: &[Reason], context: &Context<'_>) -> Vec<Notification> {
    [(Event::Opened, Told::Opened), (Event::Reminded, Told::Reminded), (Event::Recovered, Told::Recovered)]
        .into_iter()
        .filter_map(|(event, told)| {
            let subjects: Vec<SubjectReport> = reasons
                .iter()
                .filter(|reason| reason.told == told)
                .filter_map(|reason| subject_report(reason, event, context.run))
                .collect();
            (!subjects.is_empty()).then(|| notification(event, subjects, context))
        })
        .collect()
}

fn subject_report(reason: &Reason, event: Event, run: &RunKey) -> Option<SubjectReport> {
    let incident = reason.incident.as_ref()?;
    let over = event == Event::Recovered;
    Some(SubjectReport {
        failure: reason.failure.clone(),
        incident_id: incident.id.clone(),
        since: reason.since,
        opened_at: incident.opened_at,
        closed_at: over.then_some(run.scheduled_time),
        downtime_seconds: over.then(|| run.scheduled_time.duration_since(reason.since).as_secs()),
    })
}

fn notification(event: Event, mut subjects: Vec<SubjectReport>, context: &Context<'_>) -> Notification {
    let steps = step_lines(&subjects, context.attempts);
    let more_subjects = subjects.len().saturating_sub(Notification::MAX_SUBJECTS);
    subjects.truncate(Notification::MAX_SUBJECTS);
    Notification {
        schema_version: Notification::SCHEMA_VERSION,
        notification_id: format!("{}/{}", context.run, event.as_str()),
        event,
        check: context.run.check.clone(),
        environment: context.environment.to_owned(),
        location: context.run.location.clone(),
        severity: context.severity,
        at: context.run.scheduled_time,
        subjects,
        more_subjects: u32::try_from(more_subjects).unwrap_or(u32::MAX),
        steps,
        last_good: context.last_good.cloned(),
        run_id: context.run_id.to_owned(),
        trace_id: context.trace_id.to_owned(),
        contact: context.contact.clone(),
        links: context.links.clone(),
    }
}

/// The steps of the subjects that the message is about; those of others would hide them.
fn step_lines(subjects: &[SubjectReport], attempts: &[Attempt]) -> Vec<StepLine> {
    let mut steps: Vec<(u32, &Step)> = (1..)
        .zip(attempts)
        .flat_map(|(number, attempt)| attempt.steps.iter().map(move |step| (number, step)))
        .filter(|(_, step)| subjects.iter().any(|report| report.failure.subject == step.subject))
        .collect();
    // Steps of several subjects go side by side; a reader wants one subject after the other.
    steps.sort_by_key(|(number, step)| (&step.subject, *number));
    steps
        .into_iter()
        .take(Notification::MAX_STEPS)
        .map(|(attempt, step)| StepLine {
            attempt,
            subject: step.subject.clone(),
            step: step.name.clone(),
            result: step.result.word().to_owned(),
            duration_ms: step.duration_ms,
        })
        .collect()
}
