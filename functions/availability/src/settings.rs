//! Settings of the check: the raw form and its validation.

use std::collections::BTreeSet;
use std::time::Duration;

use check::Subject;
use probe::Maintenance;
use requests::{Expectation, Labels, Pool, RequestSpec, Source, WrittenUrl, with_request_keys};
use schemars::JsonSchema;
use serde::Deserialize;
use settings::{Common, RawDuration, Section};
use url::Url;

/// Longest deadline of a target.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
const DEFAULT_CONCURRENCY: usize = 16;
/// Most targets, limited by the state item and the time of one run.
const MAX_TARGETS: usize = 200;

/// Check of pages and endpoints. Each is a subject.
pub struct Availability {
    /// Pages and endpoints to request.
    pub targets: Vec<Target>,
    /// Most targets checked at the same time.
    pub concurrency: usize,
    /// Signs of the platform's maintenance mode.
    pub maintenance: Maintenance,
    /// True if targets with a method that may change something are left out.
    pub skips_changes: bool,
}

/// Subject of the target with this id.
pub(crate) fn subject(id: &str) -> Result<Subject, String> {
    let subject = Subject::new(id).map_err(|error| error.to_string())?;
    if subject.is_whole() {
        Err("expected a name, found `-`, which stands for a whole check".to_owned())
    } else {
        Ok(subject)
    }
}

/// Page or endpoint to request.
#[derive(Clone, Debug)]
pub struct Target {
    /// Subject of incidents.
    pub subject: Subject,
    /// Request to send.
    pub request: RequestSpec,
    /// Expectations of the answer.
    pub expect: Expectation,
    /// Tags and group.
    pub labels: Labels,
}

/// Settings of the check `availability`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAvailability {
    /// Number of targets requested at a time: 1 to 64. Default 16.
    concurrency: Option<usize>,
    /// Pages and endpoints to request, each written `[[check.availability.targets]]`: 1 to 200. Required.
    targets: Vec<RawTarget>,
}

with_request_keys! {
    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct RawTarget {
        /// Id of the target and subject of its incidents: 1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`; not `-` alone; unique.
        /// A renamed target is a new subject: rename it while no incident is open. Required.
        id: Option<String>,
        /// Path to request, joined to `base_url`; begins with one `/`. Required without `url`.
        path: Option<String>,
        /// URL to request, for a target on another host: `http` or `https`, without user and password. Required without
        /// `path`.
        #[schemars(extend("x-type" = "URL"))]
        url: Option<String>,
        /// Longest time that the exchange may take, with name resolution, connection, redirects and the whole body: 100ms
        /// to 1m. Default 10s.
        deadline: Option<RawDuration>,
        /// Names by which `synthetics run --tag TAG` selects targets: at most 10, each of 1 to 40 characters. Default none.
        tags: Vec<String>,
        /// Name of the group of the target: 1 to 40 characters. Default none.
        group: Option<String>,
    }
}

impl RawAvailability {
    /// Validates the section. Returns `None` after reporting all problems to `section`.
    pub(crate) fn validate(self, section: &Section<'_>, common: &Common) -> Option<Availability> {
        let concurrency = section.number("concurrency", self.concurrency, DEFAULT_CONCURRENCY, 1..=64);
        let count = self.targets.len();
        if count == 0 || count > MAX_TARGETS {
            section.problem("targets", format!("expected 1 to {MAX_TARGETS} targets, found {count}"));
        }
        let pool = Pool::default();
        let mut ids = BTreeSet::new();
        for (index, id) in self.targets.iter().enumerate().filter_map(|(index, raw)| Some((index, raw.id.as_ref()?))) {
            if !ids.insert(id.clone()) {
                section.item("targets", index).problem("id", format!("expected a unique id, found `{id}` again"));
            }
        }
        let targets: Vec<Option<Target>> = self
            .targets
            .into_iter()
            .enumerate()
            .map(|(index, raw)| raw.validate(&section.item("targets", index), common, &pool))
            .collect();
        let targets: Option<Vec<Target>> = targets.into_iter().collect();
        Some(Availability {
            targets: targets?,
            concurrency: concurrency?,
            maintenance: common.maintenance.clone(),
            skips_changes: false,
        })
    }
}

impl RawTarget {
    fn validate(mut self, section: &Section<'_>, common: &Common, pool: &Pool) -> Option<Target> {
        let request = self.take_request();
        let id = section.required("id", self.id);
        let subject = id.and_then(|id| section.parsed("id", subject(&id)));
        let url = url(section, self.path, self.url, &common.base_url);
        let labels = Labels::read(section, self.tags, self.group);
        let source = Source {
            common,
            check: <Availability as runtime::Check>::ID,
            max_deadline: MAX_DEADLINE,
            statuses: None,
            pool,
        };
        let (request, expect) = request.validate(url, section, &source)?;
        Some(Target { subject: subject?, request, expect, labels: labels? })
    }
}

/// Reads the URL from a path below the base URL, or from a complete URL.
fn url(section: &Section<'_>, path: Option<String>, url: Option<String>, base: &Url) -> Option<Url> {
    match WrittenUrl::read(section, path, url)? {
        WrittenUrl::Path(path) => section.path_below("path", &path, base),
        WrittenUrl::Url(url) => section.url("url", Some(url)),
    }
}
