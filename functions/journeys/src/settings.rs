//! Settings of the check: the raw form and its validation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use check::Subject;
use http::HeaderName;
use platform::Site;
use requests::{Labels, Place, Pool, RawRequest, Source, WrittenUrl, with_request_keys};
use runtime::Check;
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, RawReference, SecretRef, Section, is_credential_header, optional};
use url::Url;

use crate::capture::{Capture, RawCapture};
use crate::flow::{Flow, FlowStep, Repeat};
use crate::parts::{Part, check_name, names, parts, sample};
use crate::scope::Scope;
use crate::template::UrlTemplate;
use crate::values::{self, RawValue};

/// Most journeys, limited by the time of one run.
const MAX_FLOWS: usize = 50;
/// Most steps of a journey.
const MAX_STEPS: usize = 30;
/// Longest name of a step. **Units:** characters.
const MAX_NAME: usize = 40;
/// Highest `every`: at the default cadence, a journey runs at least twice a day.
const MAX_EVERY: u64 = 144;
const SECOND: Duration = Duration::from_secs(1);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
const MAX_DEADLINE: Duration = Duration::from_secs(40);
/// Longest deadline of a step that cleans up: the engine gives a compensation no more time.
const MAX_CLEANUP_DEADLINE: Duration = Duration::from_secs(3);

/// Check of journeys. Each is a subject.
pub struct Journeys {
    /// Journeys, which run at the same time.
    pub flows: Vec<Arc<Flow>>,
    /// The platform.
    pub site: Site,
}

/// Settings of the check `journeys`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawJourneys {
    /// Journeys, each written `[[check.journeys.flows]]`: 1 to 50. Required.
    flows: Vec<RawFlow>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawFlow {
    /// Id of the journey and subject of its incidents: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`; not `-` alone; unique.
    /// Required.
    id: Option<String>,
    /// Longest time for all steps that do not clean up: 1s to 40s. Default 10s.
    deadline: Option<RawDuration>,
    /// Number of runs, of which one runs the journey: 1 to 144. A journey that failed runs in each run until it passes.
    /// Default 1.
    every: Option<u64>,
    /// True if the journey changes data. It is not repeated within a run, so that its failures are confirmed by the next
    /// run. Default false.
    creates: Option<bool>,
    /// Names by which `synthetics run --tag TAG` selects journeys: at most 10, each of 1 to 40 characters. Default none.
    tags: Vec<String>,
    /// Name of the group of the journey: 1 to 40 characters. Default none.
    group: Option<String>,
    /// Values for the texts of its steps, by name: a text, which may hold other values, a whole number, or a time.
    /// `run_id`, the id of the run, and `uuid`, a random one, are always there. Default none.
    values: BTreeMap<String, RawValue>,
    /// Secret values by name, each with a reference. They are masked in all output. Default none.
    secrets: BTreeMap<String, RawReference>,
    /// Steps in order, each written `[[check.journeys.flows.steps]]`: 1 to 30. Required.
    steps: Vec<RawStep>,
}

with_request_keys! {
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct RawStep {
        /// Name in messages: 1 to 40 characters; unique within the journey. Required.
        name: Option<String>,
        /// Path to request, joined to `base_url`; begins with one `/`. It may hold `{name}` as part of a segment or of the
        /// query. Required without `url`.
        path: Option<String>,
        /// URL to request, for another host: `http` or `https`, without user and password. Its path and its query may hold
        /// `{name}`. Required without `path`.
        #[schemars(extend("x-type" = "URL"))]
        url: Option<String>,
        /// Longest time that the exchange may take: 100ms to the journey's `deadline`, and at most 3s with `always`.
        /// Default: 10s, or the longest that is allowed.
        deadline: Option<RawDuration>,
        /// Values to take from the answer, by name. Default none.
        capture: BTreeMap<String, RawCapture>,
        /// True for a step that cleans up. It runs after a failure, a timeout and an interrupt as well, if an earlier step
        /// with POST, PUT, PATCH or DELETE was sent. Default false.
        always: Option<bool>,
        /// Repeats the request until its answer is as expected. Default: sent once.
        repeat_until: Option<RawRepeat>,
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawRepeat {
    /// Time between an answer and the next request: 100ms to 10s. Default 500ms.
    every: Option<RawDuration>,
    /// Time within which the answer has to be as expected: 100ms to the journey's `deadline`. Required.
    within: Option<RawDuration>,
}

/// Facts about the journey around a step.
struct Around<'a> {
    common: &'a Common,
    pool: &'a Pool,
    scope: &'a Scope,
    /// Deadline of the journey.
    deadline: Duration,
    /// True if an earlier step may create something.
    has_creating: bool,
}

impl RawJourneys {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Journeys> {
        let count = self.flows.len();
        if count == 0 || count > MAX_FLOWS {
            section.problem("flows", format!("expected 1 to {MAX_FLOWS} journeys, found {count}"));
        }
        let ids = self.flows.iter().map(|raw| raw.id.as_ref());
        report_again(section, "flows", "id", ids);
        let pool = Pool::default();
        let flows = self.flows.into_iter().enumerate();
        let flows: Vec<Option<Flow>> =
            flows.map(|(index, raw)| raw.validate(&section.item("flows", index), common, &pool)).collect();
        let site = Site::read(section, common, DEFAULT_DEADLINE);
        let flows: Option<Vec<Flow>> = flows.into_iter().collect();
        Some(Journeys { flows: flows?.into_iter().map(Arc::new).collect(), site: site? })
    }
}

/// Reports texts of list items that are there twice.
fn report_again<'t>(section: &Section<'_>, list: &str, key: &str, texts: impl Iterator<Item = Option<&'t String>>) {
    let mut known = BTreeSet::new();
    for (index, text) in texts.enumerate().filter_map(|(index, text)| Some((index, text?))) {
        if !known.insert(text) {
            section.item(list, index).problem(key, format!("expected a unique {key}, found `{text}` again"));
        }
    }
}

impl RawFlow {
    fn validate(self, section: &Section<'_>, common: &Common, pool: &Pool) -> Option<Flow> {
        let id = section.required("id", self.id);
        let subject = id.and_then(|id| section.parsed("id", subject(&id)));
        let deadline = section.duration("deadline", self.deadline, DEFAULT_DEADLINE, SECOND..=MAX_DEADLINE);
        let every = section.number("every", self.every, 1, 1..=MAX_EVERY);
        let creates = section.or_default("creates", self.creates, false);
        let labels = Labels::read(section, self.tags, self.group);
        let mut scope =
            Scope::new(section, &self.values, &self.secrets, &self.steps.iter().map(captured).collect::<Vec<_>>());
        let values = values::read(&section.table("values"), self.values, common);
        let secrets = read_secrets(&section.table("secrets"), self.secrets, common);
        let count = self.steps.len();
        if count == 0 || count > MAX_STEPS {
            section.problem("steps", format!("expected 1 to {MAX_STEPS} steps, found {count}"));
        }
        if count > 0 && self.steps.iter().all(|step| step.always == Some(true)) {
            section.problem("steps", "expected a step without `always`, found none");
        }
        report_again(section, "steps", "name", self.steps.iter().map(|raw| raw.name.as_ref()));
        let mut has_creating = false;
        let mut waits = Duration::ZERO;
        let mut steps = Vec::new();
        for (index, raw) in self.steps.into_iter().enumerate() {
            scope.begin(index);
            let around =
                Around { common, pool, scope: &scope, deadline: deadline.unwrap_or(MAX_DEADLINE), has_creating };
            let creates = raw.creates();
            let step = raw.validate(&section.item("steps", index), &around);
            has_creating |= creates;
            waits += step.as_ref().and_then(|step| step.repeat).map(|repeat| repeat.within).unwrap_or_default();
            steps.push(step);
        }
        if let Some(deadline) = deadline.filter(|deadline| waits > *deadline) {
            let (waits, deadline) = (settings::written_duration(waits), settings::written_duration(deadline));
            let rule = format!("expected at least {waits}, for `repeat_until` of all steps, found {deadline}");
            section.problem("deadline", rule);
        }
        Some(Flow {
            subject: subject?,
            deadline: deadline?,
            every: every?,
            creates,
            labels: labels?,
            values: values?,
            secrets: secrets?,
            steps: steps.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// Names of the values that a step takes from its answer.
fn captured(raw: &RawStep) -> Vec<String> {
    raw.capture.keys().cloned().collect()
}

fn read_secrets(
    section: &Section<'_>,
    raw: BTreeMap<String, RawReference>,
    common: &Common,
) -> Option<BTreeMap<String, SecretRef>> {
    let read = raw.into_iter().map(|(name, reference)| {
        let is_named = section.parsed(&name, check_name(&name));
        let secret = section.secret(&name, Some(reference), &common.environment, Journeys::ID);
        is_named.and(secret).map(|secret| (name, secret))
    });
    let read: Vec<Option<(String, SecretRef)>> = read.collect();
    read.into_iter().collect()
}

fn subject(id: &str) -> Result<Subject, String> {
    let subject = Subject::new(id).map_err(|error| error.to_string())?;
    if subject.is_whole() {
        return Err("expected a name, found `-`, which stands for a whole check".to_owned());
    }
    Ok(subject)
}

fn step_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
        let rule = format!("expected a name of 1 to {MAX_NAME} characters, without spaces at its edges");
        return Err(format!("{rule}, found `{name}`"));
    }
    Ok(())
}

impl RawStep {
    /// True for a step that may create something to clean up.
    fn creates(&self) -> bool {
        let method: http::Method = self.method.unwrap_or(requests::RawMethod::Get).into();
        self.always != Some(true) && !method.is_safe()
    }

    fn validate(mut self, section: &Section<'_>, around: &Around<'_>) -> Option<FlowStep> {
        let mut request = self.take_request();
        let name = section.required("name", self.name);
        let name = name.and_then(|name| section.parsed("name", step_name(&name)).map(|()| name));
        let is_always = section.or_default("always", self.always, false);
        if is_always && !around.has_creating {
            let rule =
                "expected an earlier step that may create something, with POST, PUT, PATCH or DELETE, found none";
            section.problem("always", rule);
        }
        let mut uses = BTreeSet::new();
        let base = &around.common.base_url;
        let url = read_url(section, around.scope, self.path, self.url, base, &mut uses);
        request.visit_texts(section, &mut |section, key, place, text| {
            around.scope.visit(section, key, place, text, &mut uses);
        });
        let credentials = take_credentials(section, &mut request);
        let captures = read_captures(section, around.scope, self.capture);
        if self.repeat_until.is_some() {
            let method: http::Method = request.method.unwrap_or(requests::RawMethod::Get).into();
            if !method.is_idempotent() {
                section.problem("repeat_until", format!("expected a method that can be repeated, found {method}"));
            }
            if is_always {
                section.problem("repeat_until", "expected none with `always`: cleanup is not repeated within a run");
            }
        }
        let repeat = optional(self.repeat_until, |raw| raw.validate(&section.table("repeat_until"), around.deadline));
        let is_own = url.as_ref().is_some_and(|(url, _)| url.origin() == base.origin());
        for name in request.headers.keys().filter(|name| is_own && is_of_session(name)) {
            section.table("headers").problem(name, "expected none: a journey sends its own to the platform");
        }
        let max_deadline = if is_always { MAX_CLEANUP_DEADLINE } else { around.deadline };
        let (common, pool) = (around.common, around.pool);
        let source = Source { common, check: Journeys::ID, max_deadline, statuses: None, pool };
        let sample = url.as_ref().map(|(url, _)| url.clone());
        let (request, expect) = request.validate(sample, section, &source)?;
        if is_always && expect.assets {
            section.table("expect").problem("assets", "expected none with `always`");
        }
        Some(FlowStep {
            name: name?,
            url: url?.1,
            request,
            credentials: credentials?,
            expect,
            captures: captures?,
            repeat: repeat?,
            is_always,
            uses,
        })
    }
}

/// True for a header by which the platform recognises its own pages.
fn is_of_session(name: &str) -> bool {
    ["origin", "referer"].iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Reads the URL. Returns it with samples instead of values, and the template.
fn read_url(
    section: &Section<'_>,
    scope: &Scope,
    path: Option<String>,
    url: Option<String>,
    base: &Url,
    uses: &mut BTreeSet<String>,
) -> Option<(Url, UrlTemplate)> {
    match WrittenUrl::read(section, path, url)? {
        WrittenUrl::Path(path) => {
            scope.visit(section, "path", Place::Query, &path, uses);
            let sampled = section.parsed("path", sample(&path))?;
            let url = section.path_below("path", &sampled, base)?;
            Some((url, UrlTemplate::new(base.clone(), &path)))
        }
        WrittenUrl::Url(written) => {
            let start = written.find("://").map_or(0, |at| at + 3);
            let end = written[start..].find(['/', '?']).map_or(written.len(), |at| start + at);
            let (host, path) = written.split_at(end);
            if host.contains('{') {
                section.problem("url", format!("expected a host without a value in braces, found `{written}`"));
                return None;
            }
            scope.visit(section, "url", Place::Query, path, uses);
            let sampled = section.parsed("url", sample(path))?;
            let url = section.url("url", Some(format!("{host}{sampled}")))?;
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            Some((url.clone(), UrlTemplate::new(url, &path)))
        }
    }
}

/// Takes out headers with credentials in values, which need no reference: `authorization = "Bearer {token}"`.
fn take_credentials(section: &Section<'_>, request: &mut RawRequest) -> Option<Vec<(HeaderName, String)>> {
    let has_value = |text: &str| names(text).next().is_some();
    let is_taken = |name: &String, text: &mut String| is_credential_header(name) && has_value(text);
    let taken: Vec<(String, String)> = request.headers.extract_if(.., is_taken).collect();
    let read = taken.into_iter().map(|(name, text)| {
        let section = section.table("headers");
        if name.eq_ignore_ascii_case("cookie") {
            section.problem(&name, "expected none: a journey sends the cookies of its answers");
            return None;
        }
        let is_literal = |part: &Part<'_>| matches!(part, Part::Text(text) if text.trim().split(' ').count() > 1);
        if parts(&text).unwrap_or_default().iter().any(is_literal) {
            section.problem(&name, "expected a scheme and one value such as `Bearer {token}` (not shown)");
            return None;
        }
        let header = HeaderName::try_from(&name).map_err(|_| format!("expected the name of a header, found `{name}`"));
        section.parsed(&name, header).map(|header| (header, text))
    });
    let read: Vec<Option<(HeaderName, String)>> = read.collect();
    read.into_iter().collect()
}

fn read_captures(section: &Section<'_>, scope: &Scope, raw: BTreeMap<String, RawCapture>) -> Option<Vec<Capture>> {
    let section = section.table("capture");
    let read = raw.into_iter().map(|(name, raw)| {
        let section = section.table(&name);
        section.parsed("", check_name(&name))?;
        for (key, text) in raw.expressions() {
            scope.visit(&section, key, Place::Expression, text, &mut BTreeSet::new());
        }
        raw.validate(&section, &name)
    });
    let read: Vec<Option<Capture>> = read.collect();
    read.into_iter().collect()
}

impl RawRepeat {
    fn validate(self, section: &Section<'_>, deadline: Duration) -> Option<Repeat> {
        let shortest = SECOND / 10;
        let every = section.duration("every", self.every, SECOND / 2, shortest..=SECOND * 10);
        let within = section.required("within", self.within);
        let within = within.and_then(|within| section.duration("within", Some(within), deadline, shortest..=deadline));
        Some(Repeat { every: every?, within: within? })
    }
}
