//! Counters of the servers in the last run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::CheckMemory;
use serde::{Deserialize, Serialize};

/// Memory of the check.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<Counted>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<Counted>,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(_base: Self, ours: Self, _theirs: Self) -> Self {
        ours
    }
}

/// Counters of a server since its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// Time of the reading.
    pub(crate) at: Timestamp,
    /// Identity of the server, since another one behind the same name has other counters.
    pub(crate) server: String,
    /// Time since the server started. **Units:** seconds.
    pub(crate) uptime: f64,
    /// Counters by name.
    pub(crate) counts: BTreeMap<String, f64>,
}

impl Counted {
    /// Events per minute since the last reading. `None`: there is no last reading, or the server has restarted since and
    /// counts from 0.
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
    fn rate_is_per_minute_since_the_last_reading() {
        let past = counted(0, "a", 1_000.0, 30.0);
        let cases = [
            ("two minutes later", counted(120, "a", 1_120.0, 50.0), Some(10.0)),
            ("no events", counted(60, "a", 1_060.0, 30.0), Some(0.0)),
            ("restarted, lower count", counted(60, "a", 20.0, 3.0), None),
            ("restarted, higher count", counted(60, "a", 59.0, 300.0), None),
            ("another server behind the name", counted(60, "b", 9_000.0, 300.0), None),
            ("counters reset", counted(60, "a", 1_060.0, 2.0), None),
            ("at the same time", counted(0, "a", 1_000.0, 31.0), None),
        ];
        for (case, now, expected) in cases {
            assert_eq!(now.rate("evicted", Some(&past)), expected, "{case}");
        }
        assert_eq!(past.rate("evicted", None), None);
        assert_eq!(counted(60, "a", 1_060.0, 31.0).rate("rejected", Some(&past)), None);
    }
}
