//! Options of the platform, with their defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::names::Flavour;
use crate::seed::Seed;
use crate::state::throttle::Throttle;

/// The wall clock, passed in so that tests control the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Options of the platform.
pub struct Options {
    /// The address to listen on; port 0 picks a free port. Default: `127.0.0.1:0`.
    pub address: SocketAddr,
    /// The port of the admin endpoint on 127.0.0.1; 0 picks a free port. Default: 0.
    pub admin_port: u16,
    /// The initial data. Default: [`Seed::default`].
    pub seed: Seed,
    /// The wall clock. Default: the system's clock.
    pub clock: Clock,
    /// Delay of answers with the fault `slow`. Default: 2.5 s.
    pub slow_delay: Duration,
    /// Duration of a delivery or job with the faults `email-late`, `sms-late` and `job-late`. Default: 15 s.
    pub late_by: SignedDuration,
    /// Time that an event waits in the queue with the fault `webhook-slow`. Default: 3.5 s.
    pub webhook_wait: SignedDuration,
    /// Limit per e-mail address on log-ins, and separately on codes. Default: 5 per minute, including successful ones.
    pub login_throttle: Throttle,
    /// Period of second-factor codes. Default: 1 s, because the demo runs every few seconds; apps use 30 s.
    pub totp_period: Duration,
    /// The set of names. Default: the documented names.
    pub flavour: Flavour,
    /// Number of rows on a page of every list. Default: none; only a school's payments have pages.
    pub per_page: Option<usize>,
    /// The mail server for e-mails. Default: none; e-mails arrive after a fixed time.
    pub smtp: Option<SocketAddr>,
    /// Providers report delivery states to the platform. Default: true.
    pub receipts: bool,
    /// Interval between payments of fictional users. Default: 7 minutes.
    pub payments_every: Duration,
    /// Time from the creation of a payment intent to its payment. Default: none.
    pub pays_after: Duration,
    /// Time by which the payment provider's clock is ahead of the platform's. Default: none.
    pub provider_ahead: SignedDuration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            admin_port: 0,
            seed: Seed::default(),
            clock: Arc::new(Timestamp::now),
            slow_delay: Duration::from_millis(2500),
            late_by: SignedDuration::from_secs(15),
            webhook_wait: SignedDuration::from_millis(3_500),
            login_throttle: Throttle::default(),
            totp_period: Duration::from_secs(1),
            flavour: Flavour::default(),
            per_page: None,
            smtp: None,
            receipts: true,
            payments_every: Duration::from_secs(420),
            pays_after: Duration::ZERO,
            provider_ahead: SignedDuration::ZERO,
        }
    }
}
