//! Shared state of the platform.

use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::faults::{CatalogueError, Fault, FaultSpec, Faults, catalogue};
use crate::names::{Flavour, Names};
use crate::options::{Clock, Options};
use crate::seed::Seed;
use crate::state::accounts::Accounts;
use crate::state::bookings::Bookings;
use crate::state::counters::Counters;
use crate::state::finance::{Finance, Ledger};
use crate::state::notifications::{DeliveryState, Notification, Notifications};
use crate::state::request_log::RequestLog;
use crate::state::session::Sessions;
use crate::state::throttle::Limiter;
use crate::state::work::{QueueState, Work};

/// The state shared by all handlers.
pub(crate) struct Platform {
    pub(crate) clock: Clock,
    /// Start time.
    pub(crate) started: Timestamp,
    pub(crate) seed: Seed,
    pub(crate) faults: Arc<Faults>,
    pub(crate) catalogue: Vec<FaultSpec>,
    pub(crate) slow_delay: Duration,
    pub(crate) late_by: SignedDuration,
    pub(crate) webhook_wait: SignedDuration,
    pub(crate) requests: RequestLog,
    pub(crate) sessions: Sessions,
    pub(crate) accounts: Accounts,
    pub(crate) log_ins: Limiter,
    pub(crate) codes: Limiter,
    pub(crate) counters: Counters,
    pub(crate) bookings: Bookings,
    pub(crate) finance: Finance,
    pub(crate) notifications: Notifications,
    pub(crate) work: Work,
    pub(crate) per_page: Option<usize>,
    pub(crate) smtp: Option<SocketAddr>,
    pub(crate) receipts: bool,
    pub(crate) payments_every: Duration,
    pub(crate) pays_after: Duration,
    pub(crate) provider_ahead: SignedDuration,
    pub(crate) names: &'static Names,
    /// Answers are wrapped in `data`, and ids are numbers.
    pub(crate) is_wrapped: bool,
}

impl Platform {
    /// Creates the platform without active faults.
    ///
    /// # Errors
    /// If the list of faults is invalid.
    pub(crate) fn new(options: Options) -> Result<Self, CatalogueError> {
        let Options {
            address: _,
            admin_port: _,
            seed,
            clock,
            slow_delay,
            late_by,
            webhook_wait,
            login_throttle,
            totp_period,
            flavour,
            per_page,
            smtp,
            receipts,
            payments_every,
            pays_after,
            provider_ahead,
        } = options;
        Ok(Self {
            started: clock(),
            clock,
            accounts: Accounts::new(&seed, totp_period),
            seed,
            faults: Arc::default(),
            catalogue: catalogue()?,
            slow_delay,
            late_by,
            webhook_wait,
            requests: RequestLog::default(),
            sessions: Sessions::new(),
            log_ins: Limiter::new(login_throttle),
            codes: Limiter::new(login_throttle),
            counters: Counters::default(),
            bookings: Bookings::default(),
            finance: Finance::default(),
            notifications: Notifications::default(),
            work: Work::default(),
            per_page,
            smtp,
            receipts,
            payments_every,
            pays_after,
            provider_ahead,
            names: flavour.names(),
            is_wrapped: flavour == Flavour::Documented,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The ledger after all due events.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.finance.up_to_date(&self.faults, &self.counters, self.now())
    }

    /// All messages, each with the delivery state that its provider knows by now.
    pub(crate) fn message_states(&self) -> Vec<(Notification, DeliveryState)> {
        self.notifications.current_states(&self.faults, self.late_by, self.now())
    }

    /// The queues of the background work.
    pub(crate) fn queue_states(&self) -> Vec<QueueState> {
        self.work.queue_states(&self.faults, self.now())
    }

    /// Synthetic data that was not removed, one line each.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let mut left = self.bookings.leftovers();
        left.extend(self.ledger().leftovers());
        left
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.is_active(fault)
    }
}
