//! The page.

use askama::Template;
use check::message::span;
use jiff::Timestamp;

use super::bars::{Bar, Detail, bars, story};
use super::state::State;
use super::summary::{Incident, ServiceSummary, Summary};
use super::times::{At, Between};
use crate::shown::percent;

/// Style sheet of the page.
pub(super) const STYLE: &str = include_str!("../../assets/status.css");

/// Largest page. **Units:** bytes.
const MAX_BYTES: usize = 30_000;
/// Amounts of detail, the most first, each with a number of past incidents. The first that fits is shown.
const DETAILS: [(Detail, usize); 5] =
    [(Detail::Days, 50), (Detail::Days, 20), (Detail::Spans, 20), (Detail::States, 10), (Detail::Nothing, 5)];

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'a> {
    title: &'a str,
    /// Path of the other files.
    base: &'a str,
    headline: String,
    state: State,
    at: At,
    /// Time and age of the newest result, if the page is old; `None` inside without any.
    old: Option<Option<(At, String)>>,
    groups: Vec<(&'a str, Vec<Row<'a>>)>,
    open: Vec<Spell<'a>>,
    past: Vec<Spell<'a>>,
    more: usize,
}

struct Row<'a> {
    name: &'a str,
    state: State,
    bars: Vec<Bar>,
    story: String,
    uptime: Option<String>,
    days: usize,
}

struct Spell<'a> {
    service: &'a str,
    state: State,
    from: At,
    whole: Between,
    length: String,
}

/// Renders the page. `base` is the path of the other files, as seen from it.
pub(super) fn page(summary: &Summary, base: &str) -> String {
    let mut page = String::new();
    for (detail, past) in DETAILS {
        // Writing to a text fails only if a value refuses to be shown, and none does.
        page = shown(summary, base, detail, past).render().unwrap_or_default();
        if page.len() <= MAX_BYTES {
            break;
        }
    }
    page
}

fn shown<'a>(summary: &'a Summary, base: &'a str, detail: Detail, max_past: usize) -> Page<'a> {
    let row = |service: &'a ServiceSummary| Row {
        name: &service.name,
        state: service.state,
        bars: bars(&service.days, detail),
        story: story(&service.days),
        uptime: service.uptime.map(percent),
        days: service.known_days(),
    };
    let (open, mut past): (Vec<&Incident>, Vec<&Incident>) =
        summary.incidents.iter().partition(|incident| incident.to.is_none());
    let more = past.len().saturating_sub(max_past);
    past.truncate(max_past);
    let spells = |incidents: Vec<&'a Incident>| incidents.into_iter().map(|own| spell(own, summary.now)).collect();
    let age = |at: Timestamp| (At(at), length(at, summary.now));
    Page {
        title: &summary.title,
        base,
        headline: headline(summary),
        state: summary.state,
        at: At(summary.now),
        old: summary.is_old.then(|| summary.data_at.map(age)),
        groups: (summary.groups.iter())
            .map(|group| (group.name.as_str(), group.services.iter().map(row).collect()))
            .collect(),
        open: spells(open),
        past: spells(past),
        more,
    }
}

fn spell(incident: &Incident, now: Timestamp) -> Spell<'_> {
    Spell {
        service: &incident.service,
        state: incident.state,
        from: At(incident.from),
        whole: Between(incident.from, incident.to.unwrap_or(now)),
        length: length(incident.from, incident.to.unwrap_or(now)),
    }
}

/// Formats the time between two moments, in whole minutes from one minute on.
pub(super) fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    span(if seconds < 60 { seconds } else { seconds - seconds % 60 })
}

/// The state of everything in a sentence.
pub(super) fn headline(summary: &Summary) -> String {
    let all = summary.services().count();
    let count = summary.services().filter(|service| service.state == summary.state).count();
    let services = match count {
        1 if all == 1 => "The service is".to_owned(),
        1 => "1 service is".to_owned(),
        _ if count == all => "All services are".to_owned(),
        _ => format!("{count} services are"),
    };
    match summary.state {
        State::Operational => format!("{services} operational"),
        State::Maintenance => format!("{services} in maintenance"),
        State::Degraded => format!("{services} degraded"),
        State::Down => format!("{services} down"),
        State::Unknown if count == all => "The current state is unknown".to_owned(),
        State::Unknown if count == 1 => "The state of 1 service is unknown".to_owned(),
        State::Unknown => format!("The state of {count} services is unknown"),
    }
}
