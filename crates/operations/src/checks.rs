//! All checks, and the reading of their settings.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use application::Application;
use availability::Availability;
use backend::Backend;
use booking::Booking;
use check::budget::Objective;
use check::incident::Need;
use integrations::Integrations;
use journeys::Journeys;
use login::Login;
use notifications::Notifications;
use payment_webhook::PaymentWebhook;
use queues::Queues;
use reconciliation::Reconciliation;
use runtime::{AnyCheck, Check, Prepared};
use serde_json::{Map, Value};
use settings::{Document, Problem, check_schema, listed, unknown};

/// Sentence on where all checks are listed, for errors.
pub(crate) const LIST: &str = "`synthetics run --help` lists all checks";
/// Most unknown checks that are named; the others are counted.
const MAX_UNKNOWN: usize = 100;

type Read = fn(&Document<'_>) -> Result<Box<dyn AnyCheck>, Vec<Problem>>;

/// Checks that a check needs, and those that need it.
#[derive(Clone, Copy, Debug)]
pub struct Dependencies {
    /// Id of the check.
    pub check: &'static str,
    /// Its needs.
    pub needs: &'static [Need],
    /// Ids of the checks that need it, with their need.
    pub needed_by: &'static [(&'static str, Need)],
}

/// A check, independent of its type.
struct Known {
    id: &'static str,
    creates: bool,
    has_cleanup: bool,
    is_deployed: bool,
    cadence: Duration,
    objective: Option<f64>,
    dependencies: Dependencies,
    read: Read,
    schema: fn() -> Value,
}

const fn known<C: Check>() -> Known {
    Known {
        id: C::ID,
        creates: C::COMPENSATES,
        has_cleanup: C::HAS_CLEANUP,
        is_deployed: C::IS_DEPLOYED,
        cadence: C::CADENCE,
        objective: C::OBJECTIVE,
        dependencies: Dependencies { check: C::ID, needs: C::NEEDS, needed_by: C::NEEDED_BY },
        read: read::<C>,
        schema: || check_schema::<C::Raw>(C::ID),
    }
}

/// All checks.
const ALL: &[Known] = &[
    known::<Availability>(),
    known::<Login>(),
    known::<Booking>(),
    known::<PaymentWebhook>(),
    known::<Notifications>(),
    known::<Queues>(),
    known::<Reconciliation>(),
    known::<Backend>(),
    known::<Application>(),
    known::<Integrations>(),
    known::<Journeys>(),
];

fn read<C: Check>(document: &Document<'_>) -> Result<Box<dyn AnyCheck>, Vec<Problem>> {
    Ok(Box::new(Prepared::<C>::read(document)?))
}

/// Resolves check ids; none means all.
///
/// # Errors
/// When an id is unknown.
pub fn ids(wanted: &[String]) -> anyhow::Result<Vec<&'static str>> {
    let known = || ALL.iter().map(|check| check.id);
    for id in wanted {
        if !known().any(|known| known == id) {
            bail!("{}", unknown("check", id, &known().collect::<Vec<_>>(), LIST));
        }
    }
    Ok(known().filter(|id| wanted.is_empty() || wanted.iter().any(|wanted| wanted == id)).collect())
}

/// Ids of the checks with a function in the templates.
pub fn deployed() -> Vec<&'static str> {
    ALL.iter().filter(|check| check.is_deployed).map(|check| check.id).collect()
}

/// Sentences about checks of a settings file that AWS would not run.
pub fn not_deployed(ids: &[&str]) -> Vec<String> {
    let missing = ALL.iter().filter(|check| !check.is_deployed && ids.contains(&check.id));
    let sentence =
        |id| format!("{id} runs on one machine only (`synthetics run`, `up`): the templates have no function for it");
    missing.map(|check| sentence(check.id)).collect()
}

/// Reports whether a check creates something on the platform.
pub fn creates(id: &str) -> bool {
    ALL.iter().any(|check| check.id == id && check.creates)
}

/// Reports whether `synthetics cleanup` can remove leftovers of a check.
pub fn has_cleanup(id: &str) -> bool {
    ALL.iter().any(|check| check.id == id && check.has_cleanup)
}

/// Objectives that apply without settings, by the id of their check.
pub fn default_objectives() -> BTreeMap<String, Objective> {
    let objective = |check: &Known| Some((check.id.to_owned(), Objective::new(check.objective?).ok()?));
    ALL.iter().filter_map(objective).collect()
}

/// Objectives by the id of their check: those of checks with settings, and the defaults of all others.
pub fn objectives<'c>(checks: impl IntoIterator<Item = &'c dyn AnyCheck>) -> BTreeMap<String, Objective> {
    let mut all = default_objectives();
    all.extend(checks.into_iter().filter_map(|check| Some((check.id().to_owned(), check.objective()?))));
    all
}

/// Dependencies of every check.
pub fn dependencies() -> Vec<Dependencies> {
    ALL.iter().map(|check| check.dependencies).collect()
}

/// Objectives of the checks, by id: those of a settings file, and the default of each check without one.
///
/// # Errors
/// When the file cannot be read, or is not valid.
pub fn configured_objectives(file: Option<&Path>) -> anyhow::Result<BTreeMap<String, Objective>> {
    let checks = file.map(|file| from_file(file, &[])).transpose()?.unwrap_or_default();
    Ok(objectives(checks.iter().map(|check| &**check)))
}

/// Time between two runs of a check, as its settings are checked with it; `None` for an unknown check.
pub fn cadence(id: &str) -> Option<Duration> {
    ALL.iter().find(|check| check.id == id).map(|check| check.cadence)
}

/// Reads the wanted checks of a settings file, or all that have settings.
///
/// # Errors
/// When the file is unreadable, or [`from_text`] fails.
pub fn from_file(file: &Path, wanted: &[String]) -> anyhow::Result<Vec<Box<dyn AnyCheck>>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    from_text(&file.display().to_string(), &text, wanted)
}

/// Reads the wanted checks of a settings text, or all that have settings; `name` is the text's name in errors. Every section
/// is read, so that a run reports what `settings check` would report.
///
/// # Errors
/// When a wanted check is unknown, or the settings have a problem. The error lists all problems.
pub fn from_text(name: &str, text: &str, wanted: &[String]) -> anyhow::Result<Vec<Box<dyn AnyCheck>>> {
    let known = ids(&[])?;
    ids(wanted)?;
    let document = Document::parse(name, text).map_err(|found| problems(&found, 0))?;
    let written = document.check_ids();
    let mut found: Vec<Problem> = Vec::new();
    let unknown_ids: Vec<&String> = written.iter().filter(|id| !known.contains(&id.as_str())).collect();
    let (unknown_ids, more) = unknown_ids.split_at(unknown_ids.len().min(MAX_UNKNOWN));
    found.extend(unknown_ids.iter().map(|id| document.unknown_check(id, &known)));
    if written.is_empty() {
        // The settings of all checks are read with those of one.
        let mut others = (ALL[0].read)(&document).err().unwrap_or_default();
        others.retain(|problem| !problem.key.starts_with("check."));
        let missing = format!("{name} has no check; add a section such as [check.{}]", known[0]);
        match others.is_empty() {
            true => bail!("{missing}"),
            false => bail!("{missing}\n{:#}", problems(&others, 0)),
        }
    }
    let mut checks = Vec::new();
    let mut seen = HashSet::new();
    let is_asked_for = |id: &str| written.iter().chain(wanted).any(|asked| asked == id);
    for Known { id, read, .. } in ALL.iter().filter(|check| is_asked_for(check.id)) {
        match read(&document) {
            Ok(check) => checks.push((*id, check)),
            // Problems of shared settings are found once per check.
            Err(problems) => {
                let new: Vec<Problem> = problems.into_iter().filter(|problem| !seen.contains(problem)).collect();
                seen.extend(new.iter().cloned());
                found.extend(new);
            }
        }
    }
    if !found.is_empty() {
        found.sort_by_key(|problem| problem.line);
        return Err(problems(&found, more.len()));
    }
    Ok(checks
        .into_iter()
        .filter(|(id, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == id))
        .map(|(_, check)| check)
        .collect())
}

/// Builds the JSON Schema of a settings file.
pub fn schema() -> Value {
    settings::schema(&platform::CONTRACT, schemas())
}

/// Builds the JSON Schema for the reference of the keys of a settings file.
pub(crate) fn reference_schema() -> Value {
    settings::reference_schema(&platform::CONTRACT, schemas())
}

fn schemas() -> Map<String, Value> {
    ALL.iter().map(|check| (check.id.to_owned(), (check.schema)())).collect()
}

fn problems(problems: &[Problem], more: usize) -> anyhow::Error {
    let count = problems.len() + more;
    let noun = if count == 1 { "problem" } else { "problems" };
    anyhow::anyhow!("{count} {noun} in the settings\n{}", listed(problems, more))
}
