//! Results of the health endpoint. Their names and texts are foreign, so any content is accepted.

use std::collections::{BTreeMap, BTreeSet};

use check::{FailureKind, Mismatch, Phrase, Piece, Subject, foreign, ours, phrase};
use platform::Health as Names;
use probe::expect::number;
use serde_json::Value;

/// Most results to judge, equal to the most subjects in the state.
pub(crate) const MAX_RESULTS: usize = 200;
/// Longest name, label or message in a report. **Units:** characters.
pub(crate) const MAX_TEXT: usize = 160;
/// Longest subject that leaves room for a number suffix. **Units:** characters.
const MAX_STEM: usize = Subject::MAX_LENGTH - 4;

/// Result of one of the platform's health checks.
pub(crate) struct Entry {
    /// Name on the platform.
    pub(crate) name: String,
    /// Display name.
    pub(crate) label: String,
    /// `ok`, `warning`, `failed`, `crashed`, `skipped`, or any other text.
    status: String,
    message: String,
    summary: String,
    meta: Value,
}

/// Judgment of a result by its status.
pub(crate) enum Verdict {
    /// Healthy.
    Healthy,
    /// Healthy, with a remark for the report.
    HealthyWithRemark(Phrase),
    /// Unhealthy.
    Unhealthy(Mismatch),
}

/// Reads the results from a list, or from an object keyed by number or name. `None`: another type, or empty.
pub(crate) fn entries(results: &Value) -> Option<Vec<Entry>> {
    let entries: Vec<Entry> = match results {
        Value::Array(list) => list.iter().map(Entry::from_value).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| Entry::from_value(value).named(key)).collect(),
        _ => return None,
    };
    (!entries.is_empty()).then_some(entries)
}

impl Entry {
    fn from_value(value: &Value) -> Self {
        let text = |member: &str| match value.get(member) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Null) | None => String::new(),
            // Not a text, but there: it is shown, and no status.
            Some(other) => other.to_string(),
        };
        Self {
            name: text("name"),
            label: text("label"),
            status: text("status"),
            message: text("notificationMessage"),
            summary: text("shortSummary"),
            meta: value.get("meta").cloned().unwrap_or_default(),
        }
    }

    /// Takes the key of the result as its name if it has none. A number is no name.
    fn named(self, key: &str) -> Self {
        if self.name.is_empty() && key.parse::<u64>().is_err() {
            Self { name: key.trim().to_owned(), ..self }
        } else {
            self
        }
    }

    /// Judges the status. Unknown statuses count as unhealthy.
    pub(crate) fn verdict(&self) -> Verdict {
        let message = [&self.message, &self.summary].into_iter().find(|text| !text.is_empty());
        let message = message.map(|text| phrase!(": {}", shown(text))).unwrap_or_default();
        match self.status.to_ascii_lowercase().as_str() {
            "ok" => Verdict::Healthy,
            "warning" => Verdict::HealthyWithRemark(phrase!("the platform warns{}", message)),
            "skipped" => Verdict::HealthyWithRemark(phrase!("the platform skipped it{}", message)),
            status => {
                let actual = match status {
                    "" => Phrase::from("no status"),
                    _ => phrase!("{}{}", shown(&self.status), message),
                };
                let both = !self.message.is_empty() && !self.summary.is_empty() && self.message != self.summary;
                let name = if self.name.is_empty() { Phrase::from("a result") } else { shown(&self.name).into() };
                Verdict::Unhealthy(Mismatch {
                    evidence: both.then(|| phrase!("{}: {}", shown(&self.label), shown(&self.summary))),
                    ..Mismatch::new(FailureKind::Assertion, phrase!("{} to be ok", name), actual)
                })
            }
        }
    }

    /// Number in `meta`, written as a number or as text with an optional `%`. `None` where there is no value.
    ///
    /// # Errors
    /// A text with the value that cannot be read.
    pub(crate) fn number(&self, pointer: &str) -> Result<Option<f64>, Phrase> {
        let Some(value) = self.meta.pointer(pointer).filter(|value| !value.is_null()) else { return Ok(None) };
        let read = match value {
            Value::String(text) => number(&Value::from(text.trim().trim_end_matches('%'))),
            value => number(value),
        };
        let unreadable = || {
            let (name, pointer, value) = (shown(&self.name), ours(pointer), value.to_string());
            phrase!("{}: expected a number at meta{}, found {}", name, pointer, shown(&value))
        };
        read.map(Some).ok_or_else(unreadable)
    }

    /// Detail that distinguishes several results of one name: the mount point of a disk, or the label.
    pub(crate) fn qualifier(&self, names: &Names) -> String {
        let mount =
            self.meta.pointer(names.disk_mount.as_str()).and_then(Value::as_str).map(|mount| mount.trim().to_owned());
        let mount = mount.filter(|mount| !mount.is_empty() && self.name.starts_with(names.disk_name.as_str()));
        mount.unwrap_or_else(|| self.label.clone())
    }
}

/// Assigns a distinct subject to each result: its name, followed by its qualifier if the name is used twice. Returns at most
/// [`MAX_RESULTS`] results and prefers unhealthy ones. `taken` holds the subjects in use.
///
/// `subject` converts a name.
pub(crate) fn with_subjects(
    entries: Vec<Entry>,
    names: &Names,
    mut taken: BTreeSet<Subject>,
    subject: &dyn Fn(&str) -> Subject,
) -> Vec<(Subject, Entry)> {
    let mut count: BTreeMap<Subject, usize> = BTreeMap::new();
    for entry in &entries {
        *count.entry(subject(&entry.name)).or_default() += 1;
    }
    let (mut kept, healthy): (Vec<_>, Vec<_>) =
        entries.into_iter().enumerate().partition(|(_, entry)| matches!(entry.verdict(), Verdict::Unhealthy(_)));
    kept.extend(healthy);
    kept.truncate(MAX_RESULTS);
    // Back in the original order, so that number suffixes do not change with a status.
    kept.sort_by_key(|(place, _)| *place);
    let mut named = Vec::new();
    for (_, entry) in kept {
        let mut first = subject(&entry.name);
        if count.get(&first).is_some_and(|count| *count > 1) || taken.contains(&first) {
            first = subject(&format!("{} {}", entry.name, entry.qualifier(names)));
        }
        let stem: String = first.as_str().chars().take(MAX_STEM).collect();
        let numbered = (2..).map(|number| subject(&format!("{stem} {number}")));
        let mut candidates = std::iter::once(first).chain(numbered);
        if let Some(free) = candidates.find(|candidate| !taken.contains(candidate)) {
            taken.insert(free.clone());
            named.push((free, entry));
        }
    }
    named
}

/// Largest number among the results of one name.
pub(crate) fn worst(entries: &[Entry], name: &str, read: impl Fn(&Entry) -> Option<f64>) -> Option<f64> {
    entries.iter().filter(|entry| entry.name == name).filter_map(read).max_by(f64::total_cmp)
}

fn shown(text: &str) -> Piece {
    foreign(text).at_most(MAX_TEXT)
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    fn subjects(results: &Value) -> Vec<String> {
        let taken = BTreeSet::from([Subject::own("health"), Subject::own("counters")]);
        let subject = |name: &str| Subject::foreign(name, &NoSecrets);
        let named = with_subjects(entries(results).unwrap(), &Names::default(), taken, &subject);
        named.into_iter().map(|(subject, _)| subject.to_string()).collect()
    }

    #[test]
    fn results_come_as_a_list_or_keyed_by_number() {
        let one = json!({ "name": "Redis", "status": "ok", "meta": [] });
        assert_eq!(subjects(&json!([one])), ["redis"]);
        assert_eq!(subjects(&json!({ "0": one, "3": { "name": "Cache", "status": "ok" } })), ["redis", "cache"]);
        let unnamed = json!({ "status": "ok" });
        assert_eq!(subjects(&json!({ "Redis": unnamed, "5": unnamed })), ["unnamed", "redis"]);
        for none in [json!([]), json!({}), json!("ok"), Value::Null] {
            assert!(entries(&none).is_none(), "{none}");
        }
    }

    #[test]
    fn equal_names_are_distinguished_by_mount_label_or_number() {
        let disk = |mount: &str| json!({ "name": "UsedDiskSpace", "label": "Disk", "meta": { "filesystem": mount } });
        assert_eq!(subjects(&json!([disk("/"), disk("/var")])), ["used-disk-space", "used-disk-space-var"]);
        let queue = |label: &str| json!({ "name": "Queue", "label": label, "status": "ok", "meta": [] });
        assert_eq!(subjects(&json!([queue("mails"), queue("bills")])), ["queue-mails", "queue-bills"]);
        assert_eq!(subjects(&json!([queue(""), queue(""), queue("")])), ["queue", "queue-2", "queue-3"]);
    }

    #[test]
    fn worst_of_one_name_counts() {
        let load = |name: &str, load: f64| json!({ "name": name, "meta": { "load": load } });
        let results = json!([load("Cpu", 0.5), load("Cpu", 3.0), load("Cpu", 1.0), load("Other", 9.0)]);
        let entries = entries(&results).unwrap();
        let read = |entry: &Entry| entry.number("/load").ok().flatten();
        assert_eq!(worst(&entries, "Cpu", read), Some(3.0));
        assert_eq!(worst(&entries, "Memory", read), None);
    }

    #[test]
    fn results_do_not_take_subjects_in_use() {
        assert_eq!(
            subjects(&json!([{ "name": "Health" }, { "name": "counters", "label": "" }])),
            ["health-2", "counters-2"]
        );
    }

    #[test]
    fn hostile_names_become_a_bounded_set_of_subjects() {
        let hostile = json!([17, null, {}, { "name": "æ".repeat(500) }, { "name": "\u{0}\n<script>" }, { "name": 4 }]);
        assert_eq!(subjects(&hostile), ["unnamed", "unnamed-2", "unnamed-3", "unnamed-4", "script", "4"]);
        let mut many = vec![json!({ "name": "x".repeat(100), "status": "ok" }); 1_000];
        many.push(json!({ "name": "Last", "status": "failed" }));
        let named = subjects(&Value::Array(many));
        assert_eq!(named.len(), MAX_RESULTS);
        assert!(named.contains(&"last".to_owned()), "unhealthy results are judged first");
        assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), MAX_RESULTS);
    }

    #[test]
    fn each_status_leads_to_a_verdict() {
        for (status, expected) in [
            ("ok", "healthy"),
            ("OK", "healthy"),
            ("warning", "healthy, but the platform warns: Disk is almost full"),
            ("skipped", "healthy, but the platform skipped it: Disk is almost full"),
            ("failed", "failed: Disk is almost full, 91%"),
            ("crashed", "crashed: Disk is almost full, 91%"),
            ("fine", "fine: Disk is almost full, 91%"),
            ("", "no status, 91%"),
        ] {
            let entry = Entry::from_value(&json!({
                "name": "UsedDiskSpace", "label": "Disk", "status": status,
                "notificationMessage": "Disk is almost\nfull", "shortSummary": "91%",
            }));
            let verdict = match entry.verdict() {
                Verdict::Healthy => "healthy".to_owned(),
                Verdict::HealthyWithRemark(remark) => format!("healthy, but {}", remark.admit(&NoSecrets, 200)),
                Verdict::Unhealthy(mismatch) => {
                    let summary = mismatch.evidence.unwrap().admit(&NoSecrets, 200);
                    let actual = mismatch.actual.admit(&NoSecrets, 200);
                    format!("{actual}, {}", summary.strip_prefix("Disk: ").unwrap())
                }
            };
            assert_eq!(verdict, expected, "{status}");
        }
    }

    #[test]
    fn numbers_are_read_from_numbers_and_text() {
        for (written, expected) in [
            (json!(41), Ok(Some(41.0))),
            (json!(0.38), Ok(Some(0.38))),
            (json!("41"), Ok(Some(41.0))),
            (json!("41 %"), Ok(Some(41.0))),
            (json!(null), Ok(None)),
            (json!("much"), Err("Disk: expected a number at meta/used, found \"much\"")),
            (json!([]), Err("Disk: expected a number at meta/used, found []")),
        ] {
            let entry = Entry::from_value(&json!({ "name": "Disk", "meta": { "used": written } }));
            let found = entry.number("/used").map_err(|text| text.admit(&NoSecrets, 200).to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{written}");
        }
        // PHP writes an empty `meta` as a list.
        assert!(matches!(Entry::from_value(&json!({ "meta": [] })).number("/used"), Ok(None)));
    }
}
