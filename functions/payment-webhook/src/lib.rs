//! Do payments reach their invoices, once, and forged ones never?
//!
//! One flow, with two invoices of the synthetic student: one that is paid, and one on which everything is tried that must
//! not pay it.
//! 1. `log-in`: of an account of its own.
//! 2. `invoices`: the student's invoices and balance. What earlier runs left there is removed in a step `cleanup`.
//! 3. `new-invoices`: two are made.
//! 4. `forged`, `stale`, `tampered`: events with a wrong signature, one of long ago, and one that was changed after it was
//!    signed are refused.
//! 5. `mismatching`: an event of another amount, and one of a payment that failed, are delivered.
//! 6. `payment`: the good event is accepted.
//! 7. `processing`: its invoice turns paid.
//! 8. `replay`: the same event again, after the first was worked off, is accepted.
//! 9. `recorded`: there is one payment, of the right amount and currency, and none of a refused event.
//! 10. `wrong-amount`, `failed-payment`: what was delivered before has paid and closed nothing.
//! 11. `balance`: the student owes less by the amount.
//! 12. `refund`: a refund is worked off, and nothing is left to be paid.
//! 13. `counters`: how real users fare. Judges nothing.
//!
//! Events are worked off by a queue, so those that must have no effect go first, and effects are judged after twice the
//! time that the good one took, two seconds at least, from the replay on. Creates invoices and a payment, marked with the
//! run's id, which are undone after a failure, a timeout and a panic too; so a failure is confirmed by the next run.
//! Publishes `WebhookProcessingDelay`, `WebhookFailureRate` and `PaymentFailureRate`.

mod effects;
mod event;
mod ledger;
mod refund;
mod refusals;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use check::metric::{PAYMENT_FAILURE_RATE, WEBHOOK_FAILURE_RATE, WEBHOOK_PROCESSING_DELAY};
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject};
use futures::join;
use jiff::{SignedDuration, Timestamp};
use probe::expect::{json_found, number};
use probe::{Method, Response, Url};
use runtime::counting::{Counters, Tally, count};
use runtime::session::{Site, UserSession, skew, status};
use runtime::settings::{Common, Counting, Credentials, SecretRef, Section, written_id};
use runtime::{Check, FoundLeftover, Run, Step, merged_as, signed};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use event::{Kind, Payment, TOLERANCE, marker, reference, signature};
use ledger::{Billed, OfStudent, Undo, billed, delivery};
pub use settings::RawPaymentWebhook;

/// The steps after the log-in, in order.
const STEPS: [&str; 14] = [
    "invoices",
    "new-invoices",
    "forged",
    "stale",
    "tampered",
    "mismatching",
    "payment",
    "processing",
    "replay",
    "recorded",
    "wrong-amount",
    "failed-payment",
    "balance",
    "refund",
];

/// The first look whether an event was worked off, how much later each next one is, and the longest time between two.
const FIRST_LOOK: Duration = Duration::from_millis(250);
const LOOK_LATER: f64 = 1.5;
const LAST_LOOK: Duration = Duration::from_secs(2);
/// Effects that must not come are waited for so long at least.
const LEAST_WAIT: Duration = Duration::from_secs(2);
/// How often a balance is read before it is wrong: a run beside this one may be paying.
const BALANCES: usize = 3;
/// How many leftovers one run removes: the rest is for the next, or for `synthetics cleanup`.
const MOST_LEFTOVERS: usize = 3;

/// The payment webhook.
pub struct PaymentWebhook {
    /// Where, and what it is called.
    pub site: Site,
    /// Who makes invoices.
    pub credentials: Credentials,
    /// The synthetic student's id.
    pub student: Value,
    /// What the invoices are about, in the currency's smallest unit.
    pub amount: u64,
    /// Their currency.
    pub currency: String,
    /// What synthetic events are signed with.
    pub secret: SecretRef,
    /// How long an accepted event may wait until its invoice is paid.
    pub processing_deadline: Duration,
    /// How old an invoice of ours must be to be left behind.
    pub leftover_after: Duration,
    /// How real users fare; `None`: not looked at.
    pub counting: Option<Counting>,
}

/// What a delivery of ours did to the platform's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Ended {
    /// It came.
    #[serde(rename = "in")]
    Came,
    /// It was answered with an error.
    #[serde(rename = "no")]
    Refused,
    /// It told of a payment.
    #[serde(rename = "pay")]
    Attempted,
    /// It told of a payment that failed.
    #[serde(rename = "bad")]
    Failed,
}

/// From run to run. Lost, the rates of one window are off by our own deliveries.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    #[serde(default)]
    deliveries: Tally<Ended>,
}

impl Memory {
    /// What this run remembers and what another one wrote meanwhile; both began from `base`.
    fn merged(base: Self, ours: Self, theirs: Self) -> Self {
        Self { deliveries: theirs.deliveries.with_new_of(ours.deliveries, &base.deliveries) }
    }
}

/// What a run has to work with.
struct Till<'a, 'r> {
    user: &'a UserSession<'r>,
    secret: &'a SecretString,
    /// The invoice that is paid.
    good: Value,
    /// The invoice that nothing may pay.
    bad: Value,
}

impl Check for PaymentWebhook {
    const ID: &'static str = "payment-webhook";
    const READ_ONLY: bool = false;
    const HAS_CLEANUP: bool = true;

    type Raw = RawPaymentWebhook;

    fn read(raw: RawPaymentWebhook, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    fn to_raw(&self) -> RawPaymentWebhook {
        self.to_raw()
    }

    /// The payment, as long again for what must not come, and the refund.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline + self.processing_deadline * 3
    }

    fn merged(base: Option<&str>, ours: &str, theirs: Option<&str>) -> String {
        merged_as(base, ours, theirs, Memory::merged)
    }

    async fn attempt(&self, run: &Run) {
        let mut memory: Memory = run.recall().unwrap_or_default();
        // Stops are recorded where they happen.
        let _ = self.payment(run, &mut memory).await;
        let reason =
            if run.in_maintenance() { "the platform is in maintenance" } else { "an earlier step did not pass" };
        run.skip_rest(&STEPS, reason);
    }

    async fn cleanup(&self, run: &Run, remove: bool) -> Vec<FoundLeftover> {
        let mut user = UserSession::new(run, &self.site);
        match self.leftovers(run, &mut user).await {
            Ok((secret, leftovers)) if remove && !leftovers.is_empty() => {
                self.remove(run, &user, &secret, leftovers).await
            }
            Ok((_, leftovers)) => leftovers,
            Err(StepEnded) => Vec::new(),
        }
    }
}

impl PaymentWebhook {
    async fn payment(&self, run: &Run, memory: &mut Memory) -> Result<(), StepEnded> {
        let mut user = UserSession::new(run, &self.site);
        let secret = self.log_in(run, &mut user).await?;
        let counters = async {
            if let Some(counting) = &self.counting {
                // Stops are recorded where they happen.
                let _ = count(run, &self.site, counting, |counters| self.measure(run, memory, counters)).await;
            }
        };
        let (found, ()) = join!(self.invoices(run, &user), counters);
        let Some((leftovers, before)) = found? else {
            run.skip_rest(&STEPS, "the school takes no payments online");
            return Ok(());
        };
        let leftovers: Vec<_> = leftovers.into_iter().take(MOST_LEFTOVERS).collect();
        // What undoes them is worked off while this run pays.
        let before = before.filter(|_| leftovers.is_empty());
        if !leftovers.is_empty() {
            self.remove(run, &user, &secret, leftovers).await;
        }
        let is_done = self.undo_on_exit(run, &user, &secret);
        let till = self.new_invoices(run, &user, &secret).await?;
        let refused = self.refusals(run, &till, memory).await;
        self.deliver_and_judge(run, &till, memory, before).await?;
        // Not before: what a forged event has paid is judged by the rest, and undone.
        refused?;
        self.refund(run, &till, memory).await?;
        is_done.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Logs in, and resolves the secret: without it nothing could be undone.
    async fn log_in(&self, run: &Run, user: &mut UserSession<'_>) -> Result<SecretString, StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        let secret = step.secret(&self.secret).await?;
        user.log_in(&step, &self.credentials).await?;
        step.passed();
        Ok(secret)
    }

    /// What earlier runs left, oldest first, and the balance. `None`: the school takes no payments online.
    async fn invoices(
        &self,
        run: &Run,
        user: &UserSession<'_>,
    ) -> Result<Option<(Vec<FoundLeftover>, Option<f64>)>, StepEnded> {
        let step = run.step(&Subject::whole(), "invoices");
        let names = &self.site.platform.invoice;
        let url = names.list.at(&self.site.base_url, &self.student_ids().as_value());
        let (answer, balance) = join!(user.get(&step, url), self.read_balance(&step, user));
        let answer = answer?;
        if names.unsupported_statuses.contains(&answer.status.as_u16()) {
            step.skipped(format!("the school takes no payments online ({})", answer.status.as_u16()));
            return Ok(None);
        }
        step.check("status", status(&answer, &[200]))?;
        let all = billed(&self.site.platform, &answer);
        step.check("list", all.as_ref().map(|_| ()).map_err(Clone::clone))?;
        let balance = balance?;
        step.passed();
        let older_than = run.clock().now() - signed(self.leftover_after);
        let leftover = |invoice: &Billed| invoice.leftover(&self.site.platform, older_than);
        let mut leftovers: Vec<_> = all.unwrap_or_default().iter().filter_map(leftover).collect();
        leftovers.sort_by_key(|leftover| leftover.began);
        Ok(Some((leftovers, balance)))
    }

    /// The balance; `None` when it was asserted and is none: only a recorder that is blind to it gets there.
    async fn read_balance(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<Option<f64>, StepEnded> {
        let names = &self.site.platform.payment;
        let answer = user.get(step, names.balance_path.at(&self.site.base_url, &self.student_ids().as_value())).await?;
        if self.site.platform.invoice.unsupported_statuses.contains(&answer.status.as_u16()) {
            return Ok(None);
        }
        step.check("balance_status", status(&answer, &[200]))?;
        let found = json_found(&answer, names.balance.as_str(), self.site.platform.wrapper.as_str());
        let balance = found.and_then(|value| {
            number(&value).ok_or_else(|| Mismatch {
                kind: FailureKind::Assertion,
                expected: format!("a number at {}", names.balance.as_str()),
                actual: value.to_string(),
                evidence: None,
            })
        });
        step.check("balance", balance.as_ref().map(|_| ()).map_err(Clone::clone))?;
        Ok(balance.ok())
    }

    /// Registers how to undo all that the run makes; the answer says that there is nothing left to undo.
    fn undo_on_exit(&self, run: &Run, user: &UserSession<'_>, secret: &SecretString) -> Arc<AtomicBool> {
        let is_done = Arc::new(AtomicBool::new(false));
        let undo = self.undo(run, user, secret, run.id().to_owned());
        let done = Arc::clone(&is_done);
        run.on_exit("payment", async move { if done.load(Ordering::Relaxed) { Ok(()) } else { undo.run().await } });
        is_done
    }

    fn undo(&self, run: &Run, user: &UserSession<'_>, secret: &SecretString, run_id: String) -> Undo {
        Undo {
            background_session: user.background_session(),
            clock: run.lasting_clock(),
            secret: secret.clone(),
            student: self.student.clone(),
            currency: self.currency.clone(),
            run_id,
        }
    }

    async fn new_invoices<'a, 'r>(
        &self,
        run: &Run,
        user: &'a UserSession<'r>,
        secret: &'a SecretString,
    ) -> Result<Till<'a, 'r>, StepEnded> {
        let step = run.step(&Subject::whole(), "new-invoices");
        let (good, bad) = join!(self.new_invoice(&step, user), self.new_invoice(&step, user));
        let (good, bad) = (good?, bad?);
        step.passed();
        Ok(Till { user, secret, good, bad })
    }

    async fn new_invoice(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<Value, StepEnded> {
        let names = &self.site.platform.invoice;
        let url = names.create.at(&self.site.base_url, &self.student_ids().as_value());
        let body = names.body.with(&[
            ("student", &self.student),
            ("amount", &Value::from(self.amount)),
            ("currency", &Value::from(self.currency.as_str())),
            ("marker", &Value::from(marker(step.run().id()))),
        ]);
        let answer = user.send(step, Method::POST, url, Some(&body)).await?;
        step.check("status", status(&answer, names.created.as_slice()))?;
        let wrapper = self.site.platform.wrapper.as_str();
        let id = json_found(&answer, names.id.as_str(), wrapper);
        step.check("id", id.as_ref().map(|_| ()).map_err(Clone::clone))?;
        step.check("total", is_number(&answer, names.total.as_str(), wrapper, self.amount))?;
        Ok(id.unwrap_or_default())
    }

    /// The good event, again, and what has come of all of them.
    async fn deliver_and_judge(
        &self,
        run: &Run,
        till: &Till<'_, '_>,
        memory: &mut Memory,
        before: Option<f64>,
    ) -> Result<(), StepEnded> {
        let accepted = self.pay(run, till, memory).await?;
        let delay = run.aside(self.processing(run, till, accepted)).await?;
        run.measure(&WEBHOOK_PROCESSING_DELAY, delay.as_secs_f64() * 1e3, None);
        // Not before: the provider delivers again what it takes for lost, and that was worked off long ago.
        let replayed = self.replay(run, till).await;
        note(run, memory, Ended::Came);
        let settled = run.clock().now() + signed((delay * 2).max(LEAST_WAIT));
        let left = Duration::try_from(settled.duration_since(run.clock().now())).unwrap_or_default();
        if !left.is_zero() {
            run.wait(left).await;
        }
        // Begun in this order, so that the first that fails is the first that is told.
        let recorded = run.step(&Subject::whole(), "recorded");
        let wrong_amount = run.step(&Subject::whole(), "wrong-amount");
        let failed_payment = run.step(&Subject::whole(), "failed-payment");
        let balance = run.step(&Subject::whole(), "balance");
        let (recorded, failed_payment, balance) = join!(
            self.recorded(recorded, wrong_amount, till),
            self.failed_payment(failed_payment, till),
            run.aside(self.balance(balance, till, before)),
        );
        replayed.and(recorded).and(failed_payment).and(balance)
    }

    /// Delivers the good event; answers when it was accepted.
    async fn pay(&self, run: &Run, till: &Till<'_, '_>, memory: &mut Memory) -> Result<Timestamp, StepEnded> {
        let step = run.step(&Subject::whole(), "payment");
        let answer = self.deliver_good(&step, till).await?;
        note(run, memory, Ended::Came);
        let now = run.clock().now();
        if answer.status.is_client_error()
            && let Some(skew) = skew(&answer, now)
            && skew.abs() > SignedDuration::from_secs(TOLERANCE / 2)
        {
            let detail = format!(
                "the event was answered {}, and our clock differs from the platform's by {} s\nset the clock that is wrong; \
                 signatures are good for {TOLERANCE} s",
                answer.status.as_u16(),
                skew.as_secs().abs(),
            );
            return Err(step.inconclusive(Cause::ClockSkew, &detail));
        }
        step.check("accepted", status(&answer, self.site.platform.webhook.accepted.as_slice()))?;
        note(run, memory, Ended::Attempted);
        step.passed();
        Ok(now)
    }

    async fn deliver_good(&self, step: &Step<'_>, till: &Till<'_, '_>) -> Result<Response, StepEnded> {
        let body = self.event(step.run(), Kind::Paid, &till.good, self.amount, false);
        let signature = signature(till.secret, &body, step.now());
        step.ask(delivery(&self.site, body, &signature)).await
    }

    /// Looks, less and less often, until the invoice is paid; answers how long that took.
    async fn processing(&self, run: &Run, till: &Till<'_, '_>, accepted: Timestamp) -> Result<Duration, StepEnded> {
        let step = run.step(&Subject::whole(), "processing");
        let names = &self.site.platform.invoice;
        let wrapper = self.site.platform.wrapper.as_str();
        let mut pause = FIRST_LOOK;
        loop {
            run.wait(pause).await;
            let answer = till.user.get(&step, self.invoice_url(&till.good)).await?;
            step.check("status", status(&answer, &[200]))?;
            let actual = json_found(&answer, names.status.as_str(), wrapper).map(|actual| written_id(&actual));
            step.check("has_status", actual.as_ref().map(|_| ()).map_err(Clone::clone))?;
            let took = Duration::try_from(run.clock().now().duration_since(accepted)).unwrap_or_default();
            let actual = actual.unwrap_or_default();
            if actual == names.paid_status.as_str() {
                step.passed();
                return Ok(took);
            }
            if took >= self.processing_deadline {
                let late = Err(Mismatch {
                    kind: FailureKind::Stale,
                    expected: format!(
                        "the invoice {} within {} s",
                        names.paid_status.as_str(),
                        self.processing_deadline.as_secs()
                    ),
                    actual: format!("still {actual} {} s after the event was accepted", took.as_secs()),
                    evidence: None,
                });
                step.check("paid", late)?;
                // Only a recorder that is blind to it gets here: nothing that follows could be judged.
                step.passed();
                return Err(StepEnded);
            }
            pause = pause.mul_f64(LOOK_LATER).min(LAST_LOOK);
        }
    }

    async fn replay(&self, run: &Run, till: &Till<'_, '_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "replay");
        let answer = self.deliver_good(&step, till).await?;
        step.check("accepted", status(&answer, self.site.platform.webhook.accepted.as_slice()))?;
        step.passed();
        Ok(())
    }

    async fn leftovers(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
    ) -> Result<(SecretString, Vec<FoundLeftover>), StepEnded> {
        let secret = self.log_in(run, user).await?;
        let found = self.invoices(run, user).await?;
        Ok((secret, found.map(|(leftovers, _)| leftovers).unwrap_or_default()))
    }

    /// Undoes what earlier runs left, run by run. What cannot be undone is reported, and no failure of the flow: that is what
    /// `refund` is for.
    async fn remove(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        secret: &SecretString,
        left: Vec<FoundLeftover>,
    ) -> Vec<FoundLeftover> {
        let step = run.step(&Subject::whole(), "sweep");
        let mut cleaned: Vec<FoundLeftover> = Vec::new();
        for leftover in left {
            let of_the_same =
                cleaned.iter().find(|cleaned| cleaned.run_id == leftover.run_id).map(|cleaned| cleaned.removed);
            let removed = match of_the_same {
                Some(removed) => removed,
                None => {
                    let undone = self.undo(run, user, secret, leftover.run_id.clone()).run().await;
                    if let Err(why) = &undone {
                        run.leftovers("sweep", why);
                    }
                    undone.is_ok()
                }
            };
            cleaned.push(FoundLeftover { removed, ..leftover });
        }
        step.passed();
        cleaned
    }

    fn measure(&self, run: &Run, memory: &Memory, counters: &Counters<'_>) -> Vec<String> {
        let names = &self.site.platform.counters;
        let users_only = |pointer: &str, ended| counters.users_only(pointer, &memory.deliveries, &ended);
        let received = users_only(names.webhooks_received.as_str(), Ended::Came);
        let refused = users_only(names.webhooks_failed.as_str(), Ended::Refused);
        let attempted = users_only(names.payments_attempted.as_str(), Ended::Attempted);
        let failed = users_only(names.payments_failed.as_str(), Ended::Failed);
        for (metric, part, all) in
            [(&WEBHOOK_FAILURE_RATE, refused, received), (&PAYMENT_FAILURE_RATE, failed, attempted)]
        {
            if let (Some(part), Some(all)) = (part, all)
                && let Some(rate) = counters.rate(part, (all - part).max(0.0))
            {
                run.measure(metric, rate, None);
            }
        }
        let needed = [
            (&names.webhooks_received, received),
            (&names.webhooks_failed, refused),
            (&names.payments_attempted, attempted),
            (&names.payments_failed, failed),
        ];
        needed.iter().filter(|(_, count)| count.is_none()).map(|(pointer, _)| pointer.as_str().to_owned()).collect()
    }

    fn event(&self, run: &Run, kind: Kind, invoice: &Value, amount: u64, has_failed: bool) -> String {
        let reference = reference(run.id(), kind);
        self.described(run, &reference, invoice, amount).intent(&self.site.platform.webhook, has_failed)
    }

    fn described<'a>(&'a self, run: &'a Run, reference: &'a str, invoice: &'a Value, amount: u64) -> Payment<'a> {
        let created = runtime::began(run.id()).unwrap_or_else(|| run.clock().now());
        Payment {
            reference,
            invoice,
            amount,
            currency: &self.currency,
            student: &self.student,
            run_id: run.id(),
            created,
        }
    }

    fn invoice_url(&self, invoice: &Value) -> Url {
        self.site.platform.invoice.path.at(&self.site.base_url, &[("invoice", &written_id(invoice))])
    }

    fn student_ids(&self) -> OfStudent {
        OfStudent(written_id(&self.student))
    }
}

fn is_number(answer: &Response, pointer: &str, wrapper: &str, expected: u64) -> Result<(), Mismatch> {
    let found = json_found(answer, pointer, wrapper)?;
    if number(&found) == Some(expected as f64) {
        return Ok(());
    }
    let kind = FailureKind::Assertion;
    Err(Mismatch { kind, expected: format!("{expected} at {pointer}"), actual: found.to_string(), evidence: None })
}

/// Remembers an own delivery at once: the run may be cut off.
fn note(run: &Run, memory: &mut Memory, ended: Ended) {
    memory.deliveries.note(run.clock().now(), ended);
    run.remember(memory);
}
