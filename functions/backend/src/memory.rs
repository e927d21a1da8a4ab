//! What servers had counted when they were last looked at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// From run to run. Lost, rates are unknown once: no failure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<Counted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<Counted>,
}

/// What a server has counted since it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// When.
    pub(crate) at: Timestamp,
    /// Which server: another one behind the same name counts for itself.
    pub(crate) server: String,
    /// For how long it has run. **Units:** seconds.
    pub(crate) uptime: f64,
    /// What, and how often.
    pub(crate) counts: BTreeMap<String, f64>,
}

impl Counted {
    /// How often a minute since then. `None`: unknown, since there is nothing to compare with, or the server has started
    /// in between and counts from nothing.
    pub(crate) fn rate(&self, name: &str, past: Option<&Self>) -> Option<f64> {
        let past = past?;
        let seconds = self.at.duration_since(past.at).as_secs_f64();
        if seconds < 1.0 || self.uptime < seconds || self.server != past.server {
            return None;
        }
        let more = self.counts.get(name)? - past.counts.get(name)?;
        (more >= 0.0).then_some(more * 60.0 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(second: i64, server: &str, uptime: f64, evicted: f64) -> Counted {
        let counts = BTreeMap::from([("evicted".to_owned(), evicted)]);
        Counted { at: Timestamp::from_second(second).unwrap(), server: server.to_owned(), uptime, counts }
    }

    #[test]
    fn a_rate_is_what_was_counted_since_the_last_look_a_minute() {
        let past = counted(0, "a", 1_000.0, 30.0);
        let cases = [
            ("two minutes later", counted(120, "a", 1_120.0, 50.0), Some(10.0)),
            ("nothing happened", counted(60, "a", 1_060.0, 30.0), Some(0.0)),
            ("started in between, and counted less", counted(60, "a", 20.0, 3.0), None),
            ("started in between, and counted more", counted(60, "a", 59.0, 300.0), None),
            ("another server behind the name", counted(60, "b", 9_000.0, 300.0), None),
            ("its counters were reset", counted(60, "a", 1_060.0, 2.0), None),
            ("at once", counted(0, "a", 1_000.0, 31.0), None),
        ];
        for (case, now, expected) in cases {
            assert_eq!(now.rate("evicted", Some(&past)), expected, "{case}");
        }
        assert_eq!(past.rate("evicted", None), None);
        assert_eq!(counted(60, "a", 1_060.0, 31.0).rate("rejected", Some(&past)), None);
    }
}
