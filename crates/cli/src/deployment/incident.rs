//! `synthetics incident`: what happened in one incident, or in all of a time.

use anyhow::{Context, bail};
use check::Failure;
use check::incident::{IncidentRecord, parts_of_id};
use check::text::utc;
use history::{History, Window};
use jiff::{SignedDuration, Timestamp};
use operations::incident_review::{Asked, IncidentReview, LogSearch, gather, markdown, price, review};
use operations::{checks, thresholds};

use crate::arguments::IncidentOptions;
use crate::arguments::deployment::IncidentFormat;
use crate::deployment::access;
use crate::exit::Exit;
use crate::terminal;

/// Age of incidents that may still be open in a window.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Shows what happened.
pub(crate) async fn show(options: &IncidentOptions) -> anyhow::Result<Exit> {
    let all = checks::ids(&[])?;
    let named = options.id.as_deref().map(Named::read).transpose()?;
    let history = access::records(&options.deployment).await?;
    let records = match (&named, options.window) {
        (Some(named), _) => vec![named.find(&*history).await?],
        (None, Some(window)) => within(&*history, &all, window).await?,
        (None, None) => bail!("expected an incident id, or --window FROM..TO"),
    };
    let environment = access::environment(&options.deployment)?.unwrap_or_default();
    let alarms = if environment.is_empty() { Vec::new() } else { thresholds::shipped(&environment)? };
    let asked = Asked {
        environment: &environment,
        checks: &all,
        objectives: &checks::configured_objectives(options.settings.as_deref())?,
        alarms: &alarms,
        logs: LogSearch { runs: options.logs, platform: &options.platform_log },
        now: Timestamp::now(),
    };
    let is_priced = options.deployment.store.is_none() && (options.logs || !options.platform_log.is_empty());
    if is_priced {
        let (usd, warnings) = price(&*history, &records, options.window, &asked).await;
        warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        terminal::show_search_price(usd);
    }
    let review = review(&gather(&*history, records, options.window, &asked).await?);
    let format = if options.json { IncidentFormat::Json } else { options.format };
    match format {
        IncidentFormat::Json => terminal::json(&review)?,
        IncidentFormat::Markdown => println!("{}", markdown(&review)),
        IncidentFormat::Text => println!("{}", lines(&review)),
    }
    Ok(Exit::Passed)
}

/// An id, taken apart.
struct Named<'a> {
    id: &'a str,
    check: &'static str,
    since: Timestamp,
}

impl<'a> Named<'a> {
    fn read(id: &'a str) -> anyhow::Result<Self> {
        let shape = || format!("expected an incident id such as login.20261123T045000Z, found `{id}`");
        let (check, since) = parts_of_id(id).with_context(shape)?;
        let check = checks::ids(&[check.to_owned()])?[0];
        Ok(Self { id, check, since: since.parse().with_context(shape)? })
    }

    async fn find(&self, history: &dyn History) -> anyhow::Result<IncidentRecord> {
        let records = history.incidents(self.check, self.since).await?;
        let id = self.id;
        records.into_iter().find(|record| record.id == id).with_context(|| {
            format!("unknown incident {id}; it may be older than 400 days, or belong to another environment or store")
        })
    }
}

/// Incidents that were open in a window.
async fn within(history: &dyn History, checks: &[&str], window: Window) -> anyhow::Result<Vec<IncidentRecord>> {
    let mut found = Vec::new();
    for check in checks {
        found.extend(history.incidents(check, window.from - LONGEST).await?);
    }
    found.retain(|record| record.since < window.until && record.closed_at.is_none_or(|at| at >= window.from));
    Ok(found)
}

/// Lines about incidents, for a terminal.
fn lines(review: &IncidentReview) -> String {
    let mut lines = Vec::new();
    if review.incidents.is_empty() {
        lines.push(format!("no incident from {} to {}", utc(review.from), utc(review.until)));
    }
    for incident in &review.incidents {
        lines.push(format!("{} ({}): {}", incident.record.id, incident.record.severity.as_str(), incident.name()));
    }
    lines.push(String::new());
    lines.extend(review.timeline.iter().map(|entry| match review.incidents.len() {
        0 | 1 => format!("{}  {}", utc(entry.at), entry.words),
        _ => format!("{}  {}  {}", utc(entry.at), entry.what, entry.words),
    }));
    for incident in &review.incidents {
        let record = &incident.record;
        if record.closed_at.is_none() {
            lines.push(format!("{} is still open", incident.name()));
        }
        lines.extend(failure_lines("First", &record.first));
        if record.latest != record.first {
            lines.extend(failure_lines("Latest", &record.latest));
        }
    }
    lines.push(String::new());
    lines.extend(
        review.incidents.iter().filter_map(|incident| Some(format!("{} spent {}", incident.name(), incident.impact?))),
    );
    lines.extend(review.cause.together.iter().map(|other| format!("at the same time: {}", other.id)));
    lines.extend(review.cause.shared.iter().map(|words| format!("in common: {words}")));
    lines.extend(review.unknown.iter().map(|what| format!("not known: {what}")));
    lines.join("\n").trim_end().to_owned()
}

fn failure_lines(when: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("{when} failure: step {} ({})", failure.step, failure.kind),
        format!("  Expected   {}", failure.expected),
        format!("  Actual     {}", failure.actual),
    ];
    lines.extend(
        failure
            .evidence
            .iter()
            .flat_map(|evidence| evidence.lines())
            .enumerate()
            .map(|(index, line)| format!("  {:<9}  {line}", if index == 0 { "Evidence" } else { "" })),
    );
    lines
}
