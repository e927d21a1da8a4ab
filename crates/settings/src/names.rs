//! Errors about unknown names: the new name of a renamed key, and the nearest known name otherwise.

use crate::problem::Part;
use crate::texts::shortened;

/// Renamed keys: the table they are in, the old name, the new name.
const RENAMED: &[(&str, &str, &str)] = &[
    ("booking", "horizon", "max_lead_time"),
    ("booking", "notice", "min_lead_time"),
    ("contact", "reach", "details"),
    ("counters", "include_ours", "includes_synthetic"),
    ("incidents", "blind_after", "monitoring_lost_after"),
    ("incidents", "blind_severity", "monitoring_lost_severity"),
    ("incidents", "flap_openings", "flap_threshold"),
    ("incidents", "settle_after", "stable_after"),
    ("invoice", "not_offered", "unsupported_statuses"),
    ("network", "addresses", "allow_addresses"),
    ("network", "authorities", "ca_certificates"),
    ("network", "redirects", "allow_redirect_hosts"),
    ("reconciliation", "most_payments", "max_payments"),
    ("reconciliation", "settle", "grace_period"),
    ("school_payments", "not_offered", "unsupported_statuses"),
    ("windows", "lasts", "duration"),
];

/// Similarity (Jaro-Winkler, 0 to 1) from which a known name is suggested.
const SIMILAR: f64 = 0.75;

/// Finds the new name of a key renamed since an earlier release.
pub(crate) fn renamed<'p>(path: impl DoubleEndedIterator<Item = &'p Part>) -> Option<&'static str> {
    let mut keys = path.rev().filter_map(|part| match part {
        Part::Key(key) => Some(key.as_str()),
        Part::Index(_) => None,
    });
    let (key, table) = (keys.next()?, keys.next()?);
    RENAMED.iter().find(|(within, old, _)| *within == table && *old == key).map(|(.., new)| *new)
}

/// Finds the known name most similar to `name`, if any is similar enough.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, known), known))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .map(|(_, known)| known)
}

/// Error about an unknown name: `unknown check "logn"; did you mean "login"? Known: …`.
#[must_use]
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    let meant =
        nearest(name, known.iter().copied()).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
    let end = if meant.is_empty() { ";" } else { "" };
    let name = shortened(name);
    format!("unknown {kind} \"{name}\"{meant}{end} known: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_name_is_suggested() {
        let known = ["availability", "login", "booking", "payment-webhook"];
        for (name, expected) in [
            ("logn", Some("login")),
            ("Login", Some("login")),
            ("avail", Some("availability")),
            ("webhook", None),
            ("payment", Some("payment-webhook")),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(
            unknown("check", "logn", &known[..2]),
            "unknown check \"logn\"; did you mean \"login\"? known: availability, login"
        );
        assert_eq!(unknown("check", "x", &known[..2]), "unknown check \"x\"; known: availability, login");
    }

    #[test]
    fn renamed_key_is_found_by_its_table() {
        let path = |keys: &[&str]| keys.iter().map(|key| Part::Key((*key).to_owned())).collect::<Vec<_>>();
        assert_eq!(renamed(path(&["contact", "reach"]).iter()), Some("details"));
        assert_eq!(
            renamed(path(&["check", "login", "incidents", "blind_after"]).iter()),
            Some("monitoring_lost_after")
        );
        let window = [&path(&["maintenance", "windows"])[..], &[Part::Index(1)], &path(&["lasts"])].concat();
        assert_eq!(renamed(window.iter()), Some("duration"));
        assert_eq!(renamed(path(&["links", "reach"]).iter()), None);
        assert_eq!(renamed(path(&["reach"]).iter()), None);
    }
}
