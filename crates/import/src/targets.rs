//! Drafts become targets in TOML.

mod request;
mod validation;

use std::collections::BTreeSet;
use std::time::Duration;

use toml_edit::{ArrayOfTables, DocumentMut, Item as TomlItem, Table, value};
use url::Url;

use self::request::Request;
use self::validation::{needs_network, refusal};
use crate::draft::{Draft, Drafts, LeftOut};
use crate::secrets::Secrets;
use crate::written::comment;

/// Most targets of the check.
const MAX_TARGETS: usize = 200;
/// Targets requested at a time, by default.
const CONCURRENCY: usize = 16;
/// Time of one attempt of the check with its default deadline.
const ATTEMPT: Duration = Duration::from_secs(12);
/// Deadline of a target that names none.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
/// Base URL in whose place the user's is written later.
const ANY_BASE: &str = "https://platform.example";
/// Longest id of a target without its number. **Units:** bytes.
const MAX_ID: usize = 58;

/// Imported targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Tables `[[check.availability.targets]]` with comments.
    pub toml: String,
    /// Number of targets.
    pub targets: usize,
    /// Number of comments on something that could not be carried over.
    pub left_out: usize,
}

/// Target that the check accepts.
struct Target {
    id: String,
    place: String,
    request: Request,
}

/// Writes all items as targets and comments.
pub(crate) fn write(drafts: Drafts, base_url: Option<&Url>) -> Imported {
    let mut secrets = Secrets::default();
    let mut ids = BTreeSet::new();
    let total = drafts.items.len() + drafts.more;
    let mut outcomes: Vec<Result<Target, LeftOut>> = Vec::new();
    let mut count = 0;
    for item in drafts.items {
        if count == MAX_TARGETS {
            break;
        }
        let target = item.and_then(|draft| target(draft, base_url, &mut secrets, &mut ids));
        count += usize::from(target.is_ok());
        outcomes.push(target);
    }
    let skipped = total - outcomes.len();
    let longest = longest_deadline(count);
    let mut body = String::new();
    let mut left_out = 0;
    let mut explained = BTreeSet::new();
    let has_references = outcomes.iter().flatten().any(|target| !target.request.variables.is_empty());
    for outcome in outcomes {
        body.push('\n');
        match outcome {
            Ok(target) => body.push_str(&written(target, longest, &secrets, &mut explained, &mut left_out)),
            Err(LeftOut { place, reason }) => {
                left_out += 1;
                body.push_str(&comment(secrets.redactor(), &format!("Not carried over: {place}: {reason}")));
            }
        }
    }
    if skipped > 0 {
        left_out += 1;
        let reason = format!("{skipped} more requests, since a check has at most {MAX_TARGETS} targets");
        body.push_str(&format!("\n# Not carried over: {reason}\n"));
    }
    Imported { toml: head(longest, has_references) + &body, targets: count, left_out }
}

/// Comments at the beginning.
fn head(longest: Duration, has_references: bool) -> String {
    let mut lines = vec!["# Targets of the check `availability`, for a settings file.".to_owned()];
    if has_references {
        lines.push(
            "# Secrets are references: `env:NAME` on one machine, `ssm:/just-driving/<environment>/availability/…` on AWS."
                .to_owned(),
        );
    }
    if longest < DEFAULT_DEADLINE {
        lines.push(
            "# So many targets fit into a run with these deadlines; a higher `concurrency` allows longer ones."
                .to_owned(),
        );
    }
    lines.join("\n") + "\n"
}

/// Longest deadline with which so many targets fit into one attempt.
fn longest_deadline(targets: usize) -> Duration {
    let rounds = u32::try_from(targets.div_ceil(CONCURRENCY)).unwrap_or(u32::MAX).max(1);
    let ms = u64::try_from((ATTEMPT / rounds).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(ms / 100 * 100)
}

fn target(
    draft: Draft,
    base_url: Option<&Url>,
    secrets: &mut Secrets,
    ids: &mut BTreeSet<String>,
) -> Result<Target, LeftOut> {
    let any = any_base();
    let base = base_url.or(any.as_ref());
    let place = draft.place.clone();
    let mut request = Request::new(draft, base_url, base, secrets)?;
    let id = free_id(&request, ids);
    let table = document(with_id(&id, &request));
    if let Some(reason) = refusal(&table, base) {
        return Err(LeftOut { place, reason });
    }
    if needs_network(&table, base) {
        request
            .notes
            .push("Its host is not on the public internet: add its network to `network.allow_addresses`.".to_owned());
    }
    ids.insert(id.clone());
    Ok(Target { id, place, request })
}

fn any_base() -> Option<Url> {
    Url::parse(ANY_BASE).ok()
}

fn with_id(id: &str, request: &Request) -> Table {
    let mut table = Table::new();
    table.insert("id", value(id));
    for (key, item) in &request.table {
        table.insert(key, item.clone());
    }
    table
}

/// The table as an item of the list of targets.
fn document(table: Table) -> String {
    let mut targets = ArrayOfTables::new();
    targets.push(table);
    let mut availability = Table::new();
    availability.set_implicit(true);
    availability.insert("targets", TomlItem::ArrayOfTables(targets));
    let mut check = Table::new();
    check.set_implicit(true);
    check.insert("availability", TomlItem::Table(availability));
    let mut document = DocumentMut::new();
    document.insert("check", TomlItem::Table(check));
    document.to_string().trim_start().to_owned()
}

fn written(
    target: Target,
    longest: Duration,
    secrets: &Secrets,
    explained: &mut BTreeSet<String>,
    left_out: &mut usize,
) -> String {
    let Target { id, place, request } = target;
    let mut table = with_id(&id, &request);
    let mut reasons = request.left_out;
    let wanted = request.deadline.unwrap_or(DEFAULT_DEADLINE);
    if wanted > longest && request.deadline.is_some() {
        reasons.push("the time limit of the request, since longer ones do not fit into a run".to_owned());
    }
    if wanted > longest || request.deadline.is_some() {
        table.insert("deadline", value(settings::written_duration(wanted.min(longest))));
    }
    *left_out += reasons.len();
    let mut lines: Vec<String> = request.notes;
    for (variable, meaning) in request.variables {
        if explained.insert(variable.clone()) {
            lines.push(format!("Set {variable} to {meaning} ({place})."));
        }
    }
    lines.extend(reasons.into_iter().map(|reason| format!("Not carried over: {reason}")));
    let comments: String = lines.iter().map(|line| comment(secrets.redactor(), line)).collect();
    comments + &document(table)
}

/// Id such as `get-api-bookings`, with a number if it is taken.
fn free_id(request: &Request, taken: &BTreeSet<String>) -> String {
    let mut id = request.method.to_ascii_lowercase();
    let is_part = |part: &&str| !part.is_empty();
    let path = request.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_part);
    let before = id.len();
    for part in path {
        if id.len() + 1 + part.len() > MAX_ID {
            break;
        }
        id.push('-');
        id.push_str(&part.to_ascii_lowercase());
    }
    if id.len() == before {
        id.push_str("-root");
    }
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    std::iter::once(id.clone()).chain(numbered).find(|id| !taken.contains(id)).unwrap_or(id)
}
