#![doc = include_str!("../README.md")]

mod effects;
mod event;
mod ledger;
mod refund;
mod refusals;
mod settings;
mod statuses;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::settings::{Common, Contract, Pointer, Section, written_id};
use check::metric::{PAYMENT_FAILURE_RATE, WEBHOOK_FAILURE_RATE, WEBHOOK_PROCESSING_DELAY};
use check::{Cause, FailureKind, Mismatch, StepEnded, Subject, foreign, ours, phrase};
use futures::join;
use jiff::{SignedDuration, Timestamp};
use platform::counting::{Counters, Tally, count};
use platform::{Item, UserSession, is_status, reported_status, short_id, skew, status};
use probe::expect::{json_found, number};
use probe::{Method, Response, Url};
use runtime::{Check, CheckMemory, FoundLeftover, MemoryCell, Run, Step, signed};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::settings::{PaymentWebhook, RawPaymentWebhook};
use event::{Kind, Payment, TOLERANCE, marker, reference, signature};
use ledger::{Invoice, StudentId, Undo, delivery, invoice_pointers, invoices, is_past};

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

/// Pause before the first poll for the effect of an event, the factor between pauses, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const PAUSE_FACTOR: f64 = 1.5;
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Minimum wait before the check for unwanted effects.
const MIN_WAIT: Duration = Duration::from_secs(2);
/// Maximum number of balance readings, since a concurrent run may be paying.
const MAX_BALANCE_READS: usize = 3;
/// Maximum number of leftovers that one run removes. The next run or `synthetics cleanup` removes the rest.
const MAX_LEFTOVERS: usize = 3;
/// Time for which the runs after one look for what it left: some ten runs. `synthetics cleanup` looks for all.
const SEEN_FOR: SignedDuration = SignedDuration::from_mins(60);
/// A time before all runs, a century.
const ALL: SignedDuration = SignedDuration::from_hours(24 * 36_525);

/// Effect of one of the check's own deliveries on the platform's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum CounterEffect {
    /// The webhook received an event.
    #[serde(rename = "in")]
    Received,
    /// The webhook answered with an error.
    #[serde(rename = "no")]
    Refused,
    /// The event reported a payment.
    #[serde(rename = "pay")]
    Attempted,
    /// The event reported a failed payment.
    #[serde(rename = "bad")]
    Failed,
}

/// Data kept between runs. Without it, the rates of one window include the check's own deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    deliveries: Tally<CounterEffect>,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(base: Self, ours: Self, theirs: Self) -> Self {
        Self { deliveries: theirs.deliveries.with_new_of(ours.deliveries, &base.deliveries) }
    }
}

/// The session, the webhook secret and the two invoices of a run.
struct Setup<'a, 'r> {
    user: &'a UserSession<'r>,
    secret: &'a SecretString,
    /// Id of the invoice that the valid event pays.
    paid_invoice: Value,
    /// Id of the invoice that no event may pay.
    unpaid_invoice: Value,
}

impl Check for PaymentWebhook {
    const ID: &'static str = "payment-webhook";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = false;
    const CADENCE: Duration = Duration::from_secs(300);
    const OBJECTIVE: Option<f64> = Some(0.98);
    const HAS_CLEANUP: bool = true;

    type Raw = RawPaymentWebhook;
    type Memory = Memory;

    fn read(raw: RawPaymentWebhook, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// One step at its deadline, plus three processing deadlines: payment, wait for unwanted effects, and refund.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline + self.processing_deadline * 3
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        // The steps themselves have recorded their failures.
        let _ = self.pay_and_refund(run, memory).await;
        let reason =
            if run.in_maintenance() { "the platform is in maintenance" } else { "an earlier step did not pass" };
        run.skip_rest(&STEPS, reason);
    }

    async fn cleanup(&self, run: &Run, remove: bool) -> Vec<FoundLeftover> {
        let mut user = UserSession::new(run, &self.site);
        match self.find_leftovers(run, &mut user).await {
            Ok((secret, leftovers)) if remove && !leftovers.is_empty() => {
                self.remove_leftovers(run, &user, &secret, leftovers).await
            }
            Ok((_, leftovers)) => leftovers,
            Err(StepEnded) => Vec::new(),
        }
    }
}

impl PaymentWebhook {
    async fn pay_and_refund(&self, run: &Run, memory: &MemoryCell<Memory>) -> Result<(), StepEnded> {
        let mut user = UserSession::new(run, &self.site);
        let secret = self.log_in(run, &mut user).await?;
        let counters = async {
            if let Some(counting) = &self.counting {
                // The step itself has recorded its failure.
                let _ = count(run, &self.site, counting, |counters| self.measure(run, &memory.get(), counters)).await;
            }
        };
        let (found, ()) = join!(self.invoices(run, &user, SEEN_FOR), counters);
        let Some((leftovers, before)) = found? else {
            run.skip_rest(&STEPS, "the school takes no payments online");
            return Ok(());
        };
        let leftovers: Vec<_> = leftovers.into_iter().take(MAX_LEFTOVERS).collect();
        // The platform processes the refunds of leftovers while this run pays, so the balance cannot be compared.
        let before = before.filter(|_| leftovers.is_empty());
        if !leftovers.is_empty() {
            self.remove_leftovers(run, &user, &secret, leftovers).await;
        }
        let is_done = self.undo_on_exit(run, &user, &secret);
        let setup = self.new_invoices(run, &user, &secret).await?;
        let (refused, undecided) = self.refusals(run, &setup, memory).await;
        let accepted = self.pay(run, &setup, memory).await;
        let is_up = accepted.is_ok();
        let decided = undecided.into_iter().map(|step| step.decide(is_up)).fold(refused, Result::and);
        self.check_effects(run, &setup, memory, (before, accepted?)).await?;
        // A failed refusal ends the run only here: the steps above check its effects, and compensation undoes them.
        decided?;
        self.refund(run, &setup, memory).await?;
        is_done.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Logs in and resolves the webhook secret, which compensation needs.
    async fn log_in(&self, run: &Run, user: &mut UserSession<'_>) -> Result<SecretString, StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        let secret = step.secret(&self.secret).await?;
        user.log_in(&step, &self.credentials).await?;
        step.passed();
        Ok(secret)
    }

    /// Reads the leftovers of earlier runs, oldest first, and the balance. Where the list begins with the newest invoice, those of runs
    /// until `seen_for` before are not read. `None` means a school without online payment.
    async fn invoices(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        seen_for: SignedDuration,
    ) -> Result<Option<(Vec<FoundLeftover>, Option<f64>)>, StepEnded> {
        let step = run.step(&Subject::whole(), "invoices");
        let names = &self.site.platform.invoice;
        let url = names.list.at(&self.site.base_url, &self.student_id().placeholders());
        let url = url.map_err(|mismatch| step.fail("id", mismatch))?;
        let (answer, balance) = join!(user.get(&step, url), self.read_balance(&step, user));
        let answer = answer?;
        if names.unsupported_statuses.contains(&answer.status.as_u16()) {
            step.skipped(phrase!("the school takes no payments online ({})", answer.status.as_u16()));
            return Ok(None);
        }
        step.check("status", status(&answer, &[200]))?;
        let older_than = run.clock().now() - signed(self.leftover_after);
        let is_past = is_past(&self.site.platform, older_than - seen_for);
        let items = user.items(&step, &answer, &invoice_pointers(&self.site.platform), is_past).await?;
        // Recorded only when it fails.
        let all = invoices(&self.site.platform, &items).map_err(|mismatch| step.fail("readable", mismatch))?;
        let balance = balance?;
        step.passed();
        let leftover = |invoice: &Invoice| invoice.leftover(&self.site.platform, older_than);
        let mut leftovers: Vec<_> = all.iter().filter_map(leftover).collect();
        leftovers.sort_by_key(|leftover| leftover.began);
        Ok(Some((leftovers, balance)))
    }

    /// Reads the balance. Returns `None` for a school without online payment.
    async fn read_balance(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<Option<f64>, StepEnded> {
        let names = &self.site.platform.payment;
        let url = names.balance_path.at(&self.site.base_url, &self.student_id().placeholders());
        let answer = user.get(step, url.map_err(|mismatch| step.fail("id", mismatch))?).await?;
        if self.site.platform.invoice.unsupported_statuses.contains(&answer.status.as_u16()) {
            return Ok(None);
        }
        step.check("balance_status", status(&answer, &[200]))?;
        let found = json_found(&answer, names.balance.as_str(), self.site.platform.wrapper.as_str());
        let balance = found.and_then(|value| {
            number(&value).ok_or_else(|| {
                let expected = phrase!("a number at {}", ours(names.balance.as_str()));
                Mismatch::new(FailureKind::Assertion, expected, foreign(value.to_string()))
            })
        });
        step.check_value("balance", balance).map(Some)
    }

    /// Registers the compensation of invoices and payments. The caller sets the returned flag when nothing is left to undo.
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
    ) -> Result<Setup<'a, 'r>, StepEnded> {
        let step = run.step(&Subject::whole(), "new-invoices");
        let (paid, unpaid) = join!(self.new_invoice(&step, user), self.new_invoice(&step, user));
        let (paid_invoice, unpaid_invoice) = (paid?, unpaid?);
        step.passed();
        Ok(Setup { user, secret, paid_invoice, unpaid_invoice })
    }

    async fn new_invoice(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<Value, StepEnded> {
        let names = &self.site.platform.invoice;
        let url = names.create.at(&self.site.base_url, &self.student_id().placeholders());
        let url = url.map_err(|mismatch| step.fail("id", mismatch))?;
        let body = names.body.with(&[
            ("student", &self.student),
            ("amount", &Value::from(self.amount)),
            ("currency", &Value::from(self.currency.as_str())),
            ("marker", &Value::from(marker(step.run().id()))),
        ]);
        let answer = user.send(step, Method::POST, url, Some(&body)).await?;
        step.check("status", status(&answer, names.created.as_slice()))?;
        let invoice = self.invoice(&answer);
        let id = invoice.value(&names.id).and_then(|id| short_id(&id, names.id.as_str()).map(|_| id));
        let id = step.check_value("id", id)?;
        step.check("total", is_number(invoice, &names.total, self.amount))?;
        // Recorded only when it fails: an answer may leave out what the database fills in.
        if let Some(status) = invoice.value(&names.status).ok().filter(|status| !status.is_null()) {
            let open = reported_status(&status, names.status.as_str())
                .and_then(|actual| statuses::expect_open(names, &actual));
            open.map_err(|mismatch| step.fail("open", mismatch))?;
        }
        Ok(id)
    }

    /// Waits for the effect of the valid event and delivers it again, then checks the effects of all events.
    async fn check_effects(
        &self,
        run: &Run,
        setup: &Setup<'_, '_>,
        memory: &MemoryCell<Memory>,
        (before, accepted): (Option<f64>, Timestamp),
    ) -> Result<(), StepEnded> {
        let delay = run.aside(self.processing(run, setup, accepted)).await?;
        run.measure(&WEBHOOK_PROCESSING_DELAY, delay.as_secs_f64() * 1e3, None);
        // Replayed after processing: the provider repeats a delivery long after the platform has processed it.
        let replayed = self.replay(run, setup).await;
        record_delivery(run, memory, CounterEffect::Received);
        let check_at = run.clock().now() + signed((delay * 2).max(MIN_WAIT));
        let wait = Duration::try_from(check_at.duration_since(run.clock().now())).unwrap_or_default();
        if !wait.is_zero() {
            run.wait(wait).await;
        }
        // The report lists steps in the order they begin.
        let recorded = run.step(&Subject::whole(), "recorded");
        let wrong_amount = run.step(&Subject::whole(), "wrong-amount");
        let failed_payment = run.step(&Subject::whole(), "failed-payment");
        let balance = run.step(&Subject::whole(), "balance");
        let (recorded, failed_payment, balance) = join!(
            self.recorded(recorded, wrong_amount, setup),
            self.failed_payment(failed_payment, setup),
            run.aside(self.balance(balance, setup, before)),
        );
        replayed.and(recorded).and(failed_payment).and(balance)
    }

    /// Delivers the valid event. Returns the time of its acceptance.
    async fn pay(&self, run: &Run, setup: &Setup<'_, '_>, memory: &MemoryCell<Memory>) -> Result<Timestamp, StepEnded> {
        let step = run.step(&Subject::whole(), "payment");
        let answer = self.deliver_valid(&step, setup).await?;
        record_delivery(run, memory, CounterEffect::Received);
        let now = run.clock().now();
        if answer.status.is_client_error()
            && let Some(skew) = skew(&answer, now)
            && skew.abs() > SignedDuration::from_secs(TOLERANCE / 2)
        {
            let detail = phrase!(
                "the webhook answered {}, and this machine's clock differs from the platform's by {} s\ncorrect the wrong \
                 clock; signatures are valid for {} s",
                answer.status.as_u16(),
                skew.as_secs().abs(),
                TOLERANCE,
            );
            return Err(step.inconclusive(Cause::ClockSkew, detail));
        }
        step.check("accepted", status(&answer, self.site.platform.webhook.accepted.as_slice()))?;
        record_delivery(run, memory, CounterEffect::Attempted);
        step.passed();
        Ok(now)
    }

    async fn deliver_valid(&self, step: &Step<'_>, setup: &Setup<'_, '_>) -> Result<Response, StepEnded> {
        let body = self.event(step.run(), Kind::Paid, &setup.paid_invoice, self.amount, false);
        let signature = signature(setup.secret, &body, step.now());
        self.site.ask(step, delivery(&self.site, body, &signature)).await
    }

    /// Polls with growing pauses until the invoice is paid. Returns the time since `accepted`.
    async fn processing(&self, run: &Run, setup: &Setup<'_, '_>, accepted: Timestamp) -> Result<Duration, StepEnded> {
        let step = run.step(&Subject::whole(), "processing");
        let names = &self.site.platform.invoice;
        let mut pause = FIRST_PAUSE;
        loop {
            run.wait(pause).await;
            let answer = setup.user.get(&step, self.invoice_url(&step, &setup.paid_invoice)?).await?;
            step.check("status", status(&answer, &[200]))?;
            let current = step.check_value("has_status", self.invoice(&answer).value(&names.status))?;
            let current = reported_status(&current, names.status.as_str());
            // Recorded only when it fails.
            let current = current.map_err(|mismatch| step.fail("readable", mismatch))?;
            let took = Duration::try_from(run.clock().now().duration_since(accepted)).unwrap_or_default();
            if is_status(names.paid_status.as_str(), &current) {
                step.passed();
                return Ok(took);
            }
            if took >= self.processing_deadline {
                let within = self.processing_deadline.as_secs();
                let expected = phrase!("the invoice {} within {} s", ours(names.paid_status.as_str()), within);
                let actual = phrase!("still {} {} s after the event was accepted", foreign(&current), took.as_secs());
                let late = Mismatch::new(FailureKind::Stale, expected, actual);
                let unknown = statuses::unknown_of_invoice(names, &current, "platform.invoice.paid_status");
                return Err(step.fail("paid", unknown.unwrap_or(late)));
            }
            pause = pause.mul_f64(PAUSE_FACTOR).min(MAX_PAUSE);
        }
    }

    async fn replay(&self, run: &Run, setup: &Setup<'_, '_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "replay");
        let answer = self.deliver_valid(&step, setup).await?;
        step.check("accepted", status(&answer, self.site.platform.webhook.accepted.as_slice()))?;
        step.passed();
        Ok(())
    }

    async fn find_leftovers(
        &self,
        run: &Run,
        user: &mut UserSession<'_>,
    ) -> Result<(SecretString, Vec<FoundLeftover>), StepEnded> {
        let secret = self.log_in(run, user).await?;
        let found = self.invoices(run, user, ALL).await?;
        Ok((secret, found.map(|(leftovers, _)| leftovers).unwrap_or_default()))
    }

    /// Removes leftovers of earlier runs, run by run. Reports those that remain, without failing the run: `refund` detects
    /// that fault.
    async fn remove_leftovers(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        secret: &SecretString,
        leftovers: Vec<FoundLeftover>,
    ) -> Vec<FoundLeftover> {
        let step = run.step(&Subject::whole(), "cleanup");
        let mut cleaned: Vec<FoundLeftover> = Vec::new();
        for leftover in leftovers {
            let same_run =
                cleaned.iter().find(|cleaned| cleaned.run_id == leftover.run_id).map(|cleaned| cleaned.removed);
            let removed = match same_run {
                Some(removed) => removed,
                None => {
                    let undone = self.undo(run, user, secret, leftover.run_id.clone()).run().await;
                    let is_undone = undone.is_ok();
                    if let Err(why) = undone {
                        run.report_leftover("cleanup", why);
                    }
                    is_undone
                }
            };
            cleaned.push(FoundLeftover { removed, ..leftover });
        }
        step.passed();
        cleaned
    }

    /// Measures both rates, each with both of its counters: failures say nothing without the attempts, and the reverse.
    fn measure(&self, run: &Run, memory: &Memory, counters: &mut Counters<'_>) {
        let names = &self.site.platform.counters;
        let mut users_only = |pointer: &str, effect| {
            let count = counters.number(pointer);
            counters.users_only(count, &memory.deliveries, &effect)
        };
        let received = users_only(names.webhooks_received.as_str(), CounterEffect::Received);
        let refused = users_only(names.webhooks_failed.as_str(), CounterEffect::Refused);
        let attempted = users_only(names.payments_attempted.as_str(), CounterEffect::Attempted);
        let failed = users_only(names.payments_failed.as_str(), CounterEffect::Failed);
        for (metric, part, all) in
            [(&WEBHOOK_FAILURE_RATE, refused, received), (&PAYMENT_FAILURE_RATE, failed, attempted)]
        {
            if let (Some(part), Some(all)) = (part, all)
                && let Some(rate) = counters.rate(part, (all - part).max(0.0))
            {
                run.measure(metric, rate, None);
            }
        }
    }

    fn event(&self, run: &Run, kind: Kind, invoice: &Value, amount: u64, has_failed: bool) -> String {
        let reference = reference(run.id(), kind);
        self.payment(run, &reference, invoice, amount).intent(&self.site.platform.webhook, has_failed)
    }

    fn payment<'a>(&'a self, run: &'a Run, reference: &'a str, invoice: &'a Value, amount: u64) -> Payment<'a> {
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

    /// The invoice in an answer.
    fn invoice<'a>(&'a self, answer: &'a Response) -> Item<'a> {
        let names = &self.site.platform.invoice;
        Item::new(&self.site.platform, answer, &[&names.id, &names.total])
    }

    fn invoice_url(&self, step: &Step<'_>, invoice: &Value) -> Result<Url, StepEnded> {
        let url = self.site.platform.invoice.path.at(&self.site.base_url, &[("invoice", &written_id(invoice))]);
        url.map_err(|mismatch| step.fail("id", mismatch))
    }

    fn student_id(&self) -> StudentId {
        StudentId(written_id(&self.student))
    }
}

fn is_number(invoice: Item<'_>, pointer: &Pointer, expected: u64) -> Result<(), Mismatch> {
    let found = invoice.value(pointer)?;
    if number(&found) == Some(expected as f64) {
        return Ok(());
    }
    let expected = phrase!("{} at {}", expected, ours(pointer.as_str()));
    Err(Mismatch::new(FailureKind::Assertion, expected, foreign(found.to_string())))
}

/// Remembers a delivery of this check.
fn record_delivery(run: &Run, memory: &MemoryCell<Memory>, effect: CounterEffect) {
    memory.update(|memory| memory.deliveries.note(run.clock().now(), effect));
}
