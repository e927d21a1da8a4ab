//! What can be made to go wrong, and the switches for it.
//!
//! A fault is data: a [`Fault`] is its name, `faults.toml` (read by [`catalogue`]) says what it is and what it must show,
//! [`Faults`] knows which are active. Where a fault acts is one place each: transport-like ones in `act`, [`Fault::Down`]
//! below HTTP in the listener, all others in the handler or job that they break, which asks [`Faults::is_active`].

pub(crate) mod act;
mod catalogue;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use catalogue::{Bound, CatalogueError, ExpectedFailure, FaultSpec, Shows, catalogue};

/// Names each fault once: the variant, its name, and the list of all.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One thing that can be made to go wrong. In text and JSON it is its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Fault {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Fault {
            /// All of them, in the order of `faults.toml`.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name, as in `faults.toml` and on the admin endpoint.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

faults! {
    /// Everything: connections are reset, open ones too. The port stays ours, so clearing it serves there again.
    Down = "down",
    /// Everything: answers come late, by [`Options::slow_delay`](crate::Options::slow_delay).
    Slow = "slow",
    /// Everything: never answers. Requests that hang when it is cleared hang on, until their client leaves.
    Hang = "hang",
    /// Everything: Laravel's generic 500.
    ServerError = "500",
    /// JSON endpoints (`/api/*`, `/health`, Horizon's), whatever the client accepts: 200 with an HTML error page.
    HtmlInsteadOfJson = "html-instead-of-json",
    /// JSON endpoints (`/api/*`, `/health`, Horizon's), where they answer JSON: half of the body, then the connection is closed.
    TruncatedJson = "truncated-json",
    /// HTML pages (`/`, `/login`, `/home`): each redirects to itself.
    RedirectLoop = "redirect-loop",
    /// Everything: `php artisan down --retry=60`.
    Maintenance = "maintenance",
    /// Unsafe requests with a session: every CSRF token is taken for wrong.
    CsrfBroken = "csrf-broken",
    /// Log-in: any password will do.
    WrongPasswordAccepted = "wrong-password-accepted",
    /// Log-in: a wrong password is refused, and logs in all the same.
    RefusalLogsIn = "refusal-logs-in",
    /// Log-out: is answered as always, and ends nothing.
    SessionSurvivesLogout = "session-survives-logout",
    /// Schools: another's is shown.
    TenantLeak = "tenant-leak",
    /// Schools: one's own is not found.
    OwnSchoolHidden = "own-school-hidden",
    /// Who is logged in: is somebody else.
    WrongUser = "wrong-user",
    /// Log-in: Laravel's generic 500.
    Login500 = "login-500",
    /// Log-in: comes late, by [`Options::slow_delay`](crate::Options::slow_delay).
    LoginSlow = "login-slow",
    /// Log-in: too many attempts, always.
    Throttled = "throttled",
    /// Log-in: the password alone logs in an account with a second factor.
    SecondFactorSkipped = "second-factor-skipped",
    /// Log-in: the answer that completes it leads to another host.
    LoginRedirectsOutside = "login-redirects-outside",
    /// The calendar: Laravel's generic 500.
    Calendar500 = "calendar-500",
    /// A teacher's availability: no slot is free.
    AvailabilityEmpty = "availability-empty",
    /// Making a booking: Laravel's generic 500.
    Create500 = "create-500",
    /// Making a booking: it is made, and never answered.
    CreateTimesOutButBooks = "create-times-out-but-books",
    /// Making a booking: a slot that is taken is taken again.
    DoubleBookingAllowed = "double-booking-allowed",
    /// One booking: it is shown as ending a quarter of an hour earlier.
    ReadBackDiffers = "read-back-differs",
    /// Changing a booking: is answered as always, and changes nothing.
    UpdateIgnored = "update-ignored",
    /// Cancelling a booking: is answered as always, and cancels nothing.
    CancelIgnored = "cancel-ignored",
    /// A teacher's availability: the slot of a cancelled booking stays taken.
    SlotNotReleased = "slot-not-released",
    /// The payment webhook: Laravel's generic 500.
    Webhook500 = "webhook-500",
    /// The payment webhook: events are accepted, and never worked off.
    WebhookNeverProcessed = "webhook-never-processed",
    /// The payment webhook: events wait long in the queue.
    WebhookSlow = "webhook-slow",
    /// The payment webhook's job: an event that came before is worked off again.
    WebhookDuplicates = "webhook-duplicates",
    /// The payment webhook: any signature will do.
    WebhookAcceptsForged = "webhook-accepts-forged",
    /// The payment webhook: signatures of any age will do.
    WebhookAcceptsStale = "webhook-accepts-stale",
    /// The payment webhook: a body that was changed after it was signed will do.
    WebhookAcceptsTampered = "webhook-accepts-tampered",
    /// The payment webhook's job: any amount pays an invoice.
    WebhookIgnoresAmount = "webhook-ignores-amount",
    /// The payment webhook's job: a payment that failed makes its invoice void.
    FailedPaymentClosesInvoice = "failed-payment-closes-invoice",
    /// The payment webhook's job: refunds are accepted, and change nothing.
    RefundNeverProcessed = "refund-never-processed",
    /// A student's balance: a payment does not change it.
    BalanceNotUpdated = "balance-not-updated",
    /// Payments: the platform has not one that the provider took.
    PaymentMissingHere = "payment-missing-on-platform",
    /// Payments: the platform has one that the provider does not know.
    PaymentMissingThere = "payment-missing-at-provider",
    /// Payments: the platform has one with another amount.
    PaymentAmountDiffers = "payment-amount-differs",
    /// Payments: the platform recorded one an hour and a half late.
    PaymentLate = "payment-late",
    /// E-mail: stays in the queue.
    EmailStuck = "email-stuck",
    /// E-mail: comes back.
    EmailBounced = "email-bounced",
    /// SMS: stays in the queue.
    SmsStuck = "sms-stuck",
    /// SMS: is not delivered.
    SmsFailed = "sms-failed",
    /// The operations counters: hundreds of e-mails wait.
    NotificationQueueGrowing = "notification-queue-growing",
    /// The operations counters: none but the window.
    CountersMissing = "counters-missing",

    /// Making an invoice: every second one is made with another total.
    InvoiceWrongTotal = "invoice-wrong-total",
    /// The payment webhook's job: a payment is recorded with another amount.
    PaymentWrongAmountRecorded = "payment-wrong-amount-recorded",
    /// The payment webhook's job: a payment is recorded in another currency.
    PaymentWrongCurrencyRecorded = "payment-wrong-currency-recorded",
    /// The payment webhook's job: an invoice turns paid, and nobody records its payment.
    PaymentNeverRecorded = "payment-never-recorded",
    /// The payment webhook's job: a payment is recorded as one that has not come in.
    PaymentStaysPending = "payment-stays-pending",
    /// The payment webhook: an event that is refused is queued all the same, and leaves a payment.
    RefusedEventRecorded = "refused-event-recorded",
    /// The payment webhook: an event that comes again is refused.
    ReplayRefused = "replay-refused",
    /// The payment webhook: refunds are refused.
    RefundRefused = "refund-refused",
    /// Changing an invoice: Laravel's generic 500.
    VoidRefused = "void-refused",
    /// Payments: the platform has one in another currency.
    PaymentCurrencyDiffers = "payment-currency-differs",
    /// Payments: the platform has one as failed.
    PaymentStatusDiffers = "payment-status-differs",
    /// Payments: the platform has one twice.
    PaymentRecordedTwice = "payment-recorded-twice",
    /// E-mail: is not taken.
    EmailRefused = "email-refused",
    /// E-mail: is taken, and its id not told.
    EmailWithoutId = "email-without-id",

    /// Queues: thousands of jobs wait in one.
    QueueGrowing = "queue-growing",
    /// Queues: the workers of one are up and take nothing.
    WorkersIdle = "workers-idle",
    /// Horizon: is paused.
    HorizonPaused = "horizon-paused",
    /// Jobs of ours: are taken, and never done.
    JobLost = "job-lost",
    /// Scheduled tasks: those done every hour or more often are not done any more.
    SchedulerSilent = "scheduler-silent",
    /// Scheduled tasks: one fails.
    TaskFailing = "task-failing",
    /// Scheduled tasks: the backup is not made any more.
    BackupOld = "backup-old",

    /// The database: its connections are reset.
    DatabaseDown = "database-down",
    /// The database: answers come late, by [`Options::slow_delay`](crate::Options::slow_delay).
    DatabaseSlow = "database-slow",
    /// The database: our password is not taken any more.
    DatabasePasswordChanged = "database-password-changed",
    /// The database: takes no more connections.
    ConnectionsExhausted = "connections-exhausted",
    /// The database: nearly all of its connections are used.
    ConnectionsGrowing = "connections-growing",
    /// The cache: its connections are reset.
    CacheDown = "cache-down",
    /// The cache: answers come late, by [`Options::slow_delay`](crate::Options::slow_delay).
    CacheSlow = "cache-slow",
    /// The cache: its memory is used up.
    CacheMemoryFull = "cache-memory-full",
    /// The cache: its last snapshot failed.
    CacheNotSaved = "cache-not-saved",

    // Of the check `application`.
    /// The operations counters: two of five requests are answered 5xx.
    ErrorSpike = "5xx-spike",
    /// The operations counters: hundreds of exceptions.
    ExceptionsSpike = "exceptions-spike",
    /// The operations counters: most of the platform's calls to a partner fail.
    PartnerCallsFailing = "partner-calls-failing",
    /// The health endpoint: the disk is almost full, and a warning.
    DiskFilling = "disk-filling",
    /// The health endpoint: the disk is full, and a failure.
    DiskFull = "disk-full",
    /// The health endpoint: one of the platform's checks crashes.
    HealthCheckCrashed = "health-check-crashed",
    /// The health endpoint: the results stand still.
    HealthStale = "health-stale",
    /// The health endpoint: there are no results, and the body is empty.
    HealthEmpty = "health-empty",

    // Of the check `integrations`.
    /// A partner: 503.
    PartnerDown = "partner-down",
    /// A partner: answers come late, by [`Options::slow_delay`](crate::Options::slow_delay).
    PartnerSlow = "partner-slow",
    /// A partner: our key is refused.
    PartnerUnauthorized = "partner-unauthorized",
    /// A partner: too many calls, always.
    PartnerThrottled = "partner-throttled",
    /// A partner: another page than always.
    PartnerWrongAnswer = "partner-wrong-answer",

    // What the platform counts, and how late it is: for the numbers that alarms judge.
    /// The operations counters: three of five log-ins fail.
    LoginFailuresSpike = "login-failures-spike",
    /// The operations counters: many log-ins are throttled.
    LockoutsSpike = "lockouts-spike",
    /// The operations counters: almost half of the bookings fail.
    BookingErrorsSpike = "booking-errors-spike",
    /// The operations counters: most webhooks fail.
    WebhookFailuresSpike = "webhook-failures-spike",
    /// The operations counters: most payments fail.
    PaymentFailuresSpike = "payment-failures-spike",
    /// The operations counters: dozens of e-mails fail.
    EmailFailuresSpike = "email-failures-spike",
    /// The operations counters: dozens of SMS fail.
    SmsFailuresSpike = "sms-failures-spike",
    /// The operations counters: hundreds of SMS wait.
    SmsQueueGrowing = "sms-queue-growing",
    /// The operations counters: dozens of jobs fail.
    FailedJobsSpike = "failed-jobs-spike",
    /// The operations counters: hundreds of statements take long.
    SlowQueriesSpike = "slow-queries-spike",
    /// The health endpoint: hardly any memory is left.
    MemoryFilling = "memory-filling",
    /// E-mail: is delivered late, by [`Options::late_by`](crate::Options::late_by).
    EmailLate = "email-late",
    /// SMS: is delivered late, by [`Options::late_by`](crate::Options::late_by).
    SmsLate = "sms-late",
    /// Jobs of ours: are done late, by [`Options::late_by`](crate::Options::late_by).
    JobLate = "job-late",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no fault's. Its text lists the names that are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("find the fault `{0}`: expected one of {known}", known = names())]
pub struct UnknownFault(pub String);

fn names() -> String {
    Fault::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// The switches: any number of faults may be active at once.
///
/// Where several would answer the same request, `down` goes before `hang`, then `maintenance`, `500`, and last those of
/// pages and JSON endpoints, of which `html-instead-of-json` leaves nothing for `truncated-json` to cut. `slow` delays
/// whatever the others answer.
#[derive(Debug, Default)]
pub struct Faults {
    active: watch::Sender<BTreeSet<Fault>>,
}

impl Faults {
    /// Makes it go wrong from now on, for open connections too. Nothing changes when it is active already.
    pub fn activate(&self, fault: Fault) {
        self.active.send_if_modified(|active| active.insert(fault));
    }

    /// Makes it go right again.
    pub fn clear(&self, fault: Fault) {
        self.active.send_if_modified(|active| active.remove(&fault));
    }

    /// Makes everything go right again.
    pub fn clear_all(&self) {
        self.active.send_modify(BTreeSet::clear);
    }

    /// The active ones.
    #[must_use]
    pub fn active(&self) -> BTreeSet<Fault> {
        self.active.borrow().clone()
    }

    /// Whether this one is active.
    #[must_use]
    pub fn is_active(&self, fault: Fault) -> bool {
        self.active.borrow().contains(&fault)
    }

    /// Waits until this one is active.
    pub(crate) async fn activation_of(&self, fault: Fault) {
        // An error would mean that the switches are gone, which `self` rules out.
        let _ = self.active.subscribe().wait_for(|active| active.contains(&fault)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_and_no_two_are_the_same() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
        }
        assert_eq!(Fault::ALL.iter().map(|fault| fault.name()).collect::<BTreeSet<_>>().len(), Fault::ALL.len());
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let text = "lightning".parse::<Fault>().unwrap_err().to_string();
        assert!(text.starts_with("find the fault `lightning`: expected one of down, slow, hang, 500, "), "{text}");
    }

    #[tokio::test]
    async fn switches_hold_several_and_wake_those_who_wait() {
        let faults = Faults::default();
        faults.activate(Fault::Slow);
        faults.activate(Fault::Slow);
        let ((), ()) = tokio::join!(faults.activation_of(Fault::Down), async { faults.activate(Fault::Down) });
        assert_eq!(faults.active(), BTreeSet::from([Fault::Down, Fault::Slow]));
        faults.clear(Fault::Slow);
        assert!(faults.is_active(Fault::Down) && !faults.is_active(Fault::Slow));
        faults.clear_all();
        assert!(faults.active().is_empty());
    }
}
