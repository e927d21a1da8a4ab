//! The Atom feed: an entry for each incident.

use askama::Template;

use super::page::{headline, length};
use super::summary::{Incident, Summary};
use super::times::iso;

/// Most incidents of the feed.
const MAX_ENTRIES: usize = 50;

#[derive(Template)]
#[template(path = "feed.xml")]
struct Feed<'a> {
    title: &'a str,
    subtitle: String,
    id: String,
    url: Option<&'a str>,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    summary: String,
    published: String,
    updated: String,
}

/// Renders the feed.
pub(super) fn feed(summary: &Summary) -> String {
    let id = summary.url.clone().unwrap_or_else(|| format!("urn:synthetics-status:{}", escaped(&summary.title)));
    let changed = summary.incidents.iter().map(|incident| incident.to.unwrap_or(incident.from)).max();
    let entry = |incident: &Incident| Entry {
        id: format!("{id}#{}-{}", escaped(&incident.service), incident.from.as_second()),
        title: match incident.to {
            None => format!("{}: {}", incident.service, incident.state.word()),
            Some(_) => format!("{}: recovered ({})", incident.service, incident.state.word()),
        },
        summary: match incident.to {
            None => format!("Since {}.", words(incident.from)),
            Some(to) => {
                format!("From {} to {}, {}.", words(incident.from), words(to), length(incident.from, to))
            }
        },
        published: iso(incident.from),
        updated: iso(incident.to.unwrap_or(incident.from)),
    };
    let feed = Feed {
        title: &summary.title,
        subtitle: headline(summary),
        url: summary.url.as_deref(),
        updated: iso(changed.unwrap_or(summary.now)),
        entries: summary.incidents.iter().take(MAX_ENTRIES).map(entry).collect(),
        id,
    };
    feed.render().unwrap_or_default()
}

fn words(at: jiff::Timestamp) -> String {
    at.strftime("%-d %b %Y, %H:%M UTC").to_string()
}

/// Escapes a name for an IRI: bytes other than letters, digits, `-`, `.` and `_`.
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() || b"-._".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    name.bytes().map(escape).collect()
}
