//! What the public status page shows.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use check::{Subject, is_interpreted};

use crate::hosts::{check_length, check_requestable};
use crate::names::unknown;
use crate::section::Section;

/// Longest title or name. **Units:** characters.
const MAX_NAME: usize = 60;
/// Most services of a page, so that it stays small.
const MAX_SERVICES: usize = 30;

/// The public status page. It has the texts of the settings only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPage {
    /// Title.
    pub title: String,
    /// URL under which it is published, without `/` at its end.
    pub url: Option<String>,
    /// Groups, in their order.
    pub groups: Vec<ServiceGroup>,
}

/// Services under one heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGroup {
    /// Heading.
    pub name: String,
    /// Services, in their order.
    pub services: Vec<Service>,
}

/// A service as the public knows it. Its state is the worst of its scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Checks, or single subjects of them.
    pub scopes: Vec<(String, Option<Subject>)>,
}

/// The public status page. Nothing appears on it but these services.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawStatusPage {
    /// Title of the page, such as the name of the platform: at most 60 characters. Required.
    title: Option<String>,
    /// URL under which the page is published, for its feed: `http` or `https`. Default none.
    #[schemars(extend("x-type" = "URL"))]
    url: Option<String>,
    /// Groups of services, in the order of the page. Required.
    groups: Option<Vec<RawGroup>>,
}

/// Services under one heading.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawGroup {
    /// Heading of the group: at most 60 characters. Required.
    name: Option<String>,
    /// Services of the group, in the order of the page; at most 30 on the whole page. Required.
    services: Option<Vec<RawService>>,
}

/// A service as the public knows it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RawService {
    /// Public name of the service: at most 60 characters. Required.
    name: Option<String>,
    /// What the service consists of, each `CHECK` or `CHECK/SUBJECT`, with checks of this file. The worst of them counts. Required.
    checks: Option<Vec<String>>,
}

impl RawStatusPage {
    /// `checks` are the ids of the check sections in the file. A wrong page is left out; its problems are recorded.
    pub(crate) fn validate(self, section: &Section<'_>, checks: &[String]) -> Option<StatusPage> {
        let title = name(section, "title", self.title);
        let url = match self.url {
            None => Some(None),
            Some(url) => section.parsed("url", address(&url)).map(Some),
        };
        let groups = required_list(section, "groups", self.groups)?;
        let read = (0..).zip(groups).map(|(index, raw)| raw.validate(&section.item("groups", index), checks));
        // Each is read, so that all problems are found.
        let read: Vec<Option<ServiceGroup>> = read.collect();
        let groups: Vec<ServiceGroup> = read.into_iter().collect::<Option<_>>()?;
        different(section, "groups", groups.iter().map(|group| &group.name));
        let services = || groups.iter().flat_map(|group| &group.services);
        different(section, "groups", services().map(|service| &service.name));
        let found = services().count();
        if found > MAX_SERVICES {
            section.problem("groups", format!("expected at most {MAX_SERVICES} services in all groups, found {found}"));
        }
        Some(StatusPage { title: title?, url: url?, groups })
    }
}

impl RawGroup {
    fn validate(self, section: &Section<'_>, checks: &[String]) -> Option<ServiceGroup> {
        let name = name(section, "name", self.name);
        let services = required_list(section, "services", self.services)?;
        let read = (0..).zip(services).map(|(index, raw)| raw.validate(&section.item("services", index), checks));
        let read: Vec<Option<Service>> = read.collect();
        Some(ServiceGroup { name: name?, services: read.into_iter().collect::<Option<_>>()? })
    }
}

impl RawService {
    fn validate(self, section: &Section<'_>, checks: &[String]) -> Option<Service> {
        let name = name(section, "name", self.name);
        let wanted = required_list(section, "checks", self.checks)?;
        let known: Vec<&str> = checks.iter().map(String::as_str).collect();
        if let Some(twice) = repeated(wanted.iter()).first() {
            section.problem("checks", format!("expected each check once, found `{twice}` twice"));
        }
        let scope = |scope: &String| {
            let (check, subject) = match scope.split_once('/') {
                Some((check, subject)) => (check, Some(section.parsed("checks", Subject::new(subject))?)),
                None => (scope.as_str(), None),
            };
            if !known.contains(&check) {
                section.problem("checks", unknown("check", check, &known, ""));
                return None;
            }
            Some((check.to_owned(), subject))
        };
        let read: Vec<_> = wanted.iter().map(scope).collect();
        Some(Service { name: name?, scopes: read.into_iter().collect::<Option<_>>()? })
    }
}

/// Requires a text that fits a line.
fn name(section: &Section<'_>, key: &str, value: Option<String>) -> Option<String> {
    let text = section.text(key, value)?;
    if text.chars().any(is_interpreted) {
        section.problem(key, "expected a text without control, format or invisible characters");
        return None;
    }
    let found = text.chars().count();
    if found > MAX_NAME {
        section.problem(key, format!("expected at most {MAX_NAME} characters, found {found}"));
        return None;
    }
    Some(text.trim().to_owned())
}

/// Requires a list with at least one item.
fn required_list<T>(section: &Section<'_>, key: &str, value: Option<Vec<T>>) -> Option<Vec<T>> {
    let list = section.required(key, value)?;
    if list.is_empty() {
        section.problem(key, "expected at least one, found none");
        return None;
    }
    Some(list)
}

/// Records the names that occur twice.
fn different<'n>(section: &Section<'_>, key: &str, names: impl Iterator<Item = &'n String>) {
    for name in repeated(names) {
        section.problem(key, format!("expected a different name for each, found `{name}` twice"));
    }
}

fn repeated<'n>(names: impl Iterator<Item = &'n String>) -> BTreeSet<&'n String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}

/// Reads the URL of the page. No request goes there.
fn address(text: &str) -> Result<String, String> {
    check_length("URL", text)?;
    let url = Url::parse(text).map_err(|error| format!("expected a URL, found `{text}`: {error}"))?;
    check_requestable(&url).map_err(|rule| format!("expected a URL {rule}, found `{text}`"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("expected the URL of a folder, without user, password, query and fragment (not shown)".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
