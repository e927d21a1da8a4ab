//! Do e-mails and SMS arrive?
//!
//! Sends in one run and looks in later ones; a run never waits. Steps:
//! 1. `log-in`: of an account of its own.
//! 2. `record`: the platform's record of the user's notifications is read.
//! 3. `delivery`, of each channel: what became of the canaries on their way, by the platform's record, and when that does
//!    not know, by the provider. Late is a failure of kind `stale`, and stays one as long as it has not arrived.
//! 4. `send`, of each channel: a canary, when one is due.
//! 5. `counters`: how real users' messages fare. Judges nothing.
//!
//! The channels are subjects of their own: `email`, `sms`. A failure is confirmed, and its end too, by the next canary, which
//! is sent at once then. A canary is a message to an address of ours, and needs no undoing. Publishes
//! `NotificationDeliveryDelay`, `NotificationQueue` and `NotificationFailures`, each by channel.

mod memory;
mod provider;
mod settings;

use std::collections::BTreeSet;
use std::time::Duration;

use check::metric::{Channel, NOTIFICATION_DELIVERY_DELAY, NOTIFICATION_FAILURES, NOTIFICATION_QUEUE};
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject};
use probe::Method;
use probe::expect::{json_found, json_list};
use runtime::canaries::Canary as Sent;
use runtime::counting::{Counters, count};
use runtime::session::{Site, UserSession, status};
use runtime::settings::{Common, Counting, Credentials, Section, written_id};
use runtime::{Check, Run, Step, merged_as};
use serde_json::Value;

use memory::{Memory, Past};
use provider::Fate;
pub use provider::{Kind, Provider};
pub use settings::RawNotifications;

/// E-mail and SMS.
pub struct Notifications {
    /// Where, and what it is called.
    pub site: Site,
    /// Who sends.
    pub credentials: Credentials,
    /// Whose record of notifications is read.
    pub user: Value,
    /// By e-mail; `None`: not looked at.
    pub email: Option<Canary>,
    /// By SMS; `None`: not looked at.
    pub sms: Option<Canary>,
    /// How real users' messages fare; `None`: not looked at.
    pub counting: Option<Counting>,
}

/// What is sent on a channel.
#[derive(Clone, Debug)]
pub struct Canary {
    /// An address or number of ours.
    pub to: String,
    /// How often.
    pub every: Duration,
    /// How long it may take to arrive.
    pub delivered_within: Duration,
    /// What one costs. **Units:** USD. `None`: nobody has said.
    pub price_usd: Option<f64>,
    /// Who is asked when the platform does not know.
    pub provider: Option<Provider>,
}

impl Check for Notifications {
    const ID: &'static str = "notifications";
    // A message cannot be sent again within the run, to confirm what a later run will see.
    const READ_ONLY: bool = false;

    type Raw = RawNotifications;

    fn read(raw: RawNotifications, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawNotifications {
        self.to_raw()
    }

    /// A step at its slowest and the rest of the way as long again.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    fn merged(base: Option<&str>, ours: &str, theirs: Option<&str>) -> String {
        merged_as(base, ours, theirs, Memory::merged)
    }

    fn subjects(&self) -> Option<BTreeSet<Subject>> {
        let channels = self.channels().map(|(channel, _)| subject(channel));
        Some(channels.chain([Subject::whole(), runtime::counting::subject()]).collect())
    }

    async fn attempt(&self, run: &Run) {
        let mut memory: Memory = run.recall().unwrap_or_default();
        let mut user = UserSession::new(run, &self.site);
        // Stops are recorded where they happen.
        if let Ok(record) = self.look(run, &mut user).await {
            for (channel, canary) in self.channels() {
                let past = memory.channel(channel);
                self.judge(run, channel, canary, past, &record).await;
                run.remember(&memory);
                let past = memory.channel(channel);
                self.send(run, &user, channel, canary, past).await;
                run.remember(&memory);
            }
        } else {
            let reason = if run.in_maintenance() { "the platform is in maintenance" } else { "nothing was looked at" };
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

    /// Logs in and reads the record.
    async fn look(&self, run: &Run, user: &mut UserSession<'_>) -> Result<Vec<Value>, StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        user.log_in(&step, &self.credentials).await?;
        step.passed();
        let step = run.step(&Subject::whole(), "record");
        let names = &self.site.platform.notification;
        let answer =
            user.get(&step, names.record.at(&self.site.base_url, &[("user", &written_id(&self.user))])).await?;
        step.check("status", status(&answer, &[200]))?;
        let list = json_list(&answer, self.site.platform.wrapper.as_str());
        step.check("list", list.as_ref().map(|_| ()).map_err(Clone::clone))?;
        step.passed();
        Ok(list.unwrap_or_default())
    }

    /// What became of the canaries on their way.
    async fn judge(&self, run: &Run, channel: Channel, canary: &Canary, past: &mut Past, record: &[Value]) {
        let step = run.step(&subject(channel), "delivery");
        if past.pending().is_empty() {
            let next =
                past.next(canary.every).map(|next| format!("; the next is due at {next:.0}")).unwrap_or_default();
            step.skipped(format!("nothing to judge: no canary is on its way{next}"));
            return;
        }
        let mut waiting = None;
        let mut arrived = false;
        // The newest first: when it arrived, an older one that has not is lost, and waited for no more.
        for sent in past.pending().to_vec().iter().rev() {
            if !past.pending().contains(sent) {
                continue;
            }
            let age = run.clock().now().duration_since(sent.at);
            let Ok(fate) = self.fate(&step, channel, canary, sent, record).await else { return };
            let judged = match fate {
                Fate::Delivered(at) => {
                    let delay = at.unwrap_or_else(|| run.clock().now()).duration_since(sent.at);
                    run.measure_channel(&NOTIFICATION_DELIVERY_DELAY, channel, delay.as_secs_f64().max(0.0));
                    past.arrived(&sent.id);
                    arrived = true;
                    step.check("arrived", Ok(()))
                }
                Fate::Failed(reason) => {
                    past.failed(&sent.id);
                    step.check("arrived", Err(self.lost(canary, sent, FailureKind::Assertion, &reason)))
                }
                Fate::OnItsWay(actual) if age.unsigned_abs() >= canary.delivered_within => {
                    past.late();
                    let actual = format!("{actual}, {} s after it was sent", age.as_secs());
                    step.check("in_time", Err(self.lost(canary, sent, FailureKind::Stale, &actual)))
                }
                Fate::OnItsWay(actual) => {
                    waiting = Some(format!("a canary is on its way for {} s: {actual}", age.as_secs()));
                    Ok(())
                }
            };
            if judged.is_err() {
                return;
            }
        }
        match waiting {
            Some(waiting) if !arrived => step.skipped(waiting),
            _ => step.passed(),
        }
    }

    fn lost(&self, canary: &Canary, sent: &Sent, kind: FailureKind, actual: &str) -> Mismatch {
        Mismatch {
            kind,
            expected: format!(
                "the canary sent at {:.0} to arrive within {} s",
                sent.at,
                canary.delivered_within.as_secs()
            ),
            actual: actual.to_owned(),
            evidence: Some(format!("notification {} of run {}", sent.id, sent.run_id)),
        }
    }

    /// What became of a canary, by the platform's record, and by the provider when that does not know.
    async fn fate(
        &self,
        step: &Step<'_>,
        channel: Channel,
        canary: &Canary,
        sent: &Sent,
        record: &[Value],
    ) -> Result<Fate, StepEnded> {
        let names = &self.site.platform.notification;
        let text = |entry: &Value, pointer: &str| entry.pointer(pointer).map(written_id).unwrap_or_default();
        let entry = record.iter().find(|entry| text(entry, names.id.as_str()) == sent.id);
        let (actual, provider_id) = match entry {
            // It may have been sent all the same.
            None => ("it is not in the platform's record".to_owned(), None),
            Some(entry) => {
                let status = text(entry, names.status.as_str());
                if names.delivered_statuses.iter().any(|delivered| delivered.as_str() == status) {
                    let at = entry.pointer(names.delivered_at.as_str());
                    return Ok(Fate::Delivered(at.and_then(|at| self.site.platform.times.read(at))));
                }
                if names.failed_statuses.iter().any(|failed| failed.as_str() == status) {
                    return Ok(Fate::Failed(format!("{status}: {}", text(entry, names.error.as_str()))));
                }
                let provider_id = text(entry, names.provider_id.as_str());
                let provider_id = Some(provider_id).filter(|id| !id.is_empty() && id != "null");
                (format!("the platform says {status}"), provider_id)
            }
        };
        let Some(provider) = &canary.provider else { return Ok(Fate::OnItsWay(actual)) };
        let key = step.secret(&provider.key).await?;
        let question = provider.question(sent, provider_id.as_deref(), &canary.to, &key, self.site.deadline);
        let Some(question) = question else {
            return Ok(Fate::OnItsWay(format!("{actual}, and no id of the provider is told")));
        };
        // A provider that cannot be asked is a partner's trouble: the platform's word counts then.
        let answer = match step.look(question).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Fate::OnItsWay(format!("{actual}; the provider: {error}"))),
        };
        if matches!(answer.status.as_u16(), 401 | 403) {
            let detail = format!(
                "{:?} answered {} to our key for {}\nput a valid one at {}",
                provider.kind,
                answer.status.as_u16(),
                channel.as_str(),
                provider.key
            );
            return Err(step.inconclusive(Cause::Credentials, &detail));
        }
        Ok(match provider.fate(&answer, sent, provider_id.as_deref()) {
            Ok(Fate::OnItsWay(said)) => Fate::OnItsWay(format!("{actual}; {said}")),
            Ok(fate) => fate,
            Err(error) => Fate::OnItsWay(format!("{actual}; {error}")),
        })
    }

    /// Sends a canary when one is due.
    async fn send(&self, run: &Run, user: &UserSession<'_>, channel: Channel, canary: &Canary, past: &mut Past) {
        let now = run.clock().now();
        if !past.is_due(canary.every, now) {
            return;
        }
        let step = run.step(&subject(channel), "send");
        if !run.may_send() {
            step.skipped("a canary is due, and was not sent: a run by hand sends none without --send-canaries");
            return;
        }
        match self.deliver(&step, user, channel, canary).await {
            Ok(id) => {
                past.sent(Sent { id, at: now, run_id: run.id().to_owned() });
                step.passed();
            }
            Err(StepEnded) => past.not_sent(now),
        }
    }

    async fn deliver(
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
        step.check("id", id.as_ref().map(|_| ()).map_err(Clone::clone))?;
        Ok(written_id(&id.unwrap_or_default()))
    }

    fn measure(&self, run: &Run, counters: &Counters<'_>) -> Vec<String> {
        let names = &self.site.platform.counters;
        let mut missing = Vec::new();
        let mut take = |pointer: &str| {
            let number = counters.number(pointer);
            if number.is_none() {
                missing.push(pointer.to_owned());
            }
            number
        };
        for (channel, _) in self.channels() {
            let (queued, failed) = match channel {
                Channel::Email => {
                    let (failed, bounced) = (take(names.email_failed.as_str()), take(names.email_bounced.as_str()));
                    // Either alone is better than none.
                    let both = failed.or(bounced).map(|_| failed.unwrap_or_default() + bounced.unwrap_or_default());
                    (take(names.email_queued.as_str()), both)
                }
                Channel::Sms => (take(names.sms_queued.as_str()), take(names.sms_failed.as_str())),
            };
            for (metric, number) in [(&NOTIFICATION_QUEUE, queued), (&NOTIFICATION_FAILURES, failed)] {
                if let Some(number) = number {
                    run.measure_channel(metric, channel, number);
                }
            }
        }
        missing
    }
}

impl Memory {
    fn channel(&mut self, channel: Channel) -> &mut Past {
        match channel {
            Channel::Email => &mut self.email,
            Channel::Sms => &mut self.sms,
        }
    }
}

/// What an incident of a channel is about. Its name is one by its letters.
fn subject(channel: Channel) -> Subject {
    Subject::new(channel.as_str()).unwrap_or_else(|_| Subject::whole())
}
