//! Are background jobs and scheduled tasks done, and in time?
//!
//! The queues are looked at in Redis itself, by Horizon, by the operations counters, or by several of them: what one does not
//! tell the next one does. Steps:
//! 1. `connect` and `read`: all queues in Redis, in one exchange. `horizon`: how it is, and its queues. `counters`: queues
//!    and scheduled tasks. Each is a subject: `redis`, `horizon`, `counters`.
//! 2. `progress`, of each queue: whether jobs are taken. One whose head stands still is `stale`.
//! 3. `reserved`, of each queue that Redis tells of: whether what a worker took is done, or taken back.
//! 4. `task`, of each scheduled task: how it ended, and whether the last time is too long ago.
//! 5. `canary` and `dispatch`, of each queue that gets jobs of ours: one is put into it in one run and judged in later ones;
//!    a run never waits.
//!
//! The queues are subjects by their names, the tasks as `task.<name>`. A job of ours does nothing but say that it was done,
//! and needs no undoing; but what a queue does is seen from run to run, so a failure is confirmed by the next one. Publishes
//! `QueueBacklog`, `OldestJobAge`, `FailedJobs`, `JobDelay` and `ScheduledTaskLateness`.

mod canary;
mod counted;
mod horizon;
mod memory;
mod queue_snapshot;
mod settings;
mod store;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use check::metric::{FAILED_JOBS, OLDEST_JOB_AGE, QUEUE_BACKLOG, QUEUE_THROUGHPUT};
use check::{FailureKind, Mismatch, StepEnded, Subject};
use futures::future::{OptionFuture, join3};
use jiff::Timestamp;
use runtime::session::Site;
use runtime::settings::{Common, Counting, Section};
use runtime::{Check, Run, Step, merged_as};

pub use canary::Canary;
use counted::Counted;
pub use horizon::Horizon;
use horizon::Overview;
use memory::{Head, Memory};
use queue_snapshot::{QueueSnapshot, shown};
pub use settings::RawQueues;
use store::Limits;
pub use store::QueueStore;

/// So many queues are looked at, at most.
const MOST_QUEUES: usize = 50;

/// Queues and scheduled tasks.
pub struct Queues {
    /// Where, and what it is called.
    pub site: Site,
    /// The queues, by name; none: all that Horizon and the counters tell of.
    pub queues: Vec<String>,
    /// For how long the same job may be the next one that is taken.
    pub idle_after: Duration,
    /// For how long a worker may have a job beyond the time that it has for it.
    pub stuck_after: Duration,
    /// Redis itself; `None`: not looked at.
    pub redis: Option<QueueStore>,
    /// Horizon; `None`: not asked.
    pub horizon: Option<Horizon>,
    /// The operations counters; `None`: not asked.
    pub counting: Option<Counting>,
    /// How long ago a scheduled task may have been done last, by its name.
    pub tasks: BTreeMap<String, Duration>,
    /// Jobs of ours; `None`: none.
    pub canary: Option<Canary>,
}

impl Check for Queues {
    const ID: &'static str = "queues";
    // What a queue does is seen from run to run: a second look within the run sees no more than the first.
    const READ_ONLY: bool = false;

    type Raw = RawQueues;

    fn read(raw: RawQueues, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawQueues {
        self.to_raw()
    }

    /// A step at its slowest and the rest of the way as long again.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    fn merged(base: Option<&str>, ours: &str, theirs: Option<&str>) -> String {
        merged_as(base, ours, theirs, Memory::merged)
    }

    /// Unknown when the platform tells which queues and tasks it has.
    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        if self.counting.is_some() || self.queues.is_empty() {
            return None;
        }
        let queues = self.queues.iter().map(|name| Subject::named(name));
        Some(queues.chain([store::subject(), horizon::subject()]).collect())
    }

    async fn attempt(&self, run: &Run) {
        let mut memory: Memory = run.recall().unwrap_or_default();
        let sources = self.look(run).await;
        if run.in_maintenance() {
            // Workers pause: what stands still, and jobs of ours that wait, say nothing.
            run.remember(&Memory::default());
            return;
        }
        self.judge(run, &sources, &mut memory);
        run.remember(&memory);
        let counted = sources.counted.as_ref().and_then(|counted| counted.as_ref().ok());
        let reason = "the operations counters were not read";
        match counted.map(|counted| &counted.tasks) {
            Some(Some(tasks)) => {
                let failed = &self.site.platform.counters.task_failed_statuses;
                let failed: Vec<&str> = failed.iter().map(|status| status.as_str()).collect();
                tasks::judge(run, tasks, &self.tasks, &failed);
            }
            Some(None) => tasks::skip(run, &self.tasks, "the operations counters tell of no tasks"),
            None => tasks::skip(run, &self.tasks, reason),
        }
        if let (Some(canary), Some(counting)) = (&self.canary, &self.counting) {
            match counted {
                Some(_) => canary.look_after(run, &self.site, counting, &mut memory).await,
                None => canary.skip(run, reason),
            }
        }
    }
}

/// What the sources told. `None`: one that is not asked.
struct Sources {
    stored: Option<Result<BTreeMap<String, QueueSnapshot>, StepEnded>>,
    overview: Option<Result<Overview, StepEnded>>,
    counted: Option<Result<Counted, StepEnded>>,
}

impl Sources {
    /// Whether a queue that none of them tells of is not there: somebody tells of queues, and nobody was not heard.
    fn are_complete(&self) -> bool {
        let is_lost = [
            self.stored.as_ref().is_some_and(Result::is_err),
            self.overview.as_ref().is_some_and(Result::is_err),
            self.counted.as_ref().is_some_and(Result::is_err),
        ];
        !is_lost.contains(&true) && self.queues().next().is_some()
    }

    /// The queues by each source, the one that knows best first.
    fn queues(&self) -> impl Iterator<Item = &BTreeMap<String, QueueSnapshot>> {
        let stored = self.stored.as_ref().and_then(|stored| stored.as_ref().ok());
        let overview = self.overview.as_ref().and_then(|overview| overview.as_ref().ok());
        let counted = self.counted.as_ref().and_then(|counted| counted.as_ref().ok());
        [stored, overview.map(|overview| &overview.queues), counted.and_then(|counted| counted.queues.as_ref())]
            .into_iter()
            .flatten()
    }

    /// What is known of a queue. `None`: no source tells of it.
    fn snapshot(&self, name: &str) -> Option<QueueSnapshot> {
        self.queues().filter_map(|queues| queues.get(name).cloned()).reduce(QueueSnapshot::or)
    }
}

impl Queues {
    /// Asks all sources, side by side.
    async fn look(&self, run: &Run) -> Sources {
        let limits =
            Limits { idle_after: self.idle_after, stuck_after: self.stuck_after, deadline: self.site.deadline };
        // Stops are recorded where they happen.
        let stored = self.redis.as_ref().map(|redis| redis.read(run, &self.queues, limits));
        let overview = self.horizon.as_ref().map(|horizon| horizon.read(run, &self.site));
        let counted = self.counting.as_ref().map(|counting| counted::read(run, &self.site, counting));
        let (stored, overview, counted) =
            join3(OptionFuture::from(stored), OptionFuture::from(overview), OptionFuture::from(counted)).await;
        Sources { stored, overview, counted }
    }

    /// Judges and measures the queues.
    fn judge(&self, run: &Run, sources: &Sources, memory: &mut Memory) {
        let now = run.clock().now();
        let names: BTreeSet<String> = if self.queues.is_empty() {
            sources.queues().flat_map(|queues| queues.keys().cloned()).collect()
        } else {
            self.queues.iter().cloned().collect()
        };
        let queues: BTreeMap<String, Option<QueueSnapshot>> =
            names.into_iter().take(MOST_QUEUES).map(|name| (name.clone(), sources.snapshot(&name))).collect();
        let least_done = memory.least_done(&queues, now);
        let since = memory.note(&queues, now);
        for (name, snapshot) in &queues {
            let step = run.step(&Subject::named(name), "progress");
            match snapshot {
                Some(snapshot) => {
                    self.progress(step, snapshot, since.get(name).copied(), now);
                    self.reserved(run, name, snapshot);
                }
                None if sources.are_complete() => {
                    let mismatch = Mismatch {
                        kind: FailureKind::Assertion,
                        expected: format!("a queue `{}`", shown(name)),
                        actual: "no source tells of it".to_owned(),
                        evidence: None,
                    };
                    if step.check("reported", Err(mismatch)).is_ok() {
                        step.passed();
                    }
                }
                None => step.skipped("no source that could be read tells of it"),
            }
        }
        measure(run, sources, &queues, &since, least_done);
    }

    /// Whether jobs are taken from a queue.
    fn progress(&self, step: Step<'_>, snapshot: &QueueSnapshot, since: Option<i64>, now: Timestamp) {
        let words = snapshot.words();
        let stale = |expected: String, actual: String| Mismatch {
            kind: FailureKind::Stale,
            expected,
            actual: if words.is_empty() { actual } else { format!("{actual}; {words}") },
            evidence: snapshot.job.as_ref().map(|job| format!("the next job: {job}")),
        };
        let idle_after = self.idle_after.as_secs();
        let stood = since.map_or(0, |since| u64::try_from(now.as_second() - since).unwrap_or_default());
        let taken = if stood < idle_after {
            Ok(())
        } else {
            let what = match snapshot.head() {
                Some(Head::Still) | None => "no job was done",
                Some(Head::Job(_) | Head::Pushed(_)) => "the same job has been the next one",
            };
            Err(stale(format!("jobs to be taken within {idle_after} s"), format!("{what} for {stood} s")))
        };
        if step.check("taken", taken).is_err() {
            return;
        }
        let due = match snapshot.due {
            None | Some(0) => Ok(()),
            Some(due) => Err(stale(
                format!("jobs to be handed to the workers within {idle_after} s of their time"),
                format!("{due} of {} that were put off are later than that", snapshot.delayed.unwrap_or(due)),
            )),
        };
        if step.check("due", due).is_err() {
            return;
        }
        if since.is_none() && !snapshot.is_empty() && !snapshot.is_moving {
            step.skipped(format!("nothing tells whether jobs are taken ({})", snapshot.words()));
        } else {
            step.passed();
        }
    }

    /// Whether what a worker took is done, or taken back, when only Redis can tell.
    fn reserved(&self, run: &Run, name: &str, snapshot: &QueueSnapshot) {
        let (Some(reserved), Some(overdue)) = (snapshot.reserved, snapshot.overdue) else { return };
        let step = run.step(&Subject::named(name), "reserved");
        let returned = if overdue == 0 {
            Ok(())
        } else {
            Err(Mismatch {
                kind: FailureKind::Stale,
                expected: format!(
                    "jobs that were taken to be done, or taken back within {} s of their time",
                    self.stuck_after.as_secs()
                ),
                actual: format!(
                    "{overdue} of {reserved} that were taken are later than that, and no worker has looked"
                ),
                evidence: None,
            })
        };
        if step.check("returned", returned).is_ok() {
            step.passed();
        }
    }
}

fn measure(
    run: &Run,
    sources: &Sources,
    queues: &BTreeMap<String, Option<QueueSnapshot>>,
    since: &BTreeMap<String, i64>,
    least_done: Option<f64>,
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
            run.measure(metric, value, Some(shown(name)));
        }
    }
    let overview = sources.overview.as_ref().and_then(|overview| overview.as_ref().ok());
    let counted = sources.counted.as_ref().and_then(|counted| counted.as_ref().ok());
    let of_queues = counted.and_then(|counted| counted.queues.as_ref());
    let failed = of_queues
        .and_then(|queues| queues.values().filter_map(|snapshot| snapshot.failed).reduce(|sum, one| sum + one));
    if let Some(failed) = failed.or_else(|| overview?.failed) {
        run.measure(&FAILED_JOBS, failed, None);
    }
    if let Some(done) = overview.and_then(|overview| overview.jobs_per_minute).or(least_done) {
        run.measure(&QUEUE_THROUGHPUT, done, None);
    }
}
