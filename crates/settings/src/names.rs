//! Errors about unknown names: the new name of a renamed key, and the nearest known names otherwise.

use crate::problem::{Part, UNKNOWN};
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
/// Names this much less similar than the nearest are not suggested.
const MARGIN: f64 = 0.06;
/// Length from which a part of a known name counts as similar.
const PART: usize = 4;
/// Most names that an error suggests.
const SUGGESTED: usize = 3;
/// Most known names that an error lists when none is similar.
const LISTED: usize = 5;

/// Finds the new name of a key renamed since an earlier release.
pub(crate) fn renamed<'p>(path: impl DoubleEndedIterator<Item = &'p Part>) -> Option<&'static str> {
    let mut keys = path.rev().filter_map(|part| match part {
        Part::Key(key) => Some(key.as_str()),
        Part::Index(_) => None,
    });
    let (key, table) = (keys.next()?, keys.next()?);
    RENAMED.iter().find(|(within, old, _)| *within == table && *old == key).map(|(.., new)| *new)
}

/// Finds the known names most similar to `name`, the nearest first.
#[must_use]
pub fn near<'n>(name: &str, known: &[&'n str]) -> Vec<&'n str> {
    let name = name.to_lowercase();
    let similarity = |known: &str| {
        let similarity = strsim::jaro_winkler(&name, known);
        let is_part = name.len() >= PART && known.contains(&name);
        // One letter too many or too few is much of a short name.
        let is_typo = name.len() > 1 && name.len() != known.len() && strsim::osa_distance(&name, known) == 1;
        if is_part || is_typo { similarity.max(SIMILAR) } else { similarity }
    };
    let mut near: Vec<_> = known.iter().map(|known| (similarity(known), *known)).collect();
    near.retain(|(similarity, _)| *similarity >= SIMILAR);
    near.sort_by(|one, two| two.0.total_cmp(&one.0));
    let best = near.first().map_or(0.0, |(best, _)| *best);
    near.into_iter()
        .filter(|(similarity, _)| best - similarity <= MARGIN)
        .map(|(_, known)| known)
        .take(SUGGESTED)
        .collect()
}

/// Error about an unknown name: `unknown check "logn"; did you mean "login"?`. It suggests at most three names, or lists
/// the known ones if they are few. `list` is the sentence, on a separate line, about where to find all; it may be empty.
#[must_use]
pub fn unknown(kind: &str, name: &str, known: &[&str], list: &str) -> String {
    let break_before_list = if list.is_empty() { "" } else { "\n" };
    format!("{UNKNOWN} {kind} \"{}\"{}{break_before_list}{list}", shortened(name), suggestion(name, known))
}

/// End of a sentence about a name: `; did you mean "login" or "logout"?`, `; known: id, path`, or nothing.
#[must_use]
pub fn suggestion(name: &str, known: &[&str]) -> String {
    let quoted: Vec<String> = near(name, known).iter().map(|near| format!("\"{near}\"")).collect();
    match &quoted[..] {
        [] if known.len() <= LISTED && !known.is_empty() => format!("; known: {}", known.join(", ")),
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [others @ .., last] => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_name_suggests_the_nearest() {
        let checks = ["availability", "login", "booking", "payment-webhook", "queues", "backend"];
        let faults = ["login-slow", "login-down", "login-throttled", "login-page-old", "slow", "500"];
        for (kind, name, known, list, expected) in [
            ("check", "logn", &checks[..], "", "unknown check \"logn\"; did you mean \"login\"?"),
            ("check", "Login", &checks, "", "unknown check \"Login\"; did you mean \"login\"?"),
            ("check", "avail", &checks, "", "unknown check \"avail\"; did you mean \"availability\"?"),
            ("check", "payment", &checks, "", "unknown check \"payment\"; did you mean \"payment-webhook\"?"),
            ("check", "webhook", &checks, "", "unknown check \"webhook\"; did you mean \"payment-webhook\"?"),
            ("command", "rn", &["run", "cost"], "", "unknown command \"rn\"; did you mean \"run\"?"),
            ("check", "x", &checks, "`a` lists all", "unknown check \"x\"\n`a` lists all"),
            ("check", "", &checks, "", "unknown check \"\""),
            ("key", "x", &["id", "path"], "", "unknown key \"x\"; known: id, path"),
            ("key", "x", &[], "", "unknown key \"x\""),
            ("fault", "login-slw", &faults, "", "unknown fault \"login-slw\"; did you mean \"login-slow\"?"),
            (
                "fault",
                "login-",
                &faults,
                "`a` lists all",
                "unknown fault \"login-\"; did you mean \"login-slow\", \"login-down\" or \"login-page-old\"?\n`a` lists all",
            ),
        ] {
            assert_eq!(unknown(kind, name, known, list), expected, "{name}");
        }
        let many: Vec<String> = (0..500).map(|n| format!("login-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(unknown("fault", "login", &many, "").matches("login-").count(), SUGGESTED);
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
