//! Events of the last five minutes, from fictional users and from real requests.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Time for which an event is counted.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// A counted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    LoginSucceeded,
    LoginFailed,
    LogoutSucceeded,
    LogoutFailed,
    /// A log-in that was throttled.
    Lockout,
    BookingCreated,
    BookingUpdated,
    /// A booking that could not be created or changed.
    BookingError,
    WebhookReceived,
    /// A webhook that was answered with an error, including synthetic ones with an invalid signature.
    WebhookFailed,
    PaymentAttempted,
    PaymentFailed,
    Request,
    /// A request that was answered with 5xx.
    ServerError,
}

/// Events of the platform's fictional users in every window.
const fn seeded_count(event: Event) -> usize {
    match event {
        Event::LoginSucceeded => 180,
        Event::LoginFailed => 12,
        Event::LogoutSucceeded => 90,
        Event::BookingCreated => 60,
        Event::BookingUpdated => 37,
        Event::BookingError => 3,
        Event::WebhookReceived => 50,
        Event::WebhookFailed => 1,
        Event::PaymentAttempted => 40,
        Event::PaymentFailed => 2,
        Event::Request => 2_600,
        Event::ServerError => 4,
        Event::LogoutFailed | Event::Lockout => 0,
    }
}

/// The recorded events, oldest first.
#[derive(Default)]
pub(crate) struct Counters {
    events: Mutex<VecDeque<(Timestamp, Event)>>,
}

impl Counters {
    pub(crate) fn note(&self, event: Event, now: Timestamp) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        while events.front().is_some_and(|(at, _)| *at + WINDOW <= now) {
            events.pop_front();
        }
        events.push_back((now, event));
    }

    pub(crate) fn count(&self, event: Event, now: Timestamp) -> usize {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = events.iter().filter(|(at, own)| *own == event && *at + WINDOW > now).count();
        seeded_count(event) + counted
    }
}
