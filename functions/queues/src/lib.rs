#![doc = include_str!("../README.md")]

mod canary;
mod counted;
mod horizon;
mod memory;
mod queue_snapshot;
mod settings;
mod store;
mod tasks;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::settings::{Common, Contract, Section};
use check::metric::{FAILED_JOBS, OLDEST_JOB_AGE, QUEUE_BACKLOG, QUEUE_THROUGHPUT};
use check::{FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use futures::future::{OptionFuture, join3};
use jiff::Timestamp;
use runtime::{Check, MemoryCell, Run, Step};

use self::settings::MAX_QUEUES;
pub use self::settings::{Queues, RawQueues};
pub use canary::Canary;
use counted::Counted;
pub use horizon::Horizon;
use horizon::Overview;
use memory::Memory;
use queue_snapshot::{Head, MAX_NAME, QueueSnapshot};
use store::Limits;
pub use store::QueueStore;

impl Check for Queues {
    const ID: &'static str = "queues";
    // Progress shows only between runs, so a second attempt within the run would find nothing new.
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = false;

    type Raw = RawQueues;
    type Memory = Memory;

    fn read(raw: RawQueues, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// Twice the deadline of a step: one for the slowest step, one for all others.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    /// Unknown if the platform reports which queues and tasks it has.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        if self.counting.is_some() || self.queues.is_empty() {
            return None;
        }
        let queues = self.queues.iter().map(|name| Subject::converted_from(name));
        Some(queues.chain([store::subject(), horizon::subject()]).collect())
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let sources = self.read_sources(run).await;
        if run.in_maintenance() {
            // Workers pause during maintenance, so stalled queues and pending canary jobs mean nothing.
            memory.set(Memory::default());
            return;
        }
        self.judge(run, &sources, memory);
        let counted = sources.counted.as_ref().and_then(|counted| counted.as_ref().ok());
        let reason = "the operations counters were not read";
        match counted.map(|counted| &counted.tasks) {
            Some(Some(tasks)) => {
                let failed = &self.site.platform.counters.task_failed_statuses;
                let failed: Vec<&str> = failed.iter().map(|status| status.as_str()).collect();
                tasks::judge(run, tasks, &self.tasks, &failed);
            }
            Some(None) => tasks::skip(run, &self.tasks, "the operations counters report no tasks"),
            None => tasks::skip(run, &self.tasks, reason),
        }
        if let (Some(canary), Some(counting)) = (&self.canary, &self.counting) {
            match counted {
                Some(_) => canary.judge_and_send(run, &self.site, counting, memory).await,
                None => canary.skip(run, reason),
            }
        }
    }
}

/// Answers of the sources. `None`: not configured.
struct Sources {
    stored: Option<Result<BTreeMap<String, QueueSnapshot>, StepEnded>>,
    overview: Option<Result<Overview, StepEnded>>,
    counted: Option<Result<Counted, StepEnded>>,
}

impl Sources {
    /// True if a queue that no source reports does not exist: all sources answered, and at least one reports queues.
    fn are_complete(&self) -> bool {
        let failed = [
            self.stored.as_ref().is_some_and(Result::is_err),
            self.overview.as_ref().is_some_and(Result::is_err),
            self.counted.as_ref().is_some_and(Result::is_err),
        ];
        !failed.contains(&true) && self.queues().next().is_some()
    }

    /// Queues of each source, the most reliable source first.
    fn queues(&self) -> impl Iterator<Item = &BTreeMap<String, QueueSnapshot>> {
        let stored = self.stored.as_ref().and_then(|stored| stored.as_ref().ok());
        let overview = self.overview.as_ref().and_then(|overview| overview.as_ref().ok());
        let counted = self.counted.as_ref().and_then(|counted| counted.as_ref().ok());
        [stored, overview.map(|overview| &overview.queues), counted.and_then(|counted| counted.queues.as_ref())]
            .into_iter()
            .flatten()
    }

    /// Snapshot of a queue. `None`: no source reports it.
    fn snapshot(&self, name: &str) -> Option<QueueSnapshot> {
        self.queues().filter_map(|queues| queues.get(name).cloned()).reduce(QueueSnapshot::or)
    }
}

impl Queues {
    /// Reads all sources concurrently.
    async fn read_sources(&self, run: &Run) -> Sources {
        let limits =
            Limits { idle_after: self.idle_after, stuck_after: self.stuck_after, deadline: self.site.deadline };
        // Each source records its own failures.
        let stored = self.redis.as_ref().map(|redis| redis.read(run, &self.queues, limits));
        let overview = self.horizon.as_ref().map(|horizon| horizon.read(run, &self.site));
        let counted = self.counting.as_ref().map(|counting| counted::read(run, &self.site, counting));
        let (stored, overview, counted) =
            join3(OptionFuture::from(stored), OptionFuture::from(overview), OptionFuture::from(counted)).await;
        Sources { stored, overview, counted }
    }

    /// Judges and measures the queues.
    fn judge(&self, run: &Run, sources: &Sources, memory: &MemoryCell<Memory>) {
        let now = run.clock().now();
        let names: BTreeSet<String> = if self.queues.is_empty() {
            sources.queues().flat_map(|queues| queues.keys().cloned()).collect()
        } else {
            self.queues.iter().cloned().collect()
        };
        let queues: BTreeMap<String, Option<QueueSnapshot>> =
            names.into_iter().map(|name| (name.clone(), sources.snapshot(&name))).collect();
        let (reported, min_throughput, since) = memory.update(|memory| {
            let reported = reported(&queues, memory, now);
            let min_throughput = memory.min_throughput(&queues, now);
            let since = memory.update(&reported, now);
            (reported, min_throughput, since)
        });
        let has_jobs = |snapshot: &Option<QueueSnapshot>| !snapshot.as_ref().is_some_and(QueueSnapshot::is_empty);
        let left_out =
            queues.iter().filter(|(name, snapshot)| has_jobs(snapshot) && !reported.contains_key(*name)).count();
        if left_out > 0 {
            let step = run.step(&Subject::whole(), "other-queues");
            step.skipped(phrase!(
                "{} more queues with jobs, whose jobs wait less long: a run judges {} queues",
                left_out,
                MAX_QUEUES
            ));
        }
        for (name, snapshot) in &reported {
            let subject = self.subject(run, name);
            let step = run.step(&subject, "progress");
            match snapshot {
                Some(snapshot) => {
                    self.progress(step, snapshot, since.get(name).copied(), now);
                    self.reserved(run, &subject, snapshot);
                }
                None if sources.are_complete() => {
                    let expected = phrase!("a queue `{}`", foreign(name).at_most(MAX_NAME));
                    step.fail("reported", Mismatch::new(FailureKind::Assertion, expected, "no source reports it"));
                }
                None => step.skipped("no readable source reports it"),
            }
        }
        measure(run, sources, &queues, &since, min_throughput);
    }

    /// Subject of a queue. Only a name that the platform gave may hold a secret.
    fn subject(&self, run: &Run, name: &str) -> Subject {
        if self.queues.iter().any(|known| known == name) { Subject::converted_from(name) } else { run.subject(name) }
    }

    /// Judges whether jobs are taken from a queue.
    fn progress(&self, step: Step<'_>, snapshot: &QueueSnapshot, since: Option<i64>, now: Timestamp) {
        let summary = snapshot.summary();
        let stale = |expected: Phrase, actual: Phrase| Mismatch {
            kind: FailureKind::Stale,
            expected,
            actual: if summary.is_empty() { actual } else { phrase!("{}; {}", actual, ours(&summary)) },
            evidence: snapshot.job.as_ref().map(|job| phrase!("the next job: {}", foreign(job).at_most(MAX_NAME))),
        };
        let idle_after = self.idle_after.as_secs();
        let unchanged = since.map_or(0, |since| u64::try_from(now.as_second() - since).unwrap_or_default());
        let taken = if unchanged < idle_after {
            Ok(())
        } else {
            let what = match snapshot.head() {
                Some(Head::Still) | None => "no job was processed",
                Some(Head::Job(_) | Head::Pushed(_)) => "the same job was next",
            };
            Err(stale(phrase!("jobs to be taken within {} s", idle_after), phrase!("{} for {} s", what, unchanged)))
        };
        if step.check("taken", taken).is_err() {
            return;
        }
        let due = match snapshot.due {
            None | Some(0) => Ok(()),
            Some(due) => Err(stale(
                phrase!("delayed jobs to be handed to the workers within {} s of their due time", idle_after),
                phrase!("{} of {} delayed jobs are overdue", due, snapshot.delayed.unwrap_or(due)),
            )),
        };
        if step.check("due", due).is_err() {
            return;
        }
        // Recorded only when it fails.
        if let Some(unreadable) = &snapshot.unreadable {
            step.fail("readable", unreadable.clone());
            return;
        }
        if since.is_none() && !snapshot.is_empty() && !snapshot.is_moving {
            step.skipped(phrase!("no source shows whether jobs are taken ({})", ours(snapshot.summary())));
        } else {
            step.passed();
        }
    }

    /// Judges whether the jobs taken by workers are finished or taken back. Only Redis reports them.
    fn reserved(&self, run: &Run, subject: &Subject, snapshot: &QueueSnapshot) {
        let (Some(reserved), Some(overdue)) = (snapshot.reserved, snapshot.overdue) else { return };
        let step = run.step(subject, "reserved");
        let returned = if overdue == 0 {
            Ok(())
        } else {
            let expected = phrase!(
                "reserved jobs to be finished or taken back within {} s of their due time",
                self.stuck_after.as_secs()
            );
            let actual = phrase!("{} of {} reserved jobs are overdue; no worker takes them back", overdue, reserved);
            Err(Mismatch::new(FailureKind::Stale, expected, actual))
        };
        if step.check("returned", returned).is_ok() {
            step.passed();
        }
    }
}

/// Selects the queues to report and to remember: those with a fault first, then those with jobs, the longest waiting ones first. Of queues
/// with the same wait, those not seen before come first, so each has its turn and a stalled one is kept.
fn reported(
    queues: &BTreeMap<String, Option<QueueSnapshot>>,
    memory: &Memory,
    now: Timestamp,
) -> BTreeMap<String, Option<QueueSnapshot>> {
    let mut reported: Vec<_> = queues.iter().collect();
    reported.sort_by_cached_key(|(name, snapshot)| {
        let snapshot = snapshot.as_ref();
        let has_fault = snapshot.is_none_or(QueueSnapshot::has_fault);
        let unchanged = snapshot.and_then(|snapshot| memory.unchanged_for(name, snapshot, now));
        let oldest = snapshot.and_then(|snapshot| snapshot.age).unwrap_or_default() as i64;
        let wait = oldest.max(unchanged.unwrap_or_default());
        (!has_fault, snapshot.is_some_and(QueueSnapshot::is_empty), Reverse(wait), unchanged.is_some())
    });
    reported.truncate(MAX_QUEUES);
    reported.into_iter().map(|(name, snapshot)| (name.clone(), snapshot.clone())).collect()
}

fn measure(
    run: &Run,
    sources: &Sources,
    queues: &BTreeMap<String, Option<QueueSnapshot>>,
    since: &BTreeMap<String, i64>,
    min_throughput: Option<f64>,
) {
    let now = run.clock().now().as_second();
    let snapshot = || queues.iter().filter_map(|(name, snapshot)| Some((name, snapshot.as_ref()?)));
    let age = |name: &String, snapshot: &QueueSnapshot| {
        let first_seen = || since.get(name).map(|since| (now - since) as f64);
        let is_known = matches!(snapshot.head(), Some(Head::Job(_)));
        if snapshot.is_empty() { Some(0.0) } else { snapshot.age.or_else(|| first_seen().filter(|_| is_known)) }
    };
    let pending: Vec<_> = snapshot().filter_map(|(name, snapshot)| Some((snapshot.pending? as f64, name))).collect();
    let ages: Vec<_> = snapshot().filter_map(|(name, snapshot)| Some((age(name, snapshot)?, name))).collect();
    for (metric, values) in [(&QUEUE_BACKLOG, pending), (&OLDEST_JOB_AGE, ages)] {
        if let Some((value, name)) = values.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)) {
            run.measure(metric, value, Some(foreign(name).at_most(MAX_NAME).into()));
        }
    }
    let overview = sources.overview.as_ref().and_then(|overview| overview.as_ref().ok());
    let counted = sources.counted.as_ref().and_then(|counted| counted.as_ref().ok());
    let counted_queues = counted.and_then(|counted| counted.queues.as_ref());
    let failed = counted_queues
        .and_then(|queues| queues.values().filter_map(|snapshot| snapshot.failed).reduce(|sum, one| sum + one));
    if let Some(failed) = failed.or_else(|| overview?.failed) {
        run.measure(&FAILED_JOBS, failed, None);
    }
    if let Some(done) = overview.and_then(|overview| overview.jobs_per_minute).or(min_throughput) {
        run.measure(&QUEUE_THROUGHPUT, done, None);
    }
}

#[cfg(test)]
mod tests {
    use check::Mismatch;

    use super::*;

    #[test]
    fn limit_leaves_out_no_queue_that_matters() {
        let empty = QueueSnapshot { pending: Some(0), overdue: Some(0), ..QueueSnapshot::default() };
        let mut queues: BTreeMap<String, Option<QueueSnapshot>> =
            (0..60).map(|number| (format!("a-{number:02}"), Some(empty.clone()))).collect();
        let unreadable = Some(Mismatch::new(FailureKind::Assertion, "a number", "many"));
        for (name, snapshot) in [
            ("y-with-jobs", QueueSnapshot { pending: Some(1), ..empty.clone() }),
            ("z-due", QueueSnapshot { due: Some(1), ..empty.clone() }),
            ("z-overdue", QueueSnapshot { overdue: Some(1), ..empty.clone() }),
            ("z-unreadable", QueueSnapshot { unreadable, ..empty.clone() }),
        ] {
            queues.insert(name.to_owned(), Some(snapshot));
        }
        let reported = reported(&queues, &Memory::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(reported.len(), MAX_QUEUES);
        let last: Vec<&str> = reported.keys().map(String::as_str).filter(|name| !name.starts_with("a-")).collect();
        assert_eq!(last, ["y-with-jobs", "z-due", "z-overdue", "z-unreadable"]);
    }
    #[test]
    fn limit_leaves_out_the_queues_that_wait_least() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let with = |age, head: &str| {
            let head = Some(Head::Job(head.to_owned()));
            Some(QueueSnapshot { pending: Some(5), age, head, ..QueueSnapshot::default() })
        };
        // By the age of the oldest job.
        let mut queues: BTreeMap<_, _> = (0..60).map(|n| (format!("q{n:02}"), with(Some(2.0), "a"))).collect();
        queues.insert("zz".to_owned(), with(Some(9_000.0), "a"));
        assert!(reported(&queues, &Memory::default(), at(1_000)).contains_key("zz"));
        // Without ages, by the time that the same job was next: each queue has its turn, and a stalled one stays.
        let (mut memory, mut turns) = (Memory::default(), Vec::new());
        for run in 1..=5 {
            let mut queues: BTreeMap<_, _> =
                (0..60).map(|n| (format!("q{n:02}"), with(None, &run.to_string()))).collect();
            queues.insert("zz".to_owned(), with(None, "a"));
            let now = at(run * 1_000);
            let reported = reported(&queues, &memory, now);
            memory.update(&reported, now);
            turns.push(reported.contains_key("zz"));
        }
        assert_eq!(turns, [false, true, true, true, true]);
    }
}
