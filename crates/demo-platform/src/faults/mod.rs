//! The faults of the platform, and the switches for them.
//!
//! A [`Fault`] is a name. `faults.toml`, read by [`catalogue`], describes each fault and the result that a check must report,
//! and [`Faults`] holds the active ones. Each fault acts in one place: transport faults in `layers::faults`, [`Fault::Down`] below HTTP in
//! the listener, and all others in the handler or job that they break, which calls [`Faults::is_active`].

mod catalogue;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use catalogue::{Bound, CatalogueError, ExpectedFailure, FaultSpec, Shows, catalogue};

/// Defines each fault once: the variant, its name, and its place in the list of all.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A fault of the platform. Text and JSON use its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Fault {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Fault {
            /// All faults, in the order of `faults.toml`.
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
    /// Everything: connections are reset, including open ones. The port stays bound, to serve again once cleared.
    Down = "down",
    /// Everything: answers are late by [`Options::slow_delay`](crate::Options::slow_delay).
    Slow = "slow",
    /// Everything: requests are never answered. Hanging requests stay so after clearing, until the client leaves.
    Hang = "hang",
    /// Everything: Laravel's generic 500.
    ServerError = "500",
    /// JSON endpoints (`/api/*`, `/health`, Horizon's), for any `Accept` header: 200 with an HTML error page.
    HtmlInsteadOfJson = "html-instead-of-json",
    /// JSON endpoints (`/api/*`, `/health`, Horizon's) that answer JSON: half of the body, then the connection is closed.
    TruncatedJson = "truncated-json",
    /// HTML pages (`/`, `/login`, `/home`): each redirects to itself.
    RedirectLoop = "redirect-loop",
    /// Everything: `php artisan down --retry=60`.
    Maintenance = "maintenance",
    /// Unsafe requests with a session: every CSRF token is rejected.
    CsrfBroken = "csrf-broken",
    /// Log-in: any password is accepted.
    WrongPasswordAccepted = "wrong-password-accepted",
    /// Log-in: a wrong password is rejected, but logs in.
    RefusalLogsIn = "refusal-logs-in",
    /// Log-out: answered as usual, but the session stays valid.
    SessionSurvivesLogout = "session-survives-logout",
    /// Schools: another school is shown.
    TenantLeak = "tenant-leak",
    /// Schools: the user's own school is not found.
    OwnSchoolHidden = "own-school-hidden",
    /// Current user: another user is returned.
    WrongUser = "wrong-user",
    /// Log-in: Laravel's generic 500.
    Login500 = "login-500",
    /// Log-in: answers are late by [`Options::slow_delay`](crate::Options::slow_delay).
    LoginSlow = "login-slow",
    /// Log-in: always too many attempts.
    Throttled = "throttled",
    /// Log-in: the password alone logs in an account with a second factor.
    SecondFactorSkipped = "second-factor-skipped",
    /// Log-in: the final answer redirects to another host.
    LoginRedirectsOutside = "login-redirects-outside",
    /// The calendar: Laravel's generic 500.
    Calendar500 = "calendar-500",
    /// A teacher's availability: no free slot.
    AvailabilityEmpty = "availability-empty",
    /// Creating a booking: Laravel's generic 500.
    Create500 = "create-500",
    /// Creating a booking: the booking is created, but never answered.
    CreateTimesOutButBooks = "create-times-out-but-books",
    /// Creating a booking: a taken slot is accepted.
    DoubleBookingAllowed = "double-booking-allowed",
    /// One booking: shown with an end time 15 minutes too early.
    ReadBackDiffers = "read-back-differs",
    /// Changing a booking: answered as usual, but nothing changes.
    UpdateIgnored = "update-ignored",
    /// Cancelling a booking: answered as usual, but nothing is cancelled.
    CancelIgnored = "cancel-ignored",
    /// A teacher's availability: the slot of a cancelled booking stays taken.
    SlotNotReleased = "slot-not-released",
    /// The payment webhook: Laravel's generic 500.
    Webhook500 = "webhook-500",
    /// The payment webhook: events are accepted, but never processed.
    WebhookNeverProcessed = "webhook-never-processed",
    /// The payment webhook: events wait in the queue, see [`Options::webhook_wait`](crate::Options::webhook_wait).
    WebhookSlow = "webhook-slow",
    /// The payment webhook's job: a redelivered event is processed again.
    WebhookDuplicates = "webhook-duplicates",
    /// The payment webhook: any signature is accepted.
    WebhookAcceptsForged = "webhook-accepts-forged",
    /// The payment webhook: signatures of any age are accepted.
    WebhookAcceptsStale = "webhook-accepts-stale",
    /// The payment webhook: Laravel's generic 500 to a signature that is too old.
    WebhookStale500 = "webhook-stale-500",
    /// The payment webhook: a body that was changed after signing is accepted.
    WebhookAcceptsTampered = "webhook-accepts-tampered",
    /// The payment webhook's job: any amount pays an invoice.
    WebhookIgnoresAmount = "webhook-ignores-amount",
    /// The payment webhook's job: a failed payment voids its invoice.
    FailedPaymentClosesInvoice = "failed-payment-closes-invoice",
    /// The payment webhook's job: refunds are accepted, but change nothing.
    RefundNeverProcessed = "refund-never-processed",
    /// A student's balance: a payment does not change it.
    BalanceNotUpdated = "balance-not-updated",
    /// Payments: the platform lacks a payment that the provider has.
    PaymentMissingOnPlatform = "payment-missing-on-platform",
    /// Payments: the platform has a payment that the provider does not know.
    PaymentMissingAtProvider = "payment-missing-at-provider",
    /// Payments: the platform has a payment with another amount.
    PaymentAmountDiffers = "payment-amount-differs",
    /// Payments: the platform recorded a payment 95 minutes late.
    PaymentLate = "payment-late",
    /// E-mail: stays in the queue.
    EmailStuck = "email-stuck",
    /// E-mail: bounces.
    EmailBounced = "email-bounced",
    /// SMS: stay in the queue.
    SmsStuck = "sms-stuck",
    /// SMS: not delivered.
    SmsFailed = "sms-failed",
    /// The operations counters: hundreds of e-mails wait to be sent.
    NotificationQueueGrowing = "notification-queue-growing",
    /// The operations counters: all are missing except the window.
    CountersMissing = "counters-missing",

    /// Creating an invoice: every second one gets another total.
    InvoiceWrongTotal = "invoice-wrong-total",
    /// The payment webhook's job: a payment is recorded with another amount.
    PaymentWrongAmountRecorded = "payment-wrong-amount-recorded",
    /// The payment webhook's job: a payment is recorded in another currency.
    PaymentWrongCurrencyRecorded = "payment-wrong-currency-recorded",
    /// The payment webhook's job: an invoice becomes paid, but its payment is not recorded.
    PaymentNeverRecorded = "payment-never-recorded",
    /// The payment webhook's job: a payment is recorded as pending.
    PaymentStaysPending = "payment-stays-pending",
    /// The payment webhook: a rejected event is queued anyway, and leaves a payment.
    RefusedEventRecorded = "refused-event-recorded",
    /// The payment webhook: a redelivered event is rejected.
    ReplayRefused = "replay-refused",
    /// The payment webhook: refunds are rejected.
    RefundRefused = "refund-refused",
    /// Changing an invoice: Laravel's generic 500.
    VoidRefused = "void-refused",
    /// Payments: the platform has a payment in another currency.
    PaymentCurrencyDiffers = "payment-currency-differs",
    /// Payments: the platform has a payment as failed.
    PaymentStatusDiffers = "payment-status-differs",
    /// Payments: the platform has a payment twice.
    PaymentRecordedTwice = "payment-recorded-twice",
    /// E-mail: rejected.
    EmailRefused = "email-refused",
    /// E-mail: accepted, but the answer contains no id.
    EmailWithoutId = "email-without-id",

    /// Queues: thousands of jobs wait in one queue.
    QueueGrowing = "queue-growing",
    /// Queues: the workers of one queue run, but take no jobs.
    WorkersIdle = "workers-idle",
    /// Horizon: paused.
    HorizonPaused = "horizon-paused",
    /// Canary jobs: accepted, but never finish.
    JobLost = "job-lost",
    /// Scheduled tasks: hourly and more frequent tasks no longer run.
    SchedulerSilent = "scheduler-silent",
    /// Scheduled tasks: one task fails.
    TaskFailing = "task-failing",
    /// Scheduled tasks: the backup no longer runs.
    BackupOld = "backup-old",

    /// The database: its connections are reset.
    DatabaseDown = "database-down",
    /// The database: answers are late by [`Options::slow_delay`](crate::Options::slow_delay).
    DatabaseSlow = "database-slow",
    /// The database: the monitor's password is rejected.
    DatabasePasswordChanged = "database-password-changed",
    /// The database: accepts no more connections.
    ConnectionsExhausted = "connections-exhausted",
    /// The database: nearly all of its connections are in use.
    ConnectionsGrowing = "connections-growing",
    /// The cache: its connections are reset.
    CacheDown = "cache-down",
    /// The cache: answers are late by [`Options::slow_delay`](crate::Options::slow_delay).
    CacheSlow = "cache-slow",
    /// The cache: its memory is full.
    CacheMemoryFull = "cache-memory-full",
    /// The cache: its last snapshot failed.
    CacheNotSaved = "cache-not-saved",

    // Faults for the check `application`.
    /// The operations counters: two of five requests are answered with 5xx.
    ErrorSpike = "5xx-spike",
    /// The operations counters: hundreds of exceptions.
    ExceptionsSpike = "exceptions-spike",
    /// The operations counters: most of the platform's calls to a partner fail.
    PartnerCallsFailing = "partner-calls-failing",
    /// The health endpoint: the disk is almost full, reported as a warning.
    DiskFilling = "disk-filling",
    /// The health endpoint: the disk is full, reported as a failure.
    DiskFull = "disk-full",
    /// The health endpoint: one of the platform's own health checks crashes.
    HealthCheckCrashed = "health-check-crashed",
    /// The health endpoint: the results are outdated.
    HealthStale = "health-stale",
    /// The health endpoint: no results, and an empty body.
    HealthEmpty = "health-empty",

    // Faults for the check `integrations`.
    /// A partner: 503.
    PartnerDown = "partner-down",
    /// A partner: answers are late by [`Options::slow_delay`](crate::Options::slow_delay).
    PartnerSlow = "partner-slow",
    /// A partner: the configured key is rejected.
    PartnerUnauthorized = "partner-unauthorized",
    /// A partner: always too many calls.
    PartnerThrottled = "partner-throttled",
    /// A partner: another page than usual.
    PartnerWrongAnswer = "partner-wrong-answer",

    // Faults for the counters and delays that alarms evaluate.
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
    /// The operations counters: hundreds of SMS wait to be sent.
    SmsQueueGrowing = "sms-queue-growing",
    /// The operations counters: dozens of jobs fail.
    FailedJobsSpike = "failed-jobs-spike",
    /// The operations counters: hundreds of database statements are slow.
    SlowQueriesSpike = "slow-queries-spike",
    /// The health endpoint: almost no memory is left.
    MemoryFilling = "memory-filling",
    /// E-mail: delivered after [`Options::late_by`](crate::Options::late_by).
    EmailLate = "email-late",
    /// SMS: delivered after [`Options::late_by`](crate::Options::late_by).
    SmsLate = "sms-late",
    /// Canary jobs: finish after [`Options::late_by`](crate::Options::late_by).
    JobLate = "job-late",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An unknown fault name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("find the fault `{0}`: no fault has this name; GET /faults lists all")]
pub struct UnknownFault(pub String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// The switches of all faults. Any number of faults may be active at once.
///
/// If several faults apply to a request, the first of these answers: `down`, `hang`, `maintenance`, `500`, then the faults of
/// pages and JSON endpoints. `html-instead-of-json` takes precedence over `truncated-json`. `slow` delays every answer.
#[derive(Debug, Default)]
pub struct Faults {
    active: watch::Sender<BTreeSet<Fault>>,
}

impl Faults {
    /// Activates a fault, for open connections as well. Does nothing if it is already active.
    pub fn activate(&self, fault: Fault) {
        self.active.send_if_modified(|active| active.insert(fault));
    }

    /// Clears a fault.
    pub fn clear(&self, fault: Fault) {
        self.active.send_if_modified(|active| active.remove(&fault));
    }

    /// Clears all faults.
    pub fn clear_all(&self) {
        self.active.send_modify(BTreeSet::clear);
    }

    /// The active faults.
    #[must_use]
    pub fn active(&self) -> BTreeSet<Fault> {
        self.active.borrow().clone()
    }

    /// Returns true while the fault is active.
    #[must_use]
    pub fn is_active(&self, fault: Fault) -> bool {
        self.active.borrow().contains(&fault)
    }

    /// Waits until the fault is active.
    pub(crate) async fn wait_until_active(&self, fault: Fault) {
        // An error would mean that the sender was dropped, but `self` owns it.
        let _ = self.active.subscribe().wait_for(|active| active.contains(&fault)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_are_unique() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
        }
        assert_eq!(Fault::ALL.iter().map(|fault| fault.name()).collect::<BTreeSet<_>>().len(), Fault::ALL.len());
    }

    #[test]
    fn unknown_name_says_where_all_are_listed() {
        let text = "lightning".parse::<Fault>().unwrap_err().to_string();
        assert!(text.starts_with("find the fault `lightning`: ") && text.ends_with("GET /faults lists all"), "{text}");
    }

    #[tokio::test]
    async fn several_faults_can_be_active_and_waiters_wake() {
        let faults = Faults::default();
        faults.activate(Fault::Slow);
        faults.activate(Fault::Slow);
        let ((), ()) = tokio::join!(faults.wait_until_active(Fault::Down), async { faults.activate(Fault::Down) });
        assert_eq!(faults.active(), BTreeSet::from([Fault::Down, Fault::Slow]));
        faults.clear(Fault::Slow);
        assert!(faults.is_active(Fault::Down) && !faults.is_active(Fault::Slow));
        faults.clear_all();
        assert!(faults.active().is_empty());
    }
}
