//! The platform's list of bookings, and the removal of synthetic ones.

use check::{Mismatch, Phrase, foreign, ours, phrase};
use jiff::{SignedDuration, Timestamp};
use platform::{BackgroundSession, Platform, found_in_some, id_at, is_status, short_id, text_at};
use probe::{Method, Url};
use runtime::{FoundLeftover, began};
use serde_json::Value;
use settings::Pointer;

use crate::slots::{self, Slot};

/// Prefix of the run's id in the notes of a synthetic booking.
pub(crate) const MARKER: &str = "synthetic:";

/// Notes of a run's bookings. Cleanup finds bookings by their notes, even if the response with their id was lost.
pub(crate) fn marker(run_id: &str) -> String {
    format!("{MARKER}{run_id}")
}

/// A booking with any status but cancelled.
#[derive(Debug)]
pub(crate) struct Booked {
    pub(crate) id: String,
    /// `None` without readable times.
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

/// Returns the bookings of a calendar, without cancelled ones. Others write into the calendar too, so only bookings with notes beginning
/// with `own` must be readable. Any other with an unreadable status counts as not cancelled.
///
/// # Errors
/// A mismatch if the id or the status of an own booking is unreadable, or if no own booking has a value at one of the pointers.
pub(crate) fn listed(platform: &Platform, entries: &[Value], own: &str) -> Result<Vec<Booked>, Mismatch> {
    let names = &platform.booking;
    let notes =
        |item: &Value| item.pointer(names.notes.as_str()).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let own_entries: Vec<Value> = entries.iter().filter(|entry| notes(entry).starts_with(own)).cloned().collect();
    let pointers = [&names.id, &names.status, &names.starts_at, &names.ends_at].map(Pointer::as_str);
    found_in_some(&own_entries, &pointers)?;
    let read = |item: &Value| {
        let notes = notes(item);
        let is_own = notes.starts_with(own);
        let status = text_at(item, names.status.as_str());
        let status = if is_own { status? } else { status.unwrap_or_default() };
        if status.is_some_and(|status| is_status(names.cancelled_status.as_str(), &status)) {
            return Ok(None);
        }
        // Only ids of our own bookings become parts of paths; an entry of another kind may have none.
        let id = if is_own {
            short_id(item.pointer(names.id.as_str()).unwrap_or(&Value::Null), names.id.as_str())?
        } else {
            id_at(item, names.id.as_str()).unwrap_or_default().unwrap_or_default()
        };
        // Reading back compares the times of the run's own booking.
        let slot = slots::read(platform, item, names.starts_at.as_str(), names.ends_at.as_str()).unwrap_or_default();
        Ok(Some(Booked { id, slot, notes }))
    };
    entries.iter().filter_map(|item| read(item).transpose()).collect()
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
        let platform = &self.background_session.site().platform;
        let entries = self.background_session.items(calendar, &[], |_| false).await;
        let booked =
            entries.and_then(|entries| listed(platform, &entries, &self.marker).map_err(|mismatch| mismatch.actual));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A calendar with a right booking of one run, and an entry.
    fn calendar(entry: Value) -> [Value; 2] {
        let right = json!({ "id": 1, "status": "confirmed", "notes": marker("run"), "starts_at": "2026-12-03T08:00:00Z",
            "ends_at": "2026-12-03T08:45:00Z" });
        let mut other = right.clone();
        other["id"] = json!(2);
        for (name, change) in entry.as_object().unwrap() {
            other[name] = change.clone();
        }
        [right, other]
    }

    #[test]
    fn only_own_bookings_must_be_readable() {
        let platform = Platform::default();
        for (entry, is_read_if_own) in [
            (json!({ "ends_at": "9999-12-31 23:59:59" }), true),
            (json!({ "starts_at": "08:00:00", "ends_at": "16:00:00" }), true),
            (json!({ "starts_at": "0000-00-00 00:00:00", "ends_at": "" }), true),
            (json!({ "status": { "value": "confirmed" } }), false),
            (json!({ "id": null }), false),
            (json!({ "id": { "value": 2 } }), false),
            (json!({ "id": "x".repeat(1_000) }), false),
        ] {
            let with = |notes: &str| {
                let mut entry = entry.clone();
                entry["notes"] = json!(notes);
                calendar(entry)
            };
            let read = |notes: &str, own: &str| listed(&platform, &with(notes), own).map(|booked| booked.len()).ok();
            assert_eq!(read("holiday", MARKER), Some(2), "{entry}");
            assert_eq!(read(&marker("other"), &marker("run")), Some(2), "{entry}: of another run");
            assert_eq!(read(&marker("run"), &marker("run")), is_read_if_own.then_some(2), "{entry}: own");
        }
    }

    #[test]
    fn entries_of_others_may_lack_anything() {
        let platform = Platform::default();
        let count = |entries: Value| {
            listed(&platform, entries.as_array().unwrap(), MARKER)
                .map(|booked| booked.len())
                .map_err(|mismatch| mismatch.kind)
        };
        let block = json!({ "type": "block", "starts_at": "2026-12-03 08:00:00" });
        assert_eq!(count(json!([block])), Ok(1));
        assert_eq!(count(json!([{}, 7])), Ok(2));
        let own = json!({ "notes": marker("run"), "id": 1, "status": "confirmed", "starts_at": null, "ends_at": null });
        assert_eq!(count(json!([block, own])), Ok(2));
        for name in ["id", "status", "starts_at", "ends_at"] {
            let mut incomplete = own.clone();
            incomplete.as_object_mut().unwrap().remove(name);
            assert_eq!(count(json!([block, incomplete])), Err(check::FailureKind::Assertion), "{name}");
        }
    }
}
