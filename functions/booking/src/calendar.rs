//! The bookings that the platform lists, and which of them are ours.

use jiff::{SignedDuration, Timestamp};
use probe::expect::json_list;
use probe::{Method, Response, Url};
use runtime::session::{BackgroundSession, status};
use runtime::settings::{Platform, written_id};
use runtime::{FoundLeftover, began};
use serde_json::Value;

use crate::slots::{self, Slot};

/// What a booking of ours has in its notes, before the run's id.
const MARKER: &str = "synthetic:";

/// The notes of a run's bookings: they are found by them, whatever became of the answer that told their id.
pub(crate) fn marker(run_id: &str) -> String {
    format!("{MARKER}{run_id}")
}

/// A booking that is to take place.
#[derive(Debug)]
pub(crate) struct Booked {
    pub(crate) id: String,
    /// `None`: its times could not be read.
    pub(crate) slot: Option<Slot>,
    pub(crate) notes: String,
}

impl Booked {
    /// The run that made it; `None` when it is no booking of ours.
    pub(crate) fn run_id(&self) -> Option<&str> {
        self.notes.strip_prefix(MARKER)
    }

    /// Whether a run made it that began so long ago that it is over.
    pub(crate) fn leftover(&self, older_than: Timestamp) -> Option<FoundLeftover> {
        let run_id = self.run_id()?;
        let began = began(run_id).filter(|began| *began < older_than)?;
        let (what, id, run_id) = ("booking".to_owned(), self.id.clone(), run_id.to_owned());
        Some(FoundLeftover { what, id, run_id, began, removed: false })
    }
}

/// The bookings of an answer that are to take place.
///
/// # Errors
/// A mismatch when it is no list of bookings.
pub(crate) fn listed(platform: &Platform, response: &Response) -> Result<Vec<Booked>, check::Mismatch> {
    let names = &platform.booking;
    let list = json_list(response, platform.wrapper.as_str())?;
    let read = |item: &Value| {
        let text = |pointer: &str| item.pointer(pointer).map(written_id);
        if text(names.status.as_str()).is_some_and(|status| status == names.cancelled_status.as_str()) {
            return None;
        }
        Some(Booked {
            id: text(names.id.as_str())?,
            slot: slots::read(platform, item, names.starts_at.as_str(), names.ends_at.as_str()),
            notes: item.pointer(names.notes.as_str()).and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    };
    Ok(list.iter().filter_map(read).collect())
}

/// Removes what a run made, by its marker. Does no harm when nothing is there.
pub(crate) struct Undo {
    pub(crate) background_session: BackgroundSession,
    /// Where the calendar lists all that the run can have made.
    pub(crate) calendar: Url,
    pub(crate) marker: String,
}

impl Undo {
    /// # Errors
    /// What is left, or may be, and why.
    pub(crate) async fn run(self) -> Result<(), String> {
        let ours = self.ours().await?;
        for booking in &ours {
            let answer = self.background_session.send(Method::DELETE, self.url(booking), None).await;
            let answer = answer.map_err(|error| self.may_be_left(&format!("{error}; booking {}", booking.id)))?;
            status(&answer, &undone(&self.background_session.site().platform))
                .map_err(|mismatch| self.may_be_left(&format!("booking {}: {}", booking.id, mismatch.actual)))?;
        }
        if ours.is_empty() {
            return Ok(());
        }
        let left = self.ours().await?;
        let describe = |booking: &Booked| {
            let at = booking.slot.map(|slot| format!(" at {}", slot.starts_at)).unwrap_or_default();
            format!("booking {}{at}", booking.id)
        };
        match &left[..] {
            [] => Ok(()),
            left => Err(format!(
                "cancelled, but still there: {} (notes {})",
                left.iter().map(describe).collect::<Vec<_>>().join(", "),
                self.marker
            )),
        }
    }

    async fn ours(&self) -> Result<Vec<Booked>, String> {
        let answer = self.background_session.send(Method::GET, self.calendar.clone(), None).await;
        let answer = answer.map_err(|error| self.may_be_left(&error))?;
        let booked = status(&answer, &[200]).and_then(|()| listed(&self.background_session.site().platform, &answer));
        let booked = booked.map_err(|mismatch| self.may_be_left(&format!("the calendar: {}", mismatch.actual)))?;
        Ok(booked.into_iter().filter(|booking| booking.notes == self.marker).collect())
    }

    fn names(&self) -> &runtime::settings::Booking {
        &self.background_session.site().platform.booking
    }

    fn url(&self, booking: &Booked) -> Url {
        self.names().path.at(&self.background_session.site().base_url, &[("booking", &booking.id)])
    }

    fn may_be_left(&self, why: &str) -> String {
        format!("{why}; a booking with the notes {} may be left", self.marker)
    }
}

/// The statuses of a cancellation after which a booking is gone: by it, or before it.
pub(crate) fn undone(platform: &Platform) -> Vec<u16> {
    [platform.booking.cancelled.as_slice(), platform.booking.gone.as_slice()].concat()
}

/// The days that a calendar is asked for: all that a run can have booked, a day more at either end.
pub(crate) fn days(platform: &Platform, now: Timestamp, max_lead_time: SignedDuration) -> (String, String) {
    let day = SignedDuration::from_hours(24);
    (platform.times.day(now - day), platform.times.day(now + max_lead_time + day))
}
