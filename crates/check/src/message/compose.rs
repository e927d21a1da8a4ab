//! Composes notifications from a decision; pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Unit};

use super::notification::{Contact, InconclusiveReport, Links, Machine, Notification, Owner, StepLine, SubjectReport};
use crate::budget::ErrorBudget;
use crate::incident::event::{Event, notification_id};
use crate::incident::{Decision, Incident, LastSuccessfulRun, NotificationReason, Reason, Severity};
use crate::model::{Attempt, Leftover, RunKey, Step, Subject};

/// Facts that a notification needs in addition to the decision.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The environment of the settings.
    pub environment: &'a str,
    /// AWS region of the deployment; none on one machine.
    pub region: Option<&'a str>,
    /// Files of the machine that runs the checks; none in a deployment.
    pub machine: Option<&'a Machine>,
    /// Key of the run.
    pub run: &'a RunKey,
    /// Id of the run.
    pub run_id: &'a str,
    /// Trace id of the run.
    pub trace_id: &'a str,
    /// Attempts of the run.
    pub attempts: &'a [Attempt],
    /// The last successful run before this one.
    pub last_successful_run: Option<&'a LastSuccessfulRun>,
    /// Error budget of the check after the run; none without an objective.
    pub error_budget: Option<ErrorBudget>,
    /// Severity of leftovers.
    pub leftover_severity: Severity,
    /// Time between the last notification and a reminder.
    pub remind_every: Duration,
    /// Window in which incidents of a subject are counted.
    pub flap_window: Duration,
    /// Person or team to contact.
    pub contact: &'a Contact,
    /// Owners of the subjects that are not the platform's own.
    pub owners: &'a BTreeMap<Subject, Owner>,
    /// Links.
    pub links: Links,
}

/// Composes one notification per event and severity, for any number of subjects.
#[must_use]
pub fn compose(decision: &Decision, context: &Context<'_>) -> Vec<Notification> {
    let mut notifications = Vec::new();
    for event in Event::ALL {
        for severity in [Severity::Critical, Severity::Warning] {
            let reasons: Vec<&Reason> = decision
                .reasons
                .iter()
                .filter(|reason| reason.notification_reason.event() == Some(event) && reason.severity == severity)
                .collect();
            if !reasons.is_empty() {
                let about = About {
                    subjects: reasons.iter().filter_map(|reason| subject_report(reason, context)).collect(),
                    inconclusive: reasons.iter().filter_map(|reason| inconclusive_report(reason, context)).collect(),
                    ..About::default()
                };
                notifications.push(notification(event, severity, about, context));
            }
        }
    }
    if let Some(leftovers) = &decision.leftovers {
        let about = About { leftovers: leftovers.pending.clone(), more: leftovers.more, ..About::default() };
        notifications.push(notification(Event::Leftovers, context.leftover_severity, about, context));
    }
    notifications
}

/// Contents of one notification.
#[derive(Default)]
struct About {
    subjects: Vec<SubjectReport>,
    inconclusive: Vec<InconclusiveReport>,
    leftovers: Vec<Leftover>,
    more: u32,
}

fn subject_report(reason: &Reason, context: &Context<'_>) -> Option<SubjectReport> {
    let (incident, failure) = (reason.incident.as_ref()?, reason.failure.clone()?);
    let downtime = |closed: jiff::Timestamp| seconds(closed.duration_since(reason.since));
    let closed_at = incident.closed_at.filter(|_| !Incident::is_open(incident));
    let shows_openings =
        matches!(reason.notification_reason, NotificationReason::Flapping | NotificationReason::Stabilized)
            || reason.openings > 1;
    let shows_openings = shows_openings && reason.openings > 0;
    Some(SubjectReport {
        failure,
        incident_id: incident.id.clone(),
        since: reason.since.min(context.run.scheduled_time),
        opened_at: incident.opened_at,
        closed_at,
        downtime_seconds: closed_at.map(downtime),
        escalated_at: incident.escalated_at,
        openings: shows_openings.then_some(reason.openings),
        flap_window_seconds: shows_openings.then(|| i64::try_from(context.flap_window.as_secs()).unwrap_or(i64::MAX)),
        owner: context.owners.get(&reason.subject).cloned(),
    })
}

fn inconclusive_report(reason: &Reason, context: &Context<'_>) -> Option<InconclusiveReport> {
    let inconclusive = reason.inconclusive.as_ref()?;
    let inconclusive_for = seconds(context.run.scheduled_time.duration_since(reason.since));
    Some(InconclusiveReport {
        subject: reason.subject.clone(),
        cause: inconclusive.cause,
        detail: inconclusive.detail.clone(),
        since: reason.since,
        inconclusive_seconds: (reason.notification_reason == NotificationReason::MonitoringRestored)
            .then_some(inconclusive_for),
        owner: context.owners.get(&reason.subject).cloned(),
    })
}

/// Whole seconds, rounded; a clock that went back makes none.
fn seconds(duration: SignedDuration) -> i64 {
    let rounded = duration.round(Unit::Second).unwrap_or(duration);
    rounded.as_secs().max(0)
}

fn notification(event: Event, severity: Severity, about: About, context: &Context<'_>) -> Notification {
    let About { mut subjects, mut inconclusive, leftovers, more } = about;
    let steps = step_lines(&subjects, &inconclusive, context.attempts);
    let too_many = subjects.len().max(inconclusive.len()).saturating_sub(Notification::MAX_SUBJECTS);
    subjects.truncate(Notification::MAX_SUBJECTS);
    inconclusive.truncate(Notification::MAX_SUBJECTS);
    let mut notification = Notification {
        schema_version: Notification::SCHEMA_VERSION,
        notification_id: notification_id(context.run, event, severity),
        event,
        check: context.run.check.clone(),
        environment: context.environment.to_owned(),
        region: context.region.map(str::to_owned),
        machine: context.machine.cloned(),
        location: context.run.location.clone(),
        severity,
        at: context.run.scheduled_time,
        subjects,
        more_subjects: u32::try_from(too_many).unwrap_or(u32::MAX).saturating_add(more),
        inconclusive,
        leftovers,
        reminds_after_seconds: None,
        steps,
        last_successful_run: context.last_successful_run.cloned(),
        error_budget: context.error_budget,
        run_id: context.run_id.to_owned(),
        trace_id: context.trace_id.to_owned(),
        contact: context.contact.clone(),
        links: context.links.clone(),
    };
    notification.reminds_after_seconds = notification.is_ongoing().then_some(context.remind_every.as_secs());
    notification
}

/// Lists the steps of the subjects that the notification is about; steps of others would hide them.
fn step_lines(subjects: &[SubjectReport], inconclusive: &[InconclusiveReport], attempts: &[Attempt]) -> Vec<StepLine> {
    let named: Vec<_> = subjects
        .iter()
        .map(|report| &report.failure.subject)
        .chain(inconclusive.iter().map(|report| &report.subject))
        .collect();
    let mut steps: Vec<(u32, &Step)> = (1..)
        .zip(attempts)
        .flat_map(|(number, attempt)| attempt.steps.iter().map(move |step| (number, step)))
        .filter(|(_, step)| named.contains(&&step.subject))
        .collect();
    // Subjects run side by side; a reader wants one after the other.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_seconds() {
        for (milliseconds, expected) in [(29_900, 30), (29_499, 29), (400, 0), (-5_000, 0)] {
            assert_eq!(seconds(SignedDuration::from_millis(milliseconds)), expected, "{milliseconds}");
        }
    }
}
