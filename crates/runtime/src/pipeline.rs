//! One run, from the event to the notification: see `docs/architecture.md`, "One run".

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use check::budget::ErrorBudget;
use check::incident::{
    AffectedCheck, CheckState, Decision, Dependency, Findings, Reason, Severity, Silence, Vote, decide,
};
use check::message::{Context, Notification, compose};
use check::{Attempt, Cause, Outcome, Phrase, Refusal, Report, RunKey, Subject, Text, ours, phrase};

use crate::attempt::{Allowance, AttemptResult, Task, attempt, not_started};
use crate::confirmation::{can_be_confirmed, keep_results, votes};
use crate::deliver::{data, publish_and_notify};
use crate::dependencies::{affected, needed};
use crate::execution::Execution;
use crate::explanation::Explanation;
use crate::memory::{self, RunMemory};
use crate::outbox::OutboxChanges;
use crate::reserve::reserve;
use crate::run_id::run_id;
use crate::{
    Check, Commit, CommitError, Delivery, LastRun, MalformedEvent, MemoryCell, PortError, Ports, Prepared, Provenance,
    StateItem, Trigger,
};

/// Events further from now than this are refused. A cron rule fires at any second of its minute, and Lambda drops
/// events after 60 s of waiting.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// Number of decisions before a run gives up because other runs keep writing.
const MAX_DECISIONS: u32 = 4;

/// Input of a run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Event as received.
    pub event: Value,
    /// Time at which the execution is killed; `None` if nothing kills it.
    pub killed_at: Option<Timestamp>,
    /// True if the run may send messages to mailboxes and phones. They cost money and reach people.
    pub may_send: bool,
    /// Tag of the subjects to run; `None`: all. Only manual runs are restricted.
    pub tag: Option<String>,
    /// Explanation of the only subject to run. Only manual runs are explained.
    pub explanation: Option<Explanation>,
}

impl Invocation {
    /// A manual run without a time limit.
    #[must_use]
    pub fn manual() -> Self {
        Self {
            event: Value::Object(serde_json::Map::new()),
            killed_at: None,
            may_send: true,
            tag: None,
            explanation: None,
        }
    }
}

/// Reason why an invocation failed. A failed or inconclusive check is not an error: it was reported.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event has no accepted form.
    #[error(transparent)]
    MalformedEvent(#[from] MalformedEvent),
    /// The state could not be read, so nothing was run.
    #[error(transparent)]
    State(PortError),
    /// The state could not be written after the run. Nothing was published, and no message was sent.
    #[error("{error}")]
    NotStored {
        /// Reason.
        error: PortError,
        /// Report of the run.
        report: Box<Report>,
    },
    /// The metrics were not accepted. Everything else was done.
    #[error("{error}")]
    NotPublished {
        /// Reason.
        error: PortError,
        /// Report of the run.
        report: Box<Report>,
    },
}

impl RunError {
    /// Error type that Lambda reports in its log and to the failure queue.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::MalformedEvent(_) => "MalformedEvent",
            Self::State(_) | Self::NotStored { .. } => "StateUnavailable",
            Self::NotPublished { .. } => "MetricsNotPublished",
        }
    }

    /// Returns true if the same run may succeed later. Runs are not retried: the schedule starts the next one.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::MalformedEvent(_) => false,
            Self::State(error) | Self::NotStored { error, .. } | Self::NotPublished { error, .. } => {
                error.is_retryable()
            }
        }
    }
}

/// Runs a check once.
///
/// **Side effects:** requests to the platform, including everything the check creates and undoes there; one write of
/// state; metrics; and messages, which **may wake a person**.
///
/// # Errors
/// When the event is malformed, or state or metrics could not be read or written.
pub async fn execute<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    invocation: &Invocation,
) -> Result<Report, RunError> {
    let (started, began) = (ports.clock.now(), ports.clock.instant());
    let key = Trigger::read(&invocation.event)?.run_key(C::ID, &ports.location, started);
    let id = run_id(started);
    let mut report = Report {
        schema_version: Report::SCHEMA_VERSION,
        key: key.clone(),
        run_id: id.to_string(),
        trace_id: id.simple().to_string(),
        environment: prepared.common.environment.clone(),
        started,
        ended: started,
        outcome: Outcome::Refused { refusal: Refusal::Stale },
        attempts: Vec::new(),
        reasons: Vec::new(),
        notifications: Vec::new(),
        leftovers: Vec::new(),
        warnings: Vec::new(),
    };
    if started.duration_since(key.scheduled_time).abs() > STALE_AFTER {
        return Ok(report);
    }
    let item = load(C::ID, ports).await.map_err(RunError::State)?;
    if is_done(&item.stored, &key) {
        report.outcome = Outcome::Refused { refusal: Refusal::Duplicate };
        return Ok(report);
    }

    let flow = run_flow(prepared, ports, invocation, &item.stored, began, &mut report).await;
    report.ended = ports.clock.now();
    let mut finished = FinishedRun::new(prepared, ports, &report, flow);
    finished.read_dependencies(&item.stored.state).await;
    let written = commit(&finished, ports, item).await;
    let written = match written {
        Ok(written) => written,
        Err(error) => return Err(RunError::NotStored { error, report: Box::new(report) }),
    };
    let Some(written) = written else {
        report.outcome = Outcome::Refused { refusal: Refusal::Duplicate };
        report.attempts.clear();
        return Ok(report);
    };
    written.complete(&mut report, ports);

    let numbers = data(&report, C::COMPENSATES, written.oldest_unsent);
    let delivered = publish_and_notify(ports, C::ID, &numbers, &written.send, &written.without_copy).await;
    report.warnings.extend(delivered.warnings.into_iter().map(|warning| admit(warning, ports)));
    if let Err(error) = delivered.metrics {
        return Err(RunError::NotPublished { error, report: Box::new(report) });
    }
    if report.outcome == Outcome::Passed
        && let Some(reference) = &prepared.run.heartbeat_url
        && let Err(warning) = crate::heartbeat::ping(ports, &prepared.common.network, reference, &report).await
    {
        report.warnings.push(admit(warning, ports));
    }
    Ok(report)
}

/// Maximum length of a warning, in characters.
const MAX_WARNING: usize = 400;

fn admit(warning: Phrase, ports: &Ports) -> Text {
    warning.admit(&ports.redactor, MAX_WARNING)
}

/// Stored state and the time at which it was read.
struct Loaded {
    stored: StateItem,
    at: Timestamp,
}

async fn load(check: &str, ports: &Ports) -> Result<Loaded, PortError> {
    let at = ports.clock.now();
    Ok(Loaded { stored: ports.state.load(check).await?, at })
}

/// Returns true if the slot's last run is this one or a later one. Each manual run is another one, whatever its time.
fn is_done(item: &StateItem, key: &RunKey) -> bool {
    !key.shard.manual && item.last_run.get(&key.slot()).is_some_and(|last| last.at >= key.scheduled_time)
}

/// Time under which a run is stored: that of its schedule. A manual run comes after the one before it, even if it began
/// earlier or the clock was set back.
fn stored_time(item: &StateItem, key: &RunKey) -> Timestamp {
    let last = item.last_run.get(&key.slot()).filter(|_| key.shard.manual);
    last.map_or(key.scheduled_time, |last| key.scheduled_time.max(last.at + SignedDuration::from_millis(1)))
}

struct FlowResult<M> {
    /// True if the last attempt ran to its end.
    is_complete: bool,
    /// Memory after the last attempt.
    memory: RunMemory<M>,
}

/// Runs the flow, and a second time to confirm a failure if there is time. Without its memory the flow is not run.
async fn run_flow<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    invocation: &Invocation,
    item: &StateItem,
    began: Instant,
    report: &mut Report,
) -> FlowResult<C::Memory> {
    let base = match memory::read::<C::Memory>(item.memory.as_deref()) {
        Ok(base) => base,
        Err(error) => {
            let detail = error.explain(C::ID, &prepared.common.environment, ports);
            let attempt = not_started(ports, Cause::State, detail);
            report.outcome = attempt.outcome();
            report.attempts.push(attempt);
            return FlowResult { is_complete: false, memory: RunMemory::Unread };
        }
    };
    let memory = MemoryCell::new(base.clone());
    let needed = prepared.check.max_attempt_duration();
    // The wall clock may jump during the run, so it is compared with Lambda's deadline only once, at the start.
    let lasts = invocation.killed_at.map(|killed| {
        let lasts = Duration::try_from(killed.duration_since(report.started)).unwrap_or_default();
        lasts.saturating_sub(reserve(C::COMPENSATES))
    });
    let allowance = || {
        let elapsed = ports.clock.instant().saturating_duration_since(began);
        let by_settings = prepared.run.deadline.saturating_sub(elapsed);
        let time = lasts.map_or(by_settings, |lasts| lasts.saturating_sub(elapsed).min(by_settings));
        Allowance { time, is_cut_short: time < by_settings && time < needed }
    };
    let key = report.key.clone();
    let (run_id, trace_id) = (report.run_id.clone(), report.trace_id.clone());
    let is_complete = loop {
        let execution = Execution {
            key: &key,
            run_id: &run_id,
            trace_id: &trace_id,
            may_send: invocation.may_send,
            is_confirming: !report.attempts.is_empty(),
            tag: invocation.tag.as_deref(),
            explanation: invocation.explanation.as_ref(),
        };
        let AttemptResult { mut attempt, is_complete, leftovers, warnings } =
            attempt(prepared, ports, &execution, allowance(), Task::Flow(&memory)).await;
        report.leftovers.extend(leftovers);
        for warning in warnings.into_iter().map(|warning| admit(warning, ports)) {
            if !report.warnings.contains(&warning) {
                report.warnings.push(warning);
            }
        }
        if let Some(first) = report.attempts.first() {
            keep_results(&mut attempt, first, &prepared.check);
        }
        report.outcome = attempt.outcome();
        report.attempts.push(attempt);
        let to_confirm = C::READ_ONLY
            && invocation.explanation.is_none()
            && report.attempts.len() == 1
            && can_be_confirmed(&report.outcome, &prepared.check);
        // A server's `Retry-After` is respected as long as the run lasts.
        let wait =
            prepared.run.confirm_after.max(report.attempts.iter().filter_map(requested_wait).max().unwrap_or_default());
        if !to_confirm || allowance().time < wait.saturating_add(needed) {
            break is_complete;
        }
        tokio::select! {
            biased;
            () = ports.interrupt.cancelled() => break is_complete,
            () = ports.clock.sleep(wait) => {}
        }
    };
    let ours = memory.get();
    if let Err(problem) = memory::check_size(C::ID, &ours) {
        // What the run has recorded is lost, so a pass would promise too much.
        let unkept = not_started(ports, Cause::State, problem);
        if let Some(attempt) = report.attempts.last_mut() {
            attempt.steps.extend(unkept.steps);
            report.outcome = attempt.outcome();
        }
        return FlowResult { is_complete, memory: RunMemory::Unread };
    }
    FlowResult { is_complete, memory: RunMemory::Read { stored: item.memory.clone(), base, ours } }
}

/// Longest wait requested by the servers of an attempt.
fn requested_wait(attempt: &Attempt) -> Option<Duration> {
    let exchanges = attempt.steps.iter().flat_map(|step| &step.exchanges);
    exchanges.filter_map(|exchange| exchange.retry_after_ms).max().map(Duration::from_millis)
}

/// A run after its flow: all that its decisions depend on, except the stored state.
struct FinishedRun<'a, C: Check> {
    prepared: &'a Prepared<C>,
    ports: &'a Ports,
    report: &'a Report,
    votes: BTreeMap<Subject, Vote>,
    subjects: Option<BTreeSet<Subject>>,
    windows: Vec<Silence>,
    memory: RunMemory<C::Memory>,
    dependencies: Vec<Dependency>,
    affected: Vec<AffectedCheck>,
    warnings: Vec<Phrase>,
}

/// One write of a run, and the parts of the report that apply once it is written.
struct Draft {
    commit: Commit,
    /// Messages to send, whole.
    send: Vec<Delivery>,
    /// Keys of those of which the outbox has no copy.
    without_copy: BTreeSet<String>,
    reasons: Vec<Reason>,
    notification_ids: Vec<String>,
    oldest_unsent: Option<Timestamp>,
    warnings: Vec<Phrase>,
}

impl<'a, C: Check> FinishedRun<'a, C> {
    fn new(prepared: &'a Prepared<C>, ports: &'a Ports, report: &'a Report, flow: FlowResult<C::Memory>) -> Self {
        let scheduled_time = report.key.scheduled_time;
        Self {
            prepared,
            ports,
            report,
            votes: votes(&report.attempts, flow.is_complete, |subject| prepared.check.repeats(subject)),
            subjects: prepared.check.subjects(),
            windows: prepared.common.windows.iter().flat_map(|window| window.silences(C::ID, scheduled_time)).collect(),
            memory: flow.memory,
            dependencies: Vec::new(),
            affected: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads what the decision and its messages need of other checks: nothing after a passed run. The checks that need this one
    /// matter to messages about its failures only.
    async fn read_dependencies(&mut self, state: &CheckState) {
        let now = self.report.key.scheduled_time;
        let failing = self.votes.values().filter_map(|vote| match vote {
            Vote::Failing { failure, .. } => Some(failure),
            Vote::Healthy | Vote::Inconclusive(_) | Vote::Maintenance => None,
        });
        let failures: Vec<_> = failing.collect();
        if failures.is_empty() {
            return;
        }
        let windows = &self.prepared.common.windows;
        let (dependencies, mut warnings) = needed(C::NEEDS, &failures, windows, now, self.ports).await;
        self.dependencies = dependencies;
        if !C::NEEDED_BY.is_empty()
            && self.decide(state).reasons.iter().any(|reason| reason.notification_reason.event().is_some())
        {
            let (affected, unread) = affected(C::NEEDED_BY, now, self.ports).await;
            self.affected = affected;
            warnings.extend(unread);
        }
        self.warnings = warnings;
    }

    /// Decides on the stored state.
    fn decide(&self, state: &CheckState) -> Decision {
        let findings = Findings {
            run: &self.report.key,
            run_id: &self.report.run_id,
            votes: &self.votes,
            passed: match self.report.outcome {
                Outcome::Passed => Some(true),
                Outcome::Failed { .. } => Some(false),
                Outcome::Inconclusive { .. } | Outcome::Maintenance { .. } | Outcome::Refused { .. } => None,
            },
            subjects: self.subjects.as_ref(),
            leftovers: &self.report.leftovers,
            windows: &self.windows,
            dependencies: &self.dependencies,
        };
        decide(state, &findings, &self.prepared.run.policy)
    }

    /// Composes the messages of a decision.
    fn compose(&self, decision: &Decision, state: &CheckState) -> Vec<Notification> {
        let Self { prepared: Prepared { common, run, check, .. }, report, .. } = self;
        let reasons = &decision.reasons;
        let notified = reasons.iter().filter(|reason| reason.notification_reason.event().is_some());
        let since = notified.map(|reason| reason.since).min();
        let owner = |subject: &Subject| Some((subject.clone(), check.owner(subject)?));
        let owners = reasons.iter().filter_map(|reason| owner(&reason.subject)).collect();
        let context = Context {
            environment: &common.environment,
            region: self.ports.region.as_deref(),
            machine: self.ports.machine.as_ref(),
            run: &report.key,
            run_id: &report.run_id,
            trace_id: &report.trace_id,
            attempts: &report.attempts,
            last_successful_run: state.last_successful_run.as_ref(),
            error_budget: run
                .objective
                .map(|objective| ErrorBudget::new(objective, &decision.next.runs, report.key.scheduled_time)),
            affected: &self.affected,
            leftover_severity: Severity::Warning,
            flap_window: run.policy.flap_window,
            remind_every: run.policy.remind_every,
            contact: &common.contact,
            owners: &owners,
            links: common.links.fill(report, since),
        };
        compose(decision, &context)
    }

    /// Joins decision, messages and memory into one write on top of the stored state.
    fn draft(&self, item: &Loaded, ports: &Ports) -> Draft {
        let Loaded { stored, at: read_at } = item;
        let decision = self.decide(&stored.state);
        let notifications = self.compose(&decision, &stored.state);
        let outbox = OutboxChanges::new(&stored.outbox, *read_at, &notifications, ports);
        let memory = self.memory.to_store(stored.memory.as_deref());
        let key = &self.report.key;
        let discarded = outbox.discard.iter().map(|key| {
            phrase!(
                "discarded {}: the outbox is full, because its topic has not accepted messages for a long time",
                ours(key)
            )
        });
        let without_copy = outbox
            .without_copy
            .iter()
            .map(|key| phrase!("sent {} without a copy in the outbox, which is full", ours(key)));
        let unread = self.warnings.iter().cloned();
        let warnings: Vec<Phrase> = unread.chain(memory.warning).chain(discarded).chain(without_copy).collect();
        let commit = Commit {
            check: C::ID.to_owned(),
            expected_version: stored.version,
            slot: key.slot(),
            last_run: LastRun {
                at: stored_time(stored, key),
                run_id: self.report.run_id.clone(),
                provenance: Some(Provenance {
                    release: ports.release.clone(),
                    settings: self.prepared.settings_digest.clone(),
                }),
            },
            forget: slots_to_forget(&stored.last_run, key),
            state: decision.next,
            memory: memory.text,
            discard: outbox.removed(&stored.outbox),
            enqueue: outbox.enqueue,
            changes: decision.changes,
        };
        let mut draft = Draft {
            commit,
            send: outbox.send,
            without_copy: outbox.without_copy,
            reasons: decision.reasons,
            notification_ids: notifications.into_iter().map(|notification| notification.notification_id).collect(),
            oldest_unsent: outbox.oldest_unsent,
            warnings,
        };
        draft.fit(stored);
        draft
    }
}

impl Draft {
    /// Gives up the outbox when the item is too large in spite of the limits of its parts. The table refuses a larger one,
    /// and then nothing of the run would be reported.
    fn fit(&mut self, stored: &StateItem) {
        let bytes = self.bytes(stored);
        if bytes <= StateItem::MAX_BYTES {
            return;
        }
        self.without_copy.extend(self.send.iter().map(Delivery::key));
        self.commit.enqueue.clear();
        self.commit.discard = stored.outbox.iter().map(Delivery::key).collect();
        self.warnings.push(phrase!(
            "the state item of {} would have {} bytes, more than {}: its outbox was emptied, and it has {} now",
            ours(&self.commit.check),
            bytes,
            StateItem::MAX_BYTES,
            self.bytes(stored)
        ));
    }

    /// Size of the item after the write.
    fn bytes(&self, stored: &StateItem) -> usize {
        let mut item = stored.clone();
        self.commit.apply_to(&mut item);
        item.bytes(&self.commit.check)
    }

    /// Adds the written decisions to the report.
    fn complete(&self, report: &mut Report, ports: &Ports) {
        report.reasons.clone_from(&self.reasons);
        report.notifications.clone_from(&self.notification_ids);
        report.warnings.extend(self.warnings.iter().cloned().map(|warning| admit(warning, ports)));
    }
}

/// Maximum number of slots in the item.
const MAX_SLOTS: usize = 64;
/// Maximum number of slots removed at once: the table takes 4 KB for the expression of a write, which names each.
const MAX_FORGOTTEN: usize = 20;
/// Time without a run after which a slot is removed. Events of its runs would be stale long before.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Slots to remove: those without a run in the last 24 hours, and beyond [`MAX_SLOTS`] those that ran longest ago.
fn slots_to_forget(last_run: &BTreeMap<String, LastRun>, key: &RunKey) -> Vec<String> {
    let own = key.slot();
    let mut others: Vec<_> = last_run.iter().filter(|(slot, _)| **slot != own).collect();
    others.sort_by_key(|(_, last)| last.at);
    let excess = (others.len() + 1).saturating_sub(MAX_SLOTS);
    let is_old = |last: &LastRun| key.scheduled_time.duration_since(last.at) >= FORGOTTEN_AFTER;
    let forgotten = others.into_iter().enumerate().filter(|(index, (_, last))| *index < excess || is_old(last));
    forgotten.take(MAX_FORGOTTEN).map(|(_, (slot, _))| slot.clone()).collect()
}

/// Result of one conditional write.
enum Write {
    /// It is stored.
    Done,
    /// Another process has done this same run, or a later one of its slot.
    Duplicate,
    /// Another run has written since the item was read. Here is its newer state.
    Conflict(Box<Loaded>),
}

/// Decides and writes; decides again on the newer state when another run has written in between. Returns `None` if
/// another process did this same run in the meantime.
async fn commit<C: Check>(
    run: &FinishedRun<'_, C>,
    ports: &Ports,
    mut item: Loaded,
) -> Result<Option<Draft>, PortError> {
    for _ in 0..MAX_DECISIONS {
        let draft = run.draft(&item, ports);
        match write(&draft.commit, &run.report.key, ports).await? {
            Write::Done => return Ok(Some(draft)),
            Write::Duplicate => return Ok(None),
            Write::Conflict(newer) => item = *newer,
        }
    }
    let detail = format!("other runs changed it {MAX_DECISIONS} times in between");
    Err(PortError { operation: format!("write the state of {}", C::ID), detail, retryable: true })
}

/// Writes. If the write is refused, reads the item again to find out why.
async fn write(commit: &Commit, key: &RunKey, ports: &Ports) -> Result<Write, PortError> {
    match ports.state.commit(commit).await {
        Ok(()) => return Ok(Write::Done),
        Err(CommitError::Store(error)) => return Err(error),
        Err(CommitError::Moved) => {}
    }
    let newer = load(&commit.check, ports).await?;
    Ok(match newer.stored.last_run.get(&commit.slot) {
        // The client retries a write whose answer was lost, and the retry is refused.
        Some(last) if last.run_id == commit.last_run.run_id => Write::Done,
        Some(_) if is_done(&newer.stored, key) => Write::Duplicate,
        _ => Write::Conflict(Box::new(newer)),
    })
}
