//! Steps on the cache.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use check::metric::{CACHE_EVICTION_RATE, CACHE_LATENCY, CACHE_MEMORY_USED, CACHE_REJECTED_CONNECTIONS};
use check::{FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use datastores::{Redis, Store, Value};
use jiff::Timestamp;
use runtime::{Run, Step};

use crate::memory::Counted;

/// Counters that become rates, by the server's own names.
const EVICTED: &str = "evicted_keys";
const REJECTED: &str = "rejected_connections";

/// Settings of the cache, Redis or Valkey.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Server and credentials.
    pub store: Store,
    /// Number of the database.
    pub database: u32,
    /// Longest time since the last snapshot. `None`: not checked.
    pub saved_within: Option<Duration>,
}

pub(crate) fn subject() -> Subject {
    Subject::own("cache")
}

impl Cache {
    /// Runs all steps. Returns the counters of the server if they were readable.
    pub(crate) async fn check(&self, run: &Run, deadline: Duration, past: Option<&Counted>) -> Option<Counted> {
        // Each step records its own failure.
        let Ok(mut connection) = self.connect(run, deadline).await else {
            skip(run, &["ping", "info"], "there is no connection");
            return None;
        };
        if ping(run, &mut connection).await.is_err() {
            skip(run, &["info"], "it did not answer `PING`");
            return None;
        }
        let step = run.step(&subject(), "info");
        let info = info(&step, &mut connection).await.ok()?;
        let counted = info.measure(&step, past);
        if info.judge(&step, self.saved_within).is_ok() {
            step.passed();
        }
        counted
    }

    async fn connect(&self, run: &Run, deadline: Duration) -> Result<Redis, StepEnded> {
        let step = run.step(&subject(), "connect");
        let connection = Redis::connect(&step, &self.store, self.database, deadline).await?;
        step.passed();
        Ok(connection)
    }
}

fn skip(run: &Run, names: &[&str], reason: &'static str) {
    for name in names {
        run.step(&subject(), name).skipped(reason);
    }
}

async fn ping(run: &Run, connection: &mut Redis) -> Result<(), StepEnded> {
    let step = run.step(&subject(), "ping");
    let began = Instant::now();
    let replies = connection.ask(&step, datastores::pipe().cmd("PING")).await?;
    let took = began.elapsed();
    let pong = match replies.first().map(|reply| &reply.0) {
        Some(Value::SimpleString(text)) if text == "PONG" => Ok(()),
        other => Err(mismatch("`PONG` for `PING`", foreign(format!("{other:?}")))),
    };
    step.check("pong", pong)?;
    run.measure(&CACHE_LATENCY, took.as_secs_f64() * 1e3, None);
    step.passed();
    Ok(())
}

async fn info(step: &Step<'_>, connection: &mut Redis) -> Result<Info, StepEnded> {
    let replies = connection.ask(step, datastores::pipe().cmd("INFO")).await?;
    Ok(Info(replies.first().map(datastores::info).unwrap_or_default()))
}

/// Fields of the reply to `INFO`.
struct Info(BTreeMap<String, String>);

impl Info {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<f64> {
        datastores::number(self.text(name))
    }

    /// Measures the memory in use, and the rates since the last run.
    fn measure(&self, step: &Step<'_>, past: Option<&Counted>) -> Option<Counted> {
        let run = step.run();
        // Without a limit, Redis may use all memory of the machine, whose size it does not know.
        if let (Some(used), Some(most)) = (self.number("used_memory"), self.number("maxmemory"))
            && most > 0.0
        {
            run.measure(&CACHE_MEMORY_USED, used / most * 100.0, None);
        }
        let counts = [EVICTED, REJECTED].into_iter().filter_map(|name| Some((name.to_owned(), self.number(name)?)));
        let counted = Counted {
            at: step.now(),
            server: self.text("run_id").to_owned(),
            uptime: self.number("uptime_in_seconds")?,
            counts: counts.collect(),
        };
        for (metric, name) in [(&CACHE_EVICTION_RATE, EVICTED), (&CACHE_REJECTED_CONNECTIONS, REJECTED)] {
            if let Some(rate) = counted.rate(name, past) {
                run.measure(metric, rate, None);
            }
        }
        Some(counted)
    }

    fn judge(&self, step: &Step<'_>, saved_within: Option<Duration>) -> Result<(), StepEnded> {
        let loaded = match self.text("loading") {
            "1" => Err(mismatch("loaded data", "the server is still loading its data from disk")),
            _ => Ok(()),
        };
        step.check("loaded", loaded)?;
        let failing = [("rdb_last_bgsave_status", "snapshot"), ("aof_last_write_status", "write to its log")];
        let saved = match failing.into_iter().find(|(name, _)| self.text(name) == "err") {
            Some((_, what)) => Err(mismatch("data saved without errors", phrase!("the last {} failed", what))),
            None => Ok(()),
        };
        step.check("saved", saved)?;
        let Some(saved_within) = saved_within else { return Ok(()) };
        step.check("saved_lately", self.saved_lately(saved_within, step.now()))
    }

    /// Judges the age of the last snapshot, by the server's own clock if it is known.
    fn saved_lately(&self, saved_within: Duration, now: Timestamp) -> Result<(), Mismatch> {
        let stale = |actual: Phrase| {
            let expected = phrase!("a snapshot of the last {} s", saved_within.as_secs());
            Err(Mismatch::new(FailureKind::Stale, expected, actual))
        };
        let now = self.number("server_time_usec").map_or_else(|| now.as_second() as f64, |now| now / 1e6);
        match self.number("rdb_last_save_time").map(|saved| now - saved) {
            None => stale("no snapshot is recorded".into()),
            Some(age) if age > saved_within.as_secs_f64() => {
                stale(phrase!("one from {} s ago", ours(format_args!("{age:.0}"))))
            }
            Some(_) => Ok(()),
        }
    }
}

fn mismatch(expected: &'static str, actual: impl Into<Phrase>) -> Mismatch {
    Mismatch::new(FailureKind::Assertion, expected, actual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_age_uses_the_servers_clock() {
        let info = |pairs: &[(&str, &str)]| {
            Info(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let now = Timestamp::from_second(1_000_000).unwrap();
        let hour = Duration::from_secs(3_600);
        let is_fresh = |pairs: &[(&str, &str)]| info(pairs).saved_lately(hour, now).is_ok();
        assert!(is_fresh(&[("rdb_last_save_time", "996500")]));
        assert!(!is_fresh(&[("rdb_last_save_time", "996300")]));
        assert!(is_fresh(&[("rdb_last_save_time", "1500"), ("server_time_usec", "5000000000")]));
        assert!(!is_fresh(&[]));
    }
}
