//! Booked lessons.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::MARKER;

/// A lesson.
#[derive(Clone, Debug)]
pub(crate) struct Booking {
    pub(crate) id: u32,
    pub(crate) school: u32,
    pub(crate) teacher: u32,
    pub(crate) students: Vec<u32>,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) kind: String,
    pub(crate) notes: String,
    pub(crate) is_cancelled: bool,
    pub(crate) created_at: Timestamp,
}

impl Booking {
    pub(crate) const fn status(&self) -> &'static str {
        if self.is_cancelled { "cancelled" } else { "confirmed" }
    }
}

/// All bookings.
#[derive(Default)]
pub(crate) struct Bookings {
    kept: Mutex<Vec<Booking>>,
}

impl Bookings {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Booking>> {
        // Every change is a single entry, so the data is consistent even after a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bookings of synthetic traffic that were not cancelled, one line each.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let kept = self.lock();
        let left = kept.iter().filter(|booking| !booking.is_cancelled && booking.notes.starts_with(MARKER));
        left.map(|booking| format!("booking {} at {} ({})", booking.id, booking.starts_at, booking.notes)).collect()
    }
}
