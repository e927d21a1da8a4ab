//! Validation of a target by the check's own settings.

use availability::Availability;
use runtime::Prepared;
use settings::{Document, Problem};
use toml_edit::{Array, DocumentMut, Item, Table, value};
use url::Url;

const FIRST_TARGET: &str = "check.availability.targets[0]";

/// Networks of private addresses, which the user's settings allow if they are meant.
const PRIVATE: [&str; 7] =
    ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];

/// Reason for which the check's settings refuse a target, wherever its host is.
pub(super) fn refusal(target: &str, base: Option<&Url>) -> Option<String> {
    let problems = problems(target, base, &PRIVATE)?;
    Some(problems.first().map_or_else(|| "the settings refuse it".to_owned(), reason))
}

/// True if the URL of a target needs a network that the settings allow.
pub(super) fn needs_network(target: &str, base: Option<&Url>) -> bool {
    let is_url = |problem: &Problem| problem.key.strip_prefix(FIRST_TARGET) == Some(".url");
    problems(target, base, &[]).unwrap_or_default().iter().any(is_url)
}

fn problems(target: &str, base: Option<&Url>, networks: &[&str]) -> Option<Vec<Problem>> {
    let text = common(base, networks) + target;
    match Document::parse("import", &text) {
        Ok(document) => Prepared::<Availability>::read(&document).err(),
        Err(problems) => Some(problems),
    }
}

fn reason(problem: &Problem) -> String {
    let key = problem.key.strip_prefix(FIRST_TARGET).unwrap_or(&problem.key).trim_start_matches('.');
    match key {
        "" => problem.rule.clone(),
        key => format!("`{key}`: {}", problem.rule),
    }
}

/// The settings that every check shares.
fn common(base: Option<&Url>, networks: &[&str]) -> String {
    let mut document = DocumentMut::new();
    document.insert("environment", value("import"));
    document.insert("base_url", value(base.map(Url::as_str).unwrap_or_default().trim_end_matches('/')));
    let mut contact = Table::new();
    contact.insert("name", value("team"));
    contact.insert("details", value("team"));
    document.insert("contact", Item::Table(contact));
    let mut links = Table::new();
    links.insert("runbook", value("https://runbooks.example/{check}"));
    document.insert("links", Item::Table(links));
    let mut network = Table::new();
    network.insert("allow_addresses", value(networks.iter().copied().collect::<Array>()));
    document.insert("network", Item::Table(network));
    document.to_string() + "\n"
}
