//! What the health endpoint answers: results that anybody may have named, read as they come.

use std::collections::{BTreeMap, BTreeSet};

use check::text::cut;
use check::{FailureKind, Mismatch, Subject};
use probe::expect::number;
use runtime::settings::Health as Names;
use serde_json::Value;

/// The most results that are judged; more subjects are not stored.
pub(crate) const MAX_RESULTS: usize = 200;
/// The longest name, label or message that is told.
const MAX_TEXT: usize = 160;
/// The longest subject that still has room for a number behind it.
const MAX_STEM: usize = Subject::MAX_LENGTH - 4;

/// One result.
pub(crate) struct Entry {
    /// Its name, as the platform has it.
    pub(crate) name: String,
    /// What people read.
    pub(crate) label: String,
    /// `ok`, `warning`, `failed`, `crashed`, `skipped`, or whatever stands there.
    status: String,
    message: String,
    summary: String,
    meta: Value,
}

/// What a status says.
pub(crate) enum Word {
    /// All is well.
    Well,
    /// All is well, with something to be said about it.
    WellBut(String),
    /// It is not.
    NotWell(Mismatch),
}

/// The results, a list or an object keyed by number. `None`: neither, or none in it.
pub(crate) fn entries(results: &Value) -> Option<Vec<Entry>> {
    let entries: Vec<Entry> = match results {
        Value::Array(list) => list.iter().map(Entry::from_value).collect(),
        Value::Object(members) => members.values().map(Entry::from_value).collect(),
        _ => return None,
    };
    (!entries.is_empty()).then_some(entries)
}

impl Entry {
    fn from_value(value: &Value) -> Self {
        let text = |member: &str| match value.get(member) {
            Some(Value::String(text)) => plain(text),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
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

    /// What its status says. A word that nobody knows is not well: nothing says that it is.
    pub(crate) fn word(&self) -> Word {
        let said = [&self.message, &self.summary].into_iter().find(|text| !text.is_empty());
        let said = said.map(|text| format!(": {text}")).unwrap_or_default();
        match self.status.to_ascii_lowercase().as_str() {
            "ok" => Word::Well,
            "warning" => Word::WellBut(format!("the platform warns{said}")),
            "skipped" => Word::WellBut(format!("the platform skipped it{said}")),
            status => {
                let actual = if status.is_empty() { "no status".to_owned() } else { format!("{}{said}", self.status) };
                let both = !self.message.is_empty() && !self.summary.is_empty() && self.message != self.summary;
                Word::NotWell(Mismatch {
                    kind: FailureKind::Assertion,
                    expected: format!("{} to be ok", if self.name.is_empty() { "a result" } else { &self.name }),
                    actual,
                    evidence: both.then(|| format!("{}: {}", self.label, self.summary)),
                })
            }
        }
    }

    /// A number of its `meta`, which may be written as a text, with `%` behind it too.
    pub(crate) fn number(&self, pointer: &str) -> Option<f64> {
        match self.meta.pointer(pointer)? {
            Value::String(text) => number(&Value::from(text.trim().trim_end_matches('%'))),
            value => number(value),
        }
    }

    /// Which of several it is: the disk that it is about, or its label.
    pub(crate) fn which(&self, names: &Names) -> String {
        let mount = self.meta.pointer(names.disk_mount.as_str()).and_then(Value::as_str).map(plain);
        let mount = mount.filter(|mount| !mount.is_empty() && self.name.starts_with(names.disk_name.as_str()));
        mount.unwrap_or_else(|| self.label.clone())
    }
}

/// Each result with a subject of its own: by its name, and where that is there twice, by which one it is, too. At most
/// [`MAX_RESULTS`], those first that are not well. `taken` are the subjects that others have.
pub(crate) fn with_subjects(entries: Vec<Entry>, names: &Names, mut taken: BTreeSet<Subject>) -> Vec<(Subject, Entry)> {
    let mut count: BTreeMap<Subject, usize> = BTreeMap::new();
    for entry in &entries {
        *count.entry(Subject::named(&entry.name)).or_default() += 1;
    }
    let (mut kept, well): (Vec<_>, Vec<_>) =
        entries.into_iter().enumerate().partition(|(_, entry)| matches!(entry.word(), Word::NotWell(_)));
    kept.extend(well);
    kept.truncate(MAX_RESULTS);
    // A number must not change with a status.
    kept.sort_by_key(|(place, _)| *place);
    let mut named = Vec::new();
    for (_, entry) in kept {
        let mut subject = Subject::named(&entry.name);
        if count.get(&subject).is_some_and(|count| *count > 1) || taken.contains(&subject) {
            subject = Subject::named(&format!("{} {}", entry.name, entry.which(names)));
        }
        let stem: String = subject.as_str().chars().take(MAX_STEM).collect();
        let numbered = (2..).map(|number| Subject::named(&format!("{stem} {number}")));
        let mut candidates = std::iter::once(subject).chain(numbered);
        if let Some(own) = candidates.find(|candidate| !taken.contains(candidate)) {
            taken.insert(own.clone());
            named.push((own, entry));
        }
    }
    named
}

/// One line, and not long.
pub(crate) fn plain(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(line.trim(), MAX_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn subjects(results: &Value) -> Vec<String> {
        let taken = BTreeSet::from([Subject::named("health"), Subject::named("counters")]);
        let named = with_subjects(entries(results).unwrap(), &Names::default(), taken);
        named.into_iter().map(|(subject, _)| subject.to_string()).collect()
    }

    #[test]
    fn results_come_as_a_list_or_keyed_by_number() {
        let one = json!({ "name": "Redis", "status": "ok", "meta": [] });
        assert_eq!(subjects(&json!([one])), ["redis"]);
        assert_eq!(subjects(&json!({ "0": one, "3": { "name": "Cache", "status": "ok" } })), ["redis", "cache"]);
        for none in [json!([]), json!({}), json!("ok"), Value::Null] {
            assert!(entries(&none).is_none(), "{none}");
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_told_apart_by_mount_by_label_and_last_by_number() {
        let disk = |mount: &str| json!({ "name": "UsedDiskSpace", "label": "Disk", "meta": { "filesystem": mount } });
        assert_eq!(subjects(&json!([disk("/"), disk("/var")])), ["used-disk-space", "used-disk-space-var"]);
        let queue = |label: &str| json!({ "name": "Queue", "label": label, "status": "ok", "meta": [] });
        assert_eq!(subjects(&json!([queue("mails"), queue("bills")])), ["queue-mails", "queue-bills"]);
        assert_eq!(subjects(&json!([queue(""), queue(""), queue("")])), ["queue", "queue-2", "queue-3"]);
    }

    #[test]
    fn no_result_takes_the_subject_of_another_step() {
        assert_eq!(
            subjects(&json!([{ "name": "Health" }, { "name": "counters", "label": "" }])),
            ["health-2", "counters-2"]
        );
    }

    #[test]
    fn whatever_stands_there_is_a_subject_and_there_is_an_end() {
        let hostile = json!([17, null, {}, { "name": "æ".repeat(500) }, { "name": "\u{0}\n<script>" }, { "name": 4 }]);
        assert_eq!(subjects(&hostile), ["unnamed", "unnamed-2", "unnamed-3", "unnamed-4", "script", "4"]);
        let mut many = vec![json!({ "name": "x".repeat(100), "status": "ok" }); 1_000];
        many.push(json!({ "name": "Last", "status": "failed" }));
        let named = subjects(&Value::Array(many));
        assert_eq!(named.len(), MAX_RESULTS);
        assert!(named.contains(&"last".to_owned()), "what is not well is judged first");
        assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), MAX_RESULTS);
    }

    #[test]
    fn a_status_is_well_or_says_why_not() {
        for (status, expected) in [
            ("ok", "well"),
            ("OK", "well"),
            ("warning", "well, but the platform warns: Disk is almost full"),
            ("skipped", "well, but the platform skipped it: Disk is almost full"),
            ("failed", "failed: Disk is almost full, 91%"),
            ("crashed", "crashed: Disk is almost full, 91%"),
            ("fine", "fine: Disk is almost full, 91%"),
            ("", "no status, 91%"),
        ] {
            let entry = Entry::from_value(&json!({
                "name": "UsedDiskSpace", "label": "Disk", "status": status,
                "notificationMessage": "Disk is almost\nfull", "shortSummary": "91%",
            }));
            let word = match entry.word() {
                Word::Well => "well".to_owned(),
                Word::WellBut(remark) => format!("well, but {remark}"),
                Word::NotWell(mismatch) => {
                    let summary = mismatch.evidence.unwrap();
                    format!("{}, {}", mismatch.actual, summary.strip_prefix("Disk: ").unwrap())
                }
            };
            assert_eq!(word, expected, "{status}");
        }
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (written, expected) in [
            (json!(41), Some(41.0)),
            (json!(0.38), Some(0.38)),
            (json!("41"), Some(41.0)),
            (json!("41 %"), Some(41.0)),
            (json!("much"), None),
            (json!([]), None),
        ] {
            let entry = Entry::from_value(&json!({ "meta": { "used": written } }));
            assert_eq!(entry.number("/used"), expected, "{written}");
        }
        assert_eq!(Entry::from_value(&json!({ "meta": [] })).number("/used"), None, "an empty meta is a list");
    }
}
