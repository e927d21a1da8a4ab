//! The platform's list of bookings, and the removal of synthetic ones.

use check::{Mismatch, Phrase, foreign, ours, phrase};
use jiff::{SignedDuration, Timestamp};
use platform::{BackgroundSession, Platform, id_at, is_status, items, short_id, text_at};
use probe::{Method, Response, Url};
use runtime::{FoundLeftover, began};
use serde_json::Value;
use settings::Pointer;

use crate::slots::{self, Slot};

/// Prefix of the run's id in the notes of a synthetic booking.
const MARKER: &str = "synthetic:";

/// Notes of a run's bookings. Cleanup finds bookings by their notes, even if the response with their id was lost.
pub(crate) fn marker(run_id: &str) -> String {
    format!("{MARKER}{run_id}")
}

/// A booking with any status but cancelled.
#[derive(Debug)]
pub(crate) struct Booked {
    pub(crate) id: String,
    /// `None` if it has no times.
    pub(crate) slot: Option<Slot>,
    pub(crate) notes: String,
}

impl Booked {
    /// Id of the run that made it; `None` for real bookings.
    pub(crate) fn run_id(&self) -> Option<&str> {
        self.notes.strip_prefix(MARKER)
    }

    /// Returns the booking as a leftover if its run began before `older_than` and is therefore over.
    pub(crate) fn leftover(&self, older_than: Timestamp) -> Option<FoundLeftover> {
        let run_id = self.run_id()?;
        let began = began(run_id).filter(|began| *began < older_than)?;
        let (what, id, run_id) = ("booking".to_owned(), self.id.clone(), run_id.to_owned());
        Some(FoundLeftover { what, id, run_id, began, removed: false })
    }
}

/// Returns the bookings of a response, without cancelled ones.
///
/// # Errors
/// A mismatch if the response is not a list of bookings, or if an id, a status or a time is unreadable.
pub(crate) fn listed(platform: &Platform, response: &Response) -> Result<Vec<Booked>, Mismatch> {
    let names = &platform.booking;
    let pointers = [&names.id, &names.status, &names.starts_at, &names.ends_at].map(Pointer::as_str);
    let read = |item: &Value| {
        let status = text_at(item, names.status.as_str())?;
        if status.is_some_and(|status| is_status(names.cancelled_status.as_str(), &status)) {
            return Ok(None);
        }
        let Some(id) = item.pointer(names.id.as_str()) else { return Ok(None) };
        let notes = item.pointer(names.notes.as_str()).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        // Only ids of our own bookings become parts of paths; an entry of another kind may have none.
        let id = if notes.starts_with(MARKER) {
            short_id(id, names.id.as_str())?
        } else {
            id_at(item, names.id.as_str()).unwrap_or_default().unwrap_or_default()
        };
        let slot = slots::read(platform, item, names.starts_at.as_str(), names.ends_at.as_str());
        let unreadable = |mismatch: Mismatch| mismatch.with_evidence(phrase!("booking {}", foreign(&id)));
        let slot = slot.map_err(unreadable)?;
        Ok(Some(Booked { id, slot, notes }))
    };
    items(platform, response, &pointers)?.iter().filter_map(|item| read(item).transpose()).collect()
}

/// Removal of a run's bookings, found by their marker. Idempotent.
pub(crate) struct Undo {
    pub(crate) background_session: BackgroundSession,
    /// URL of a calendar that covers all bookings of the run.
    pub(crate) calendar: Result<Url, Mismatch>,
    pub(crate) marker: String,
}

impl Undo {
    /// Cancels the bookings and checks that they are gone.
    ///
    /// # Errors
    /// A text with the bookings that remain or may remain, and the reason.
    pub(crate) async fn run(self) -> Result<(), Phrase> {
        let bookings = self.bookings().await?;
        for booking in &bookings {
            let url = self.url(booking).map_err(|mismatch| {
                self.may_remain(phrase!("booking {}: {}", foreign(&booking.id), mismatch.actual))
            })?;
            let undone = undone(&self.background_session.site().platform);
            let answer = self.background_session.send(Method::DELETE, url, None, &undone).await;
            answer.map_err(|why| self.may_remain(phrase!("booking {}: {}", foreign(&booking.id), why)))?;
        }
        if bookings.is_empty() {
            return Ok(());
        }
        let left = self.bookings().await?;
        let describe = |booking: &Booked| {
            let at = booking.slot.map(|slot| phrase!(" at {}", ours(slot.starts_at))).unwrap_or_default();
            phrase!("booking {}{}", foreign(&booking.id), at)
        };
        match &left[..] {
            [] => Ok(()),
            left => Err(phrase!(
                "cancelled, but still listed: {} (notes {})",
                Phrase::list(left.iter().map(describe), ", "),
                ours(&self.marker)
            )),
        }
    }

    async fn bookings(&self) -> Result<Vec<Booked>, Phrase> {
        let calendar = self.calendar.clone().map_err(|mismatch| self.may_remain(mismatch.actual))?;
        let answer = self.background_session.send(Method::GET, calendar, None, &[200]).await;
        let platform = &self.background_session.site().platform;
        let booked = answer.and_then(|answer| listed(platform, &answer).map_err(|mismatch| mismatch.actual));
        let booked = booked.map_err(|why| self.may_remain(phrase!("reading the calendar: {}", why)))?;
        Ok(booked.into_iter().filter(|booking| booking.notes == self.marker).collect())
    }

    fn names(&self) -> &platform::Booking {
        &self.background_session.site().platform.booking
    }

    fn url(&self, booking: &Booked) -> Result<Url, Mismatch> {
        self.names().path.at(&self.background_session.site().base_url, &[("booking", &booking.id)])
    }

    fn may_remain(&self, why: Phrase) -> Phrase {
        phrase!(
            "cancelling the test booking failed: {}; a booking with the note `{}` may still exist",
            why,
            ours(&self.marker)
        )
    }
}

/// Response statuses of a cancellation that mean the booking is gone, now or earlier.
pub(crate) fn undone(platform: &Platform) -> Vec<u16> {
    [platform.booking.cancelled.as_slice(), platform.booking.gone.as_slice()].concat()
}

/// First and last day of a calendar request: the range in which a run can book, plus a day at either end.
pub(crate) fn days(platform: &Platform, now: Timestamp, max_lead_time: SignedDuration) -> (String, String) {
    let day = SignedDuration::from_hours(24);
    (platform.times.day(now - day), platform.times.day(now + max_lead_time + day))
}
