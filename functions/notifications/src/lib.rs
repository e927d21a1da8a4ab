#![doc = include_str!("../README.md")]

mod memory;
mod provider;
mod record;
mod settings;

use std::collections::BTreeSet;
use std::time::Duration;

use ::settings::{Common, Contract, Section, written_id};
use check::metric::{Channel, NOTIFICATION_DELIVERY_DELAY, NOTIFICATION_FAILURES, NOTIFICATION_QUEUE};
use check::{Cause, FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use platform::canaries::Canary as SentCanary;
use platform::counting::{Counters, count};
use platform::{Platform, UserSession, short_id, status};
use probe::Method;
use probe::expect::json_found;
use runtime::{Check, MemoryCell, Run, Step};
use serde_json::Value;

pub use self::settings::{Canary, Notifications, RawNotifications};
use memory::{ChannelCanaries, Memory};
use provider::DeliveryState;
pub use provider::{Kind, Provider};
use record::Recorded;

impl Check for Notifications {
    const ID: &'static str = "notifications";
    // A second attempt in the same run cannot confirm a failure: only a later run detects a canary's delivery.
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = false;
    const CADENCE: Duration = Duration::from_secs(300);
    const OBJECTIVE: Option<f64> = Some(0.95);

    type Raw = RawNotifications;
    type Memory = Memory;

    fn read(raw: RawNotifications, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// One step at its deadline, plus the same time for all other steps.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        let channels = self.channels().map(|(channel, _)| subject(channel));
        Some(channels.chain([Subject::whole(), platform::counting::subject()]).collect())
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let mut user = UserSession::new(run, &self.site);
        // The steps themselves have recorded their failures.
        let pending =
            memory.update(|memory| [&memory.email, &memory.sms].map(|channel| channel.pending().to_vec())).concat();
        if let Ok(record) = self.read_record(run, &mut user, &pending).await {
            for (channel, canary) in self.channels() {
                let mut canaries = memory.update(|memory| memory.channel(channel).clone());
                self.check_delivery(run, channel, canary, &mut canaries, &record).await;
                memory.update(|memory| memory.channel(channel).clone_from(&canaries));
                self.send(run, &user, channel, canary, &mut canaries).await;
                memory.update(|memory| *memory.channel(channel) = canaries);
            }
        } else {
            let reason =
                if run.in_maintenance() { "the platform is in maintenance" } else { "the record could not be read" };
            run.skip_rest(&["record"], reason);
            for (channel, _) in self.channels() {
                run.step(&subject(channel), "delivery").skipped(reason);
            }
        }
        if let Some(counting) = &self.counting
            && !run.in_maintenance()
        {
            let _ = count(run, &self.site, counting, |counters| self.measure(run, counters)).await;
        }
    }
}

impl Notifications {
    fn channels(&self) -> impl Iterator<Item = (Channel, &Canary)> {
        let all = [(Channel::Email, &self.email), (Channel::Sms, &self.sms)];
        all.into_iter().filter_map(|(channel, canary)| Some((channel, canary.as_ref()?)))
    }

    /// Logs in and reads the record, until it holds the pending canaries.
    async fn read_record(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
        pending: &[SentCanary],
    ) -> Result<Vec<Value>, StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        user.log_in(&step, &self.credentials).await?;
        step.passed();
        let step = run.step(&Subject::whole(), "record");
        let names = &self.site.platform.notification;
        let url = names.record.at(&self.site.base_url, &[("user", &written_id(&self.user))]);
        let answer = user.get(&step, url.map_err(|mismatch| step.fail("id", mismatch))?).await?;
        step.check("status", status(&answer, &[200]))?;
        let pointers = [names.id.as_str(), names.status.as_str()];
        let list = user.items(&step, &answer, &pointers, |rows| record::is_enough(names, rows, pending)).await?;
        step.passed();
        Ok(list)
    }

    /// Checks the delivery of the pending canaries.
    async fn check_delivery(
        &self,
        run: &Run,
        channel: Channel,
        canary: &Canary,
        canaries: &mut ChannelCanaries,
        record: &[Value],
    ) {
        let step = run.step(&subject(channel), "delivery");
        if canaries.pending().is_empty() {
            let next = canaries.next(canary.every);
            let next = next.map(|next| phrase!("; the next is due at {}", ours(format!("{next:.0}"))));
            step.skipped(phrase!("nothing to judge: no canary is on its way{}", next.unwrap_or_default()));
            return;
        }
        let mut waiting = None;
        let mut arrived = false;
        // Newest first: once a canary has arrived, older pending ones count as lost and are forgotten.
        for sent in canaries.pending().to_vec().iter().rev() {
            if !canaries.pending().contains(sent) {
                continue;
            }
            let age = run.clock().now().duration_since(sent.at);
            let Ok(state) = self.delivery_state(&step, channel, canary, sent, record).await else { return };
            let result = match state {
                DeliveryState::Delivered(at) => {
                    let delay = at.unwrap_or_else(|| run.clock().now()).duration_since(sent.at);
                    run.measure_channel(&NOTIFICATION_DELIVERY_DELAY, channel, delay.as_secs_f64().max(0.0));
                    canaries.arrived(&sent.id);
                    arrived = true;
                    step.check("arrived", Ok(()))
                }
                DeliveryState::Failed(reason) => {
                    canaries.failed(&sent.id);
                    step.check("arrived", Err(mismatch(canary, sent, FailureKind::Assertion, reason)))
                }
                DeliveryState::OnItsWay(actual) if age.unsigned_abs() >= canary.delivered_within => {
                    let actual = phrase!("{}, {} s after sending", actual, age.as_secs());
                    if record::has_failed(&self.site.platform, record, &sent.id) {
                        canaries.failed(&sent.id);
                        step.check("arrived", Err(mismatch(canary, sent, FailureKind::Assertion, actual)))
                    } else {
                        canaries.late();
                        step.check("in_time", Err(mismatch(canary, sent, FailureKind::Stale, actual)))
                    }
                }
                DeliveryState::OnItsWay(actual) => {
                    waiting = Some(phrase!("a canary has been on its way for {} s: {}", age.as_secs(), actual));
                    Ok(())
                }
            };
            if result.is_err() {
                return;
            }
        }
        match waiting {
            Some(waiting) if !arrived => step.skipped(waiting),
            _ => step.passed(),
        }
    }

    /// Returns the state of a canary from the platform's record, or from the provider if the record has no final status.
    async fn delivery_state(
        &self,
        step: &Step<'_>,
        channel: Channel,
        canary: &Canary,
        sent: &SentCanary,
        record: &[Value],
    ) -> Result<DeliveryState, StepEnded> {
        let names = &self.site.platform.notification;
        // Recorded only when it fails.
        let recorded = record::read(&self.site.platform, record, &sent.id);
        let (known, provider_id) = match recorded.map_err(|(assertion, mismatch)| step.fail(assertion, mismatch))? {
            Recorded::Final(state) => return Ok(state),
            Recorded::Open { known, provider_id } => (known, provider_id),
        };
        let Some(provider) = &canary.provider else { return Ok(DeliveryState::OnItsWay(known)) };
        // Recorded only when it fails, since most canaries need no provider.
        let provider_id = provider_id
            .map(|id| short_id(id, names.provider_id.as_str()))
            .transpose()
            .map_err(|mismatch| step.fail("provider_id", mismatch))?;
        let key = step.secret(&provider.key).await?;
        let request = provider.request(sent, provider_id.as_deref(), &canary.to, &key, self.site.deadline);
        let Some(request) = request else {
            return Ok(DeliveryState::OnItsWay(phrase!("{}, without an id at the provider", known)));
        };
        // An unreachable provider is a partner's problem, so the platform's status counts.
        let answer = match step.look(request).await {
            Ok(answer) => answer,
            Err(error) => return Ok(DeliveryState::OnItsWay(phrase!("{}; the provider: {}", known, error))),
        };
        if matches!(answer.status.as_u16(), 401 | 403) {
            let detail = phrase!(
                "{} answered {} to the key for {}\nput a valid key at {}",
                provider.kind.name(),
                answer.status.as_u16(),
                channel.as_str(),
                ours(&provider.key)
            );
            return Err(step.inconclusive(Cause::Credentials, detail));
        }
        Ok(match provider.delivery_state(&answer, sent, provider_id.as_deref()) {
            Ok(DeliveryState::OnItsWay(status)) => DeliveryState::OnItsWay(phrase!("{}; {}", known, status)),
            Ok(state) => state,
            Err(error) => DeliveryState::OnItsWay(phrase!("{}; {}", known, error)),
        })
    }

    /// Sends a canary if one is due.
    async fn send(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        channel: Channel,
        canary: &Canary,
        canaries: &mut ChannelCanaries,
    ) {
        let now = run.clock().now();
        if !canaries.is_due(canary.every, now) {
            return;
        }
        let step = run.step(&subject(channel), "send");
        if !run.may_send() {
            step.skipped("a canary is due but was not sent: manual runs send none without --send-canaries");
            return;
        }
        match self.send_canary(&step, user, channel, canary).await {
            Ok(id) => {
                canaries.sent(SentCanary { id, at: now, run_id: run.id().to_owned() });
                step.passed();
            }
            Err(StepEnded) => canaries.not_sent(now),
        }
    }

    async fn send_canary(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
        channel: Channel,
        canary: &Canary,
    ) -> Result<String, StepEnded> {
        let names = &self.site.platform.notification;
        let to = Value::from(canary.to.as_str());
        let marker = Value::from(format!("synthetic:{}", step.run().id()));
        let values = [("to", &to), ("marker", &marker)];
        let (path, body) = match channel {
            Channel::Email => (&names.email, names.email_body.with(&values)),
            Channel::Sms => (&names.sms, names.sms_body.with(&values)),
        };
        let answer = user.send(step, Method::POST, path.below(&self.site.base_url), Some(&body)).await?;
        step.check("accepted", status(&answer, names.accepted.as_slice()))?;
        let id = json_found(&answer, names.id.as_str(), self.site.platform.wrapper.as_str());
        step.check_value("id", id.and_then(|id| short_id(&id, names.id.as_str())))
    }

    fn measure(&self, run: &Run, counters: &mut Counters<'_>) {
        let names = &self.site.platform.counters;
        for (channel, _) in self.channels() {
            let (queued, failed) = match channel {
                Channel::Email => (names.email_queued.as_str(), email_failures(&self.site.platform, counters)),
                Channel::Sms => (names.sms_queued.as_str(), counters.number(names.sms_failed.as_str())),
            };
            let queued = counters.number(queued);
            for (metric, number) in [(&NOTIFICATION_QUEUE, queued), (&NOTIFICATION_FAILURES, failed)] {
                if let Some(number) = number {
                    run.measure_channel(metric, channel, number);
                }
            }
        }
    }
}

/// Sum of the failed and bounced e-mails. One of the two counters is enough: each counts other failures.
fn email_failures(platform: &Platform, counters: &mut Counters<'_>) -> Option<f64> {
    let pointers = [platform.counters.email_failed.as_str(), platform.counters.email_bounced.as_str()];
    let counts = pointers.map(|pointer| counters.number(pointer));
    let sum = counts.iter().flatten().copied().reduce(|one, other| one + other)?;
    for (pointer, _) in pointers.iter().zip(counts).filter(|(_, count)| count.is_none()) {
        counters.report_incomplete(&NOTIFICATION_FAILURES, pointer);
    }
    Some(sum)
}

impl Memory {
    fn channel(&mut self, channel: Channel) -> &mut ChannelCanaries {
        match channel {
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }
}

/// Returns the mismatch of a failed or late canary.
fn mismatch(canary: &Canary, sent: &SentCanary, kind: FailureKind, actual: Phrase) -> Mismatch {
    let (at, within) = (ours(format!("{:.0}", sent.at)), canary.delivered_within.as_secs());
    let expected = phrase!("the canary sent at {} to arrive within {} s", at, within);
    let evidence = phrase!("notification {} of run {}", foreign(&sent.id), ours(&sent.run_id));
    Mismatch::new(kind, expected, actual).with_evidence(evidence)
}

/// Returns the subject of a channel. The channels' names are valid subjects.
fn subject(channel: Channel) -> Subject {
    Subject::new(channel.as_str()).unwrap_or_else(|_| Subject::whole())
}
