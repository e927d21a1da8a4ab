//! One run, from the event to the word: design in `docs/architecture.md`, "One run".

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use check::incident::{Findings, Severity, Silence, Vote, decide};
use check::message::{Context, Notification, compose};
use check::{Attempt, Outcome, Refusal, Report, RunKey, Subject, Verdict};

use crate::attempt::{Allowance, Attempted, Execution, Task, attempt, reserve};
use crate::clock::signed;
use crate::deliver::{data, publish_and_notify};
use crate::run_id::run_id;
use crate::{
    Check, Commit, CommitError, Delivery, LastRun, MalformedEvent, PortError, Ports, Prepared, StateItem, Trigger,
};

/// Events further from now than this are refused. A cron rule fires anywhere within its minute, and Lambda drops what
/// has waited for 60 s.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(120);
/// How often a run decides again when another one wrote in between.
const MAX_DECISIONS: u32 = 4;
/// The longest memory, in bytes of JSON.
const MAX_MEMORY: usize = 8 * 1024;
/// What another run has put in the outbox is left alone for so long: its run is sending it. One that was killed is not.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// The longest outbox, in bytes of JSON. With state and memory it stays under what the table takes for an item.
const MAX_OUTBOX: usize = 130_000;

/// What starts a run.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The event as it came.
    pub event: Value,
    /// When the execution will be killed; `None` where nothing kills it.
    pub killed_at: Option<Timestamp>,
    /// Whether messages may be sent to mailboxes and phones. They cost, and somebody has them.
    pub may_send: bool,
}

impl Invocation {
    /// A run by hand, with all the time it needs.
    #[must_use]
    pub fn manual() -> Self {
        Self { event: Value::Object(serde_json::Map::new()), killed_at: None, may_send: true }
    }
}

/// Why an invocation failed. A check that failed, or could not judge, is no error: it was reported.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event is none of the accepted ones.
    #[error(transparent)]
    MalformedEvent(#[from] MalformedEvent),
    /// The state could not be read or written.
    #[error(transparent)]
    State(PortError),
    /// The metrics were not taken. Everything else was done.
    #[error(transparent)]
    Metrics(PortError),
}

impl RunError {
    /// The error type that Lambda reports, in its log and to the failure queue.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::MalformedEvent(_) => "MalformedEvent",
            Self::State(_) => "StateUnavailable",
            Self::Metrics(_) => "MetricsNotPublished",
        }
    }

    /// Whether the same run may work later. Runs are not repeated by themselves: the schedule brings the next one.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::MalformedEvent(_) => false,
            Self::State(error) | Self::Metrics(error) => error.is_retryable(),
        }
    }
}

/// One run of a check.
///
/// **Side effects:** requests to the platform, whatever the check creates and undoes there, one write of state, metrics,
/// and messages that **may wake a person**.
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

    let Judged { is_whole, memory } = judge(prepared, ports, invocation, &item.stored, &mut report).await;
    report.ended = ports.clock.now();
    let votes = votes(&report.attempts, is_whole);
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

/// What is stored, and when it was read.
struct Loaded {
    stored: StateItem,
    at: Timestamp,
}

async fn load<C: Check>(ports: &Ports) -> Result<Loaded, RunError> {
    let at = ports.clock.now();
    Ok(Loaded { stored: ports.state.load(C::ID).await.map_err(RunError::State)?, at })
}

/// Whether the slot's last run is this one or a later one.
fn is_done(item: &StateItem, key: &RunKey) -> bool {
    item.last_run.get(&key.slot()).is_some_and(|last| last.at >= key.scheduled_time)
}

struct Judged {
    /// Whether the last attempt came to its end.
    is_whole: bool,
    /// To be stored.
    memory: Option<String>,
}

/// Runs the flow, and once more when a failure is to be confirmed and there is time.
async fn judge<C: Check>(
    prepared: &Prepared<C>,
    ports: &Ports,
    invocation: &Invocation,
    item: &StateItem,
    report: &mut Report,
) -> Judged {
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
    let is_whole = loop {
        let Attempted { attempt, is_whole, memory: remembered, leftovers } =
            attempt(prepared, ports, &execution, allowance(), memory.take(), Task::Flow).await;
        memory = remembered;
        report.leftovers.extend(leftovers);
        report.outcome = attempt.outcome();
        report.attempts.push(attempt);
        let to_confirm = C::READ_ONLY && report.attempts.len() == 1 && matches!(report.outcome, Outcome::Failed { .. });
        // Who asks to be left alone for a while is, as long as the run lasts.
        let wait =
            prepared.run.confirm_after.max(report.attempts.iter().filter_map(asked_to_wait).max().unwrap_or_default());
        if !to_confirm || allowance().time < wait.saturating_add(needed) {
            break is_whole;
        }
        ports.clock.sleep(wait).await;
    };
    if let Some(memory) = memory.take_if(|memory| memory.len() > MAX_MEMORY) {
        report.warnings.push(format!("memory of {} bytes is not kept: at most {MAX_MEMORY}", memory.len()));
    }
    Judged { is_whole, memory }
}

/// For how long the servers of an attempt asked to be left alone.
fn asked_to_wait(attempt: &Attempt) -> Option<Duration> {
    let exchanges = attempt.steps.iter().flat_map(|step| &step.exchanges);
    exchanges.filter_map(|exchange| exchange.retry_after_ms).max().map(Duration::from_millis)
}

/// What the last attempt says about each subject; a failure is confirmed when the first attempt saw it too. What seemed
/// healthy until the attempt was cut off has no vote.
fn votes(attempts: &[Attempt], is_whole: bool) -> BTreeMap<Subject, Vote> {
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
            Verdict::Healthy => is_whole.then_some((subject, Vote::Healthy)),
            Verdict::Failing(failure) => {
                let confirmed = confirmed(&subject);
                Some((subject, Vote::Failing { failure, confirmed }))
            }
            Verdict::Inconclusive(inconclusive) => Some((subject, Vote::Inconclusive(inconclusive))),
            Verdict::Maintenance(_) => Some((subject, Vote::Maintenance)),
        })
        .collect();
    // Of the check as a whole, a run says at least whether it could be done.
    match last.outcome() {
        Outcome::Inconclusive { inconclusive } if !is_judged => {
            votes.insert(Subject::whole(), Vote::Inconclusive(inconclusive));
        }
        _ if is_whole => {
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

/// Decides and writes; again on the newer state when another run wrote in between. `None` when this very run was done
/// by somebody else meanwhile.
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
        let mut enqueue = taken_over(&stored.outbox, *at, now);
        let oldest_unsent = enqueue.iter().map(|delivery| delivery.notification.at).min();
        enqueue.extend(addressed(&notifications, ports, now));
        let discard = no_room(&stored.outbox, &enqueue);
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
                // A write whose answer was lost is refused when the client sends it again: the slot names its run.
                let mine = newer.stored.last_run.get(&commit.slot).is_some_and(|last| last.run_id == report.run_id);
                if !mine && is_done(&newer.stored, &key) {
                    return Ok(None);
                }
                let theirs = newer.stored.memory.as_deref();
                let merged = ours.as_deref().map(|ours| C::merged(base.as_deref(), ours, theirs));
                memory = merged.filter(|merged| merged.len() <= MAX_MEMORY).or_else(|| ours.clone());
                item = newer;
                mine
            }
        };
        if is_written {
            report.reasons = decision.reasons;
            report.notifications = notifications.into_iter().map(|notification| notification.notification_id).collect();
            report.warnings.extend(
                commit.discard.iter().map(|key| {
                    format!("discarded {key}: the outbox is full, since its topic has taken nothing for long")
                }),
            );
            return Ok(Some(Committed { deliveries: commit.enqueue, oldest_unsent }));
        }
    }
    let detail = format!("other runs changed it {MAX_DECISIONS} times in between");
    Err(RunError::State(PortError { operation: format!("write the state of {}", C::ID), detail, retryable: true }))
}

/// What nobody delivered within the time that sending takes, when the outbox was read. This run sends it; that it says so in
/// the same conditional write keeps others from sending it too.
fn taken_over(outbox: &[Delivery], read_at: Timestamp, now: Timestamp) -> Vec<Delivery> {
    let is_due = |delivery: &&Delivery| read_at.duration_since(delivery.queued_at) >= LEASE;
    outbox.iter().filter(is_due).map(|delivery| Delivery { queued_at: now, ..delivery.clone() }).collect()
}

/// One delivery per message and topic.
fn addressed(notifications: &[Notification], ports: &Ports, queued_at: Timestamp) -> Vec<Delivery> {
    notifications
        .iter()
        .flat_map(|notification| {
            let topics = notification.topics().into_iter().filter(|topic| ports.notifier.has(*topic));
            topics.map(|topic| Delivery { topic, notification: notification.clone(), queued_at })
        })
        .collect()
}

/// The oldest unsent messages that must make room for new ones. A topic that takes nothing for so long has been told of
/// by `OldestUnsentNotification` since.
fn no_room(outbox: &[Delivery], enqueue: &[Delivery]) -> Vec<String> {
    let size = |delivery: &Delivery| serde_json::to_string(delivery).map_or(0, |text| text.len());
    let is_sent_now = |delivery: &Delivery| enqueue.iter().any(|other| other.key() == delivery.key());
    let mut oldest: Vec<&Delivery> = outbox.iter().filter(|delivery| !is_sent_now(delivery)).collect();
    oldest.sort_by_key(|delivery| delivery.queued_at);
    let mut bytes: usize = oldest.iter().copied().chain(enqueue).map(size).sum();
    let is_too_much = |delivery: &&&Delivery| {
        let is_full = bytes > MAX_OUTBOX;
        bytes = bytes.saturating_sub(size(delivery));
        is_full
    };
    oldest.iter().take_while(is_too_much).map(|delivery| delivery.key()).collect()
}
