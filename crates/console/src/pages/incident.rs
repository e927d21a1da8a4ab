//! `GET /incidents/{id}`: one incident, with its timeline and messages.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use check::Failure;
use check::incident::{Severity, parts_of_id};
use check::message::{Topic, chat, email, sms, span, subject_line};
use check::text::utc;
use history::{Delivered, Notified};
use jiff::Timestamp;
use operations::incident_review::{Asked, LogSearch, Reviewed, Together, gather, markdown, review};

use crate::actions::{Actions, Offer};
use crate::runbook;
use crate::shell::{Missing, Place, Shell, page};
use crate::shown::{Moment, lasted};
use crate::source::Source;

#[derive(Template)]
#[template(path = "incident.html")]
struct Incident {
    shell: Shell,
    check: String,
    /// As commands and forms name it.
    scope: String,
    subject: Option<String>,
    is_open: bool,
    is_critical: bool,
    since: Moment,
    lasted: String,
    acknowledged: Option<(String, Moment, String)>,
    first: Failed,
    latest: Option<Failed>,
    timeline: Vec<(Moment, String)>,
    /// What monitoring saw, and what it cost, in words.
    facts: Vec<(&'static str, String)>,
    /// Other incidents at the same time: id, name, and words.
    together: Vec<(String, String, String)>,
    shared: Vec<String>,
    unknown: Vec<String>,
    /// Draft of a review, Markdown.
    draft: String,
    run: Option<String>,
    messages: Vec<Message>,
    keeps_messages: bool,
    runbook: Option<String>,
    options: String,
    offer: Option<Offer>,
}

struct Failed {
    step: String,
    kind: String,
    expected: String,
    actual: String,
    evidence: Option<String>,
}

/// A notification as sent.
struct Message {
    event: String,
    at: Moment,
    id: String,
    title: String,
    topics: Vec<String>,
    deliveries: Vec<String>,
    email: String,
    sms: String,
    chat: String,
    json: String,
}

/// Shows an incident.
pub(super) async fn incident(State(source): State<Source>, Path(id): Path<String>) -> Response {
    match read(&source, &id).await {
        Ok(incident) => page(&incident),
        Err(missing) => missing.page(&source, Place::Incidents),
    }
}

async fn read(source: &Source, id: &str) -> Result<Incident, Missing> {
    let now = source.clock.now();
    let unknown = || Missing::Unknown("incident", id.to_owned());
    let (check, since) = parts_of_id(id).ok_or_else(unknown)?;
    let since: Timestamp = since.parse().map_err(|_| unknown())?;
    let shown = source.monitored.shown();
    let records = source.history.incidents(check, since).await?;
    let record = records.into_iter().find(|record| record.id == id).ok_or_else(unknown)?;
    let asked = Asked {
        environment: &source.environment,
        checks: &shown.checks,
        alarms: &shown.alarms,
        objectives: &shown.objectives,
        logs: LogSearch::default(),
        now,
    };
    let gathered = gather(&*source.history, vec![record.clone()], None, &asked).await?;
    let review = review(&gathered);
    let reviewed = review.incidents.first().ok_or_else(unknown)?;
    let messages = gathered.incidents.first().and_then(|own| own.notified.clone());
    let end = record.closed_at.unwrap_or(now);
    let mut shell = Shell::new(source, Place::Incidents, id);
    shell.tone = if record.closed_at.is_none() { "bad" } else { "good" };
    let run = messages.iter().flatten().next().map(|message| {
        let notification = &message.notification;
        format!("/checks/{}/runs/{}", notification.check, notification.run_id)
    });
    Ok(Incident {
        shell,
        subject: (!record.subject.is_whole()).then(|| record.subject.as_str().to_owned()),
        is_open: record.closed_at.is_none(),
        is_critical: record.severity == Severity::Critical,
        since: Moment(record.since),
        lasted: lasted(end.duration_since(record.since)),
        acknowledged: record.acknowledged.as_ref().map(|own| (own.by.clone(), Moment(own.at), own.reason.clone())),
        latest: (record.latest != record.first).then(|| failed(&record.latest)),
        first: failed(&record.first),
        facts: facts(reviewed),
        together: review.cause.together.iter().map(together).collect(),
        shared: review.cause.shared.clone(),
        unknown: review.unknown.clone(),
        draft: markdown(&review),
        timeline: review.timeline.iter().map(|entry| (Moment(entry.at), entry.words.clone())).collect(),
        run,
        keeps_messages: messages.is_some(),
        messages: messages.into_iter().flatten().map(message).collect(),
        runbook: runbook::html(&record.check, true),
        scope: operations::names::format_scope(&record.check, Some(&record.subject).filter(|own| !own.is_whole())),
        check: record.check,
        offer: source.actions.as_ref().map(Actions::offer),
        options: source.options.clone(),
    })
}

fn facts(reviewed: &Reviewed) -> Vec<(&'static str, String)> {
    let after = |seconds: i64| span(seconds);
    let seen = &reviewed.seen;
    let mut facts = vec![(
        "Notified",
        match seen.notified_after {
            Some(0) => "by the first failed run".to_owned(),
            Some(seconds) => format!("{} after the first failed run", after(seconds)),
            None => "no".to_owned(),
        },
    )];
    if let Some(seconds) = seen.unseen_for {
        facts.push(("Perhaps older", format!("by up to {}, since the run before passed", after(seconds))));
    }
    facts.push((
        "Runs",
        format!(
            "{} failed, {} passed, {} without a verdict",
            seen.runs.failed, seen.runs.passed, seen.runs.inconclusive
        ),
    ));
    if let Some(impact) = &reviewed.impact {
        facts.push(("Spent", impact.to_string()));
    }
    facts
}

fn together(other: &Together) -> (String, String, String) {
    (other.id.clone(), other.name.clone(), format!("{}, step {} ({})", other.when(), other.step, other.kind))
}

fn failed(failure: &Failure) -> Failed {
    Failed {
        step: failure.step.clone(),
        kind: failure.kind.to_string(),
        expected: failure.expected.as_str().to_owned(),
        actual: failure.actual.as_str().to_owned(),
        evidence: failure.evidence.as_ref().map(|evidence| evidence.as_str().to_owned()),
    }
}

fn message(sent: Notified) -> Message {
    let notification = &sent.notification;
    let is_for_people = |topic: &Topic| matches!(topic, Topic::OnCall | Topic::Warnings);
    Message {
        event: notification.event.as_str().to_owned(),
        at: Moment(notification.at),
        id: notification.notification_id.clone(),
        title: subject_line(notification),
        topics: sent.topics.iter().map(|topic| topic.as_str().to_owned()).collect(),
        deliveries: sent.deliveries.iter().map(delivery).collect(),
        email: if sent.topics.iter().any(is_for_people) { email(notification) } else { String::new() },
        sms: sms(notification),
        chat: serde_json::to_string_pretty(&chat(notification)).unwrap_or_default(),
        json: serde_json::to_string_pretty(notification).unwrap_or_default(),
    }
}

fn delivery(delivery: &Delivered) -> String {
    let to = format!("{} to {}", delivery.topic.as_str(), delivery.destination);
    match (delivery.delivered_at, &delivery.error) {
        (Some(at), _) => format!("{to}, delivered {}", utc(at)),
        (None, Some(error)) => format!("{to}, not delivered in {} attempts: {error}", delivery.attempts),
        (None, None) => format!("{to}, not delivered yet"),
    }
}
