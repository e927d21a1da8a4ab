//! One run, from the event to the notification: see `docs/architecture.md`, "One run".

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use check::incident::{Findings, Severity, Silence, Vote, decide};
use check::message::{Context, Notification, compose};
use check::{Attempt, Outcome, Refusal, Report, RunKey, Subject, Verdict};

use crate::attempt::{Allowance, AttemptResult, Task, attempt};
use crate::clock::signed;
use crate::deliver::{data, publish_and_notify};
use crate::execution::Execution;
use crate::reserve::reserve;
use crate::run_id::run_id;
use crate::{
    Check, Commit, CommitError, Delivery, LastRun, MalformedEvent, PortError, Ports, Prepared, StateItem, Trigger,
};

/// Events further from now than this are refused. A cron rule fires at any second of its minute, and Lambda drops
/// events after 60 s of waiting.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// Number of decisions before a run gives up because other runs keep writing.
const MAX_DECISIONS: u32 = 4;
/// Maximum size of the memory, in bytes of JSON.
const MAX_MEMORY: usize = 8 * 1024;
/// Time for which a run leaves another run's messages in the outbox alone: that run is still sending them, unless it
/// was killed.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// Maximum size of the outbox, in bytes of JSON. With state and memory it stays below the table's limit for an item.
const MAX_OUTBOX: usize = 130_000;

/// Input of a run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Event as received.
    pub event: Value,
    /// Time at which the execution is killed; `None` if nothing kills it.
    pub killed_at: Option<Timestamp>,
    /// True if the run may send messages to mailboxes and phones. They cost money and reach people.
    pub may_send: bool,
}

impl Invocation {
    /// A manual run without a time limit.
    #[must_use]
    pub fn manual() -> Self {
        Self { event: Value::Object(serde_json::Map::new()), killed_at: None, may_send: true }
    }
}

/// Reason why an invocation failed. A failed or inconclusive check is not an error: it was reported.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event has no accepted form.
    #[error(transparent)]
    MalformedEvent(#[from] MalformedEvent),
    /// The state could not be read or written.
    #[error(transparent)]
    State(PortError),
    /// The metrics were not accepted. Everything else was done.
    #[error(transparent)]
    Metrics(PortError),
}

impl RunError {
    /// Error type that Lambda reports in its log and to the failure queue.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::MalformedEvent(_) => "MalformedEvent",
            Self::State(_) => "StateUnavailable",
            Self::Metrics(_) => "MetricsNotPublished",
        }
    }

    /// Returns true if the same run may succeed later. Runs are not retried: the schedule starts the next one.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::MalformedEvent(_) => false,
            Self::State(error) | Self::Metrics(error) => error.is_retryable(),
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
    let started = ports.clock.now();
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
    let item = load::<C>(ports).await?;
    if is_done(&item.stored, &key) {
        report.outcome = Outcome::Refused { refusal: Refusal::Duplicate };
        return Ok(report);
    }

    let FlowResult { is_complete, memory } = run_flow(prepared, ports, invocation, &item.stored, &mut report).await;
    report.ended = ports.clock.now();
    let votes = votes(&report.attempts, is_complete);
    let Some(committed) = commit(prepared, ports, item, &votes, memory, &mut report).await? else {
        report.outcome = Outcome::Refused { refusal: Refusal::Duplicate };
        report.attempts.clear();
        return Ok(report);
    };

    let numbers = data(&report, !C::READ_ONLY, committed.oldest_unsent);
    let delivered = publish_and_notify(ports, C::ID, &numbers, &committed.deliveries).await;
    report.warnings.extend(delivered.warnings.iter().map(|warning| ports.redactor.redact(warning)));
    delivered.metrics.map_err(RunError::Metrics)?;
    if report.outcome == Outcome::Passed
        && let Some(reference) = &prepared.run.heartbeat_url
        && let Err(warning) = crate::heartbeat::ping(ports, &prepared.common.network, reference, &report).await
    {
        report.warnings.push(ports.redactor.redact(&warning));
    }
    Ok(report)
}

/// Stored state and the time at which it was read.
struct Loaded {
    stored: StateItem,
    at: Timestamp,
}

async fn load<C: Check>(ports: &Ports) -> Result<Loaded, RunError> {
    let at = ports.clock.now();
    Ok(Loaded { stored: ports.state.load(C::ID).await.map_err(RunError::State)?, at })
}

/// Returns true if the slot's last run is this one or a later one.
fn is_done(item: &StateItem, key: &RunKey) -> bool {
    item.last_run.get(&key.slot()).is_some_and(|last| last.at >= key.scheduled_time)
}

struct FlowResult {
    /// True if the last attempt ran to its end.
    is_complete: bool,
    /// Memory to store.
    memory: Option<String>,
}

/// Runs the flow, and a second time to confirm a failure if there is time.
async fn run_flow<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    invocation: &Invocation,
    item: &StateItem,
    report: &mut Report,
) -> FlowResult {
    let started = report.started;
    let needed = prepared.check.max_attempt_duration();
    let allowance = || {
        let now = ports.clock.now();
        let by_settings = signed(prepared.run.deadline) - now.duration_since(started);
        let by_lambda = invocation.killed_at.map(|killed| killed.duration_since(now) - signed(reserve(C::READ_ONLY)));
        let left = by_lambda.map_or(by_settings, |by_lambda| by_lambda.min(by_settings));
        Allowance {
            time: Duration::try_from(left).unwrap_or_default(),
            is_cut_short: left < by_settings && left < signed(needed),
        }
    };
    let key = report.key.clone();
    let (run_id, trace_id) = (report.run_id.clone(), report.trace_id.clone());
    let execution = Execution { key: &key, run_id: &run_id, trace_id: &trace_id, may_send: invocation.may_send };
    let mut memory = item.memory.clone();
    let is_complete = loop {
        let AttemptResult { attempt, is_complete, memory: remembered, leftovers } =
            attempt(prepared, ports, &execution, allowance(), memory.take(), Task::Flow).await;
        memory = remembered;
        report.leftovers.extend(leftovers);
        report.outcome = attempt.outcome();
        report.attempts.push(attempt);
        let to_confirm = C::READ_ONLY && report.attempts.len() == 1 && matches!(report.outcome, Outcome::Failed { .. });
        // A server's `Retry-After` is respected as long as the run lasts.
        let wait =
            prepared.run.confirm_after.max(report.attempts.iter().filter_map(requested_wait).max().unwrap_or_default());
        if !to_confirm || allowance().time < wait.saturating_add(needed) {
            break is_complete;
        }
        ports.clock.sleep(wait).await;
    };
    if let Some(memory) = memory.take_if(|memory| memory.len() > MAX_MEMORY) {
        report.warnings.push(format!("memory of {} bytes was dropped: expected at most {MAX_MEMORY}", memory.len()));
    }
    FlowResult { is_complete, memory }
}

/// Longest wait requested by the servers of an attempt.
fn requested_wait(attempt: &Attempt) -> Option<Duration> {
    let exchanges = attempt.steps.iter().flat_map(|step| &step.exchanges);
    exchanges.filter_map(|exchange| exchange.retry_after_ms).max().map(Duration::from_millis)
}

/// Votes of the last attempt on each subject. A failure is confirmed if the first attempt found it too. Subjects of an
/// attempt cut off before its end are not voted healthy.
fn votes(attempts: &[Attempt], is_complete: bool) -> BTreeMap<Subject, Vote> {
    let Some((last, earlier)) = attempts.split_last() else { return BTreeMap::new() };
    let earlier: Vec<_> = earlier.iter().map(Attempt::verdicts).collect();
    let confirmed = |subject: &Subject| {
        !earlier.is_empty() && earlier.iter().all(|verdicts| matches!(verdicts.get(subject), Some(Verdict::Failing(_))))
    };
    let verdicts = last.verdicts();
    let is_judged = !verdicts.is_empty();
    let mut votes: BTreeMap<Subject, Vote> = verdicts
        .into_iter()
        .filter_map(|(subject, verdict)| match verdict {
            Verdict::Healthy => is_complete.then_some((subject, Vote::Healthy)),
            Verdict::Failing(failure) => {
                let confirmed = confirmed(&subject);
                Some((subject, Vote::Failing { failure, confirmed }))
            }
            Verdict::Inconclusive(inconclusive) => Some((subject, Vote::Inconclusive(inconclusive))),
            Verdict::Maintenance(_) => Some((subject, Vote::Maintenance)),
        })
        .collect();
    // A run always votes on the check as a whole, at least on reaching a verdict.
    match last.outcome() {
        Outcome::Inconclusive { inconclusive } if !is_judged => {
            votes.insert(Subject::whole(), Vote::Inconclusive(inconclusive));
        }
        _ if is_complete => {
            votes.entry(Subject::whole()).or_insert(Vote::Healthy);
        }
        _ => {}
    }
    votes
}

struct Committed {
    deliveries: Vec<Delivery>,
    oldest_unsent: Option<Timestamp>,
}

/// Decides and writes; decides again on the newer state when another run wrote in between. Returns `None` if another
/// process did this same run in the meantime.
async fn commit<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    mut item: Loaded,
    votes: &BTreeMap<Subject, Vote>,
    ours: Option<String>,
    report: &mut Report,
) -> Result<Option<Committed>, RunError> {
    let base = item.stored.memory.clone();
    let mut memory = ours.clone();
    let subjects = prepared.check.subjects();
    let key = report.key.clone();
    let windows: Vec<Silence> =
        prepared.common.windows.iter().flat_map(|window| window.silences(C::ID, key.scheduled_time)).collect();
    let leftovers = report.leftovers.clone();
    for _ in 0..MAX_DECISIONS {
        let findings = Findings {
            run: &key,
            run_id: &report.run_id,
            votes,
            subjects: subjects.as_ref(),
            leftovers: &leftovers,
            windows: &windows,
        };
        let policy = &prepared.run.policy;
        let Loaded { stored, at } = &item;
        let decision = decide(&stored.state, &findings, policy);
        let since = decision
            .reasons
            .iter()
            .filter(|reason| reason.notification_reason.event().is_some())
            .map(|reason| reason.since);
        let owner = |subject: &Subject| Some((subject.clone(), prepared.check.owner(subject)?));
        let owners = decision.reasons.iter().filter_map(|reason| owner(&reason.subject)).collect();
        let notifications = compose(
            &decision,
            &Context {
                environment: &prepared.common.environment,
                run: &key,
                run_id: &report.run_id,
                trace_id: &report.trace_id,
                attempts: &report.attempts,
                last_successful_run: stored.state.last_successful_run.as_ref(),
                leftover_severity: Severity::Warning,
                flap_window: prepared.run.policy.flap_window,
                remind_every: policy.remind_every,
                contact: &prepared.common.contact,
                owners: &owners,
                links: prepared.common.links.fill(report, since.min()),
            },
        );
        let now = ports.clock.now();
        let mut enqueue = overdue_deliveries(&stored.outbox, *at, now);
        let oldest_unsent = enqueue.iter().map(|delivery| delivery.notification.at).min();
        enqueue.extend(new_deliveries(&notifications, ports, now));
        let discard = deliveries_to_discard(&stored.outbox, &enqueue);
        let commit = Commit {
            check: C::ID.to_owned(),
            expected_version: stored.version,
            slot: key.slot(),
            last_run: LastRun { at: key.scheduled_time, run_id: report.run_id.clone() },
            state: decision.next,
            memory: memory.clone(),
            enqueue,
            discard,
            changes: decision.changes,
        };
        let is_written = match ports.state.commit(&commit).await {
            Ok(()) => true,
            Err(CommitError::Store(error)) => return Err(RunError::State(error)),
            Err(CommitError::Moved) => {
                let newer = load::<C>(ports).await?;
                // A retry by the client, of a write whose answer was lost, is refused; the slot then names this run.
                let is_own_write =
                    newer.stored.last_run.get(&commit.slot).is_some_and(|last| last.run_id == report.run_id);
                if !is_own_write && is_done(&newer.stored, &key) {
                    return Ok(None);
                }
                let theirs = newer.stored.memory.as_deref();
                let merged = ours.as_deref().map(|ours| C::merged(base.as_deref(), ours, theirs));
                memory = merged.filter(|merged| merged.len() <= MAX_MEMORY).or_else(|| ours.clone());
                item = newer;
                is_own_write
            }
        };
        if is_written {
            report.reasons = decision.reasons;
            report.notifications = notifications.into_iter().map(|notification| notification.notification_id).collect();
            report.warnings.extend(commit.discard.iter().map(|key| {
                format!(
                    "discarded {key}: the outbox is full, because its topic has not accepted messages for a long time"
                )
            }));
            return Ok(Some(Committed { deliveries: commit.enqueue, oldest_unsent }));
        }
    }
    let detail = format!("other runs changed it {MAX_DECISIONS} times in between");
    Err(RunError::State(PortError { operation: format!("write the state of {}", C::ID), detail, retryable: true }))
}

/// Messages that no run delivered within the lease, as of reading the outbox. This run takes them over; the same
/// conditional write records that, so no other run sends them too.
fn overdue_deliveries(outbox: &[Delivery], read_at: Timestamp, now: Timestamp) -> Vec<Delivery> {
    let is_due = |delivery: &&Delivery| read_at.duration_since(delivery.queued_at) >= LEASE;
    outbox.iter().filter(is_due).map(|delivery| Delivery { queued_at: now, ..delivery.clone() }).collect()
}

/// Creates one delivery per message and topic.
fn new_deliveries(notifications: &[Notification], ports: &Ports, queued_at: Timestamp) -> Vec<Delivery> {
    notifications
        .iter()
        .flat_map(|notification| {
            let topics = notification.topics().into_iter().filter(|topic| ports.notifier.has(*topic));
            topics.map(|topic| Delivery { topic, notification: notification.clone(), queued_at })
        })
        .collect()
}

/// Keys of the oldest unsent messages to discard for new ones. By then the metric `OldestUnsentNotification` has long
/// reported their topic.
fn deliveries_to_discard(outbox: &[Delivery], enqueue: &[Delivery]) -> Vec<String> {
    let size = |delivery: &Delivery| serde_json::to_string(delivery).map_or(0, |text| text.len());
    let is_sent_now = |delivery: &Delivery| enqueue.iter().any(|other| other.key() == delivery.key());
    let mut oldest: Vec<&Delivery> = outbox.iter().filter(|delivery| !is_sent_now(delivery)).collect();
    oldest.sort_by_key(|delivery| delivery.queued_at);
    let mut bytes: usize = oldest.iter().copied().chain(enqueue).map(size).sum();
    let exceeds_limit = |delivery: &&&Delivery| {
        let is_full = bytes > MAX_OUTBOX;
        bytes = bytes.saturating_sub(size(delivery));
        is_full
    };
    oldest.iter().take_while(exceeds_limit).map(|delivery| delivery.key()).collect()
}
