#![doc = include_str!("../README.md")]

mod calendar;
mod settings;
mod slots;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::settings::{Common, Contract, Section, written_id};
use check::metric::BOOKING_ERROR_RATE;
use check::{FailureKind, Mismatch, Phrase, StepEnded, Subject, foreign, ours, phrase};
use futures::join;
use jiff::Timestamp;
use platform::counting::{Counters, Tally, count};
use platform::{Item, UserSession, short_id, status};
use probe::expect::list;
use probe::{Method, Response, Url};
use runtime::{Check, CheckMemory, FoundLeftover, MemoryCell, Run, Step, signed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::settings::{Booking, RawBooking};
use calendar::{Booked, MARKER, Undo, days, listed, marker, undone};
use slots::{FreeTimes, Slot};

/// The steps after the log-in, in order.
const STEPS: [&str; 8] =
    ["calendar", "availability", "create", "read-back", "double-booking", "reschedule", "cancel", "slot-released"];

/// Maximum number of slots to try while other users are faster.
const MAX_SLOTS: usize = 8;
/// Maximum number of refused slots that turn out to be free a moment later, for example after another run's cancellation.
const MAX_UNEXPLAINED: usize = 3;
/// Maximum number of retries while a released slot is not free yet, and the pause before each.
const MAX_RETRIES: usize = 2;
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of leftovers that one run removes. The next run or `synthetics cleanup` removes the rest.
const MAX_LEFTOVERS: usize = 5;

/// Result of one of the check's own requests to book or move, as the platform counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum AttemptResult {
    #[serde(rename = "made")]
    Created,
    #[serde(rename = "moved")]
    Updated,
    #[serde(rename = "no")]
    Refused,
}

/// Data kept between runs. Without it, the rates of one window include the check's own bookings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    attempts: Tally<AttemptResult>,
}

impl CheckMemory for Memory {
    const VERSION: u32 = 1;

    fn merge(base: Self, ours: Self, theirs: Self) -> Self {
        Self { attempts: theirs.attempts.with_new_of(ours.attempts, &base.attempts) }
    }
}

impl Check for Booking {
    const ID: &'static str = "booking";
    const CONTRACT: Contract = platform::CONTRACT;
    const READ_ONLY: bool = false;
    const CADENCE: Duration = Duration::from_secs(300);
    const OBJECTIVE: Option<f64> = Some(0.98);
    const HAS_CLEANUP: bool = true;

    type Raw = RawBooking;
    type Memory = Memory;

    fn read(raw: RawBooking, section: &Section<'_>, common: &Common) -> Option<Self> {
        raw.validate(section, common)
    }

    /// One step at its deadline, plus the same time for all other steps. If every step is slow, the run's deadline cuts the
    /// flow off and the run fails.
    fn max_attempt_duration(&self) -> Duration {
        self.site.deadline * 2
    }

    async fn attempt(&self, run: &Run, memory: &MemoryCell<Memory>) {
        let mut user = UserSession::new(run, &self.site);
        match self.log_in(run, &mut user).await {
            Ok(()) => {
                // The steps themselves have recorded their failures.
                let _ = self.book_and_cancel(run, &user, memory).await;
            }
            Err(StepEnded) if run.in_maintenance() => {}
            Err(StepEnded) => self.counters(run, memory).await,
        }
        let reason =
            if run.in_maintenance() { "the platform is in maintenance" } else { "an earlier step did not pass" };
        run.skip_rest(&STEPS, reason);
    }

    async fn cleanup(&self, run: &Run, remove: bool) -> Vec<FoundLeftover> {
        let mut user = UserSession::new(run, &self.site);
        match self.find_leftovers(run, &mut user).await {
            Ok(leftovers) if remove && !leftovers.is_empty() => self.remove_leftovers(run, &user, leftovers).await,
            Ok(leftovers) => leftovers,
            Err(StepEnded) => Vec::new(),
        }
    }
}

impl Booking {
    async fn book_and_cancel(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let (leftovers, slots, ()) =
            join!(self.calendar(run, user), self.availability(run, user), self.counters(run, memory));
        let leftovers: Vec<_> = leftovers?.into_iter().take(MAX_LEFTOVERS).collect();
        if !leftovers.is_empty() {
            self.remove_leftovers(run, user, leftovers).await;
        }
        let (first, mut more) = slots?;
        let is_done = self.undo_on_exit(run, user);
        let (id, first) = self.create(run, user, (first, &mut more), memory).await?;
        let (read, refused) =
            join!(self.read_back(run, user, &id, first), self.double_booking(run, user, first, memory));
        read?;
        let second = self.reschedule(run, user, &id, &mut more, memory).await?;
        let used: Vec<Slot> = second.into_iter().chain([first]).collect();
        self.cancel(run, user, &id, &used).await?;
        refused?;
        is_done.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn counters(&self, run: &Run, memory: &MemoryCell<Memory>) {
        if let Some(counting) = &self.counting {
            // The step itself has recorded its failure.
            let _ = count(run, &self.site, counting, |counters| self.measure(run, &memory.get(), counters)).await;
        }
    }

    async fn log_in(&self, run: &Run, user: &mut UserSession<'_>) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "log-in");
        user.log_in(&step, &self.credentials).await?;
        step.passed();
        Ok(())
    }

    /// Lists the calendar. Returns the leftovers of earlier runs, oldest first.
    async fn calendar(&self, run: &Run, user: &UserSession<'_>) -> Result<Vec<FoundLeftover>, StepEnded> {
        let step = run.step(&Subject::whole(), "calendar");
        let older_than = run.clock().now() - signed(self.leftover_after);
        let booked = self.booked(&step, user).await?;
        step.passed();
        let mut leftovers: Vec<_> = booked.iter().filter_map(|booking| booking.leftover(older_than)).collect();
        leftovers.sort_by_key(|leftover| leftover.began);
        Ok(leftovers)
    }

    /// Returns the bookings of the calendar.
    async fn booked(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<Vec<Booked>, StepEnded> {
        let url = self.calendar_at(step.now()).map_err(|mismatch| step.fail("id", mismatch))?;
        let answer = user.get(step, url).await?;
        step.check("status", status(&answer, &[200]))?;
        let entries = user.items(step, &answer, &[], |_| false).await?;
        // Recorded only when it fails.
        listed(&self.site.platform, &entries, MARKER).map_err(|mismatch| step.fail("readable", mismatch))
    }

    /// Returns the lessons to try, in the run's own order: the first, and the others.
    async fn availability(
        &self,
        run: &Run,
        user: &UserSession<'_>,
    ) -> Result<(Slot, std::vec::IntoIter<Slot>), StepEnded> {
        let step = run.step(&Subject::whole(), "availability");
        let free = self.free_times(&step, user).await?;
        let now = run.clock().now();
        let (from, to) = (now + signed(self.min_lead_time), now + signed(self.max_lead_time));
        let mut slots = free.lessons(self.lesson, from, to, run.id());
        // When summer time ends, a local time without an offset cannot say which of two hours a lesson is in.
        let times = &self.site.platform.times;
        slots.retain(|slot| times.can_write(slot.starts_at) && times.can_write(slot.ends_at));
        let mut slots = slots.into_iter();
        let first = slots.next().ok_or_else(|| {
            let window = ours(format_args!("{from:.0} to {to:.0}"));
            let expected = phrase!("a free slot of {} minutes, {}", self.lesson.as_secs() / 60, window);
            let actual = phrase!("none in the teacher's {} free times", free.len());
            Mismatch::new(FailureKind::Assertion, expected, actual)
        });
        let first = step.check_value("free_slot", first)?;
        step.passed();
        Ok((first, slots))
    }

    /// Returns the teacher's free times.
    async fn free_times(&self, step: &Step<'_>, user: &UserSession<'_>) -> Result<FreeTimes, StepEnded> {
        let platform = &self.site.platform;
        let names = &platform.booking;
        let (from, to) = days(platform, step.now(), signed(self.max_lead_time));
        let teacher = written_id(&self.teacher);
        let values = [("teacher", teacher.as_str()), ("from", &from), ("to", &to)];
        let url = names.availability.at(&self.site.base_url, &values);
        let url = url.map_err(|mismatch| step.fail("id", mismatch))?;
        let answer = user.get(step, url).await?;
        step.check("status", status(&answer, &[200]))?;
        let (starts_at, ends_at) = (names.slot_starts_at.as_str(), names.slot_ends_at.as_str());
        let listed = user.items(step, &answer, &[starts_at, ends_at], |_| false).await?;
        let free = slots::readable(listed.iter().map(|item| slots::read(platform, item, starts_at, ends_at)));
        // Recorded only when it fails.
        Ok(FreeTimes::new(free.map_err(|mismatch| step.fail("readable", mismatch))?))
    }

    /// Registers the removal of the run's bookings. The caller sets the returned flag when nothing is left to remove.
    fn undo_on_exit(&self, run: &Run, user: &UserSession<'_>) -> Arc<AtomicBool> {
        let is_done = Arc::new(AtomicBool::new(false));
        let undo = Undo {
            background_session: user.background_session(),
            calendar: self.calendar_at(run.clock().now()),
            marker: marker(run.id()),
        };
        let done = Arc::clone(&is_done);
        run.on_exit("booking", async move { if done.load(Ordering::Relaxed) { Ok(()) } else { undo.run().await } });
        is_done
    }

    /// Books a slot, or the next one if another user was faster.
    async fn create(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        slots: (Slot, &mut impl Iterator<Item = Slot>),
        memory: &MemoryCell<Memory>,
    ) -> Result<(String, Slot), StepEnded> {
        let step = run.step(&Subject::whole(), "create");
        let url = self.create_url(&step)?;
        let created = self.site.platform.booking.created.as_slice();
        let (answer, slot) = self.take(&step, user, (Method::POST, url), slots, memory).await?;
        step.check("status", status(&answer, created))?;
        record_attempt(run, memory, AttemptResult::Created);
        let names = &self.site.platform.booking;
        let id = self.item(&answer).value(&names.id).and_then(|id| short_id(&id, names.id.as_str()));
        let id = step.check_value("id", id)?;
        step.passed();
        Ok((id, slot))
    }

    /// Requests a slot, and one of the others if it is refused because another user was faster.
    async fn take(
        &self,
        step: &Step<'_>,
        user: &UserSession<'_>,
        (method, url): (Method, Url),
        (mut slot, others): (Slot, &mut impl Iterator<Item = Slot>),
        memory: &MemoryCell<Memory>,
    ) -> Result<(Response, Slot), StepEnded> {
        let mut others = others.take(MAX_SLOTS - 1);
        let mut unexplained = 0;
        loop {
            let answer = user.send(step, method.clone(), url.clone(), Some(&self.body(step.run(), slot))).await?;
            if !self.is_refused(&answer) {
                return Ok((answer, slot));
            }
            record_attempt(step.run(), memory, AttemptResult::Refused);
            if self.free_times(step, user).await?.holds(slot) {
                unexplained += 1;
            }
            if unexplained == MAX_UNEXPLAINED {
                return Ok((answer, slot));
            }
            let Some(other) = others.next() else { return Ok((answer, slot)) };
            slot = other;
        }
    }

    async fn read_back(&self, run: &Run, user: &UserSession<'_>, id: &str, slot: Slot) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "read-back");
        let answer = user.get(&step, self.booking_url(&step, id)?).await?;
        step.check("status", status(&answer, &[200]))?;
        step.check("as_booked", self.compare_with_request(run, &answer, slot))?;
        step.passed();
        Ok(())
    }

    async fn double_booking(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        slot: Slot,
        memory: &MemoryCell<Memory>,
    ) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "double-booking");
        let names = &self.site.platform.booking;
        let url = self.create_url(&step)?;
        let answer = user.send(&step, Method::POST, url, Some(&self.body(run, slot))).await?;
        let refused = status(&answer, names.refused.as_slice());
        let is_accepted = answer.status.is_success();
        record_attempt(run, memory, if is_accepted { AttemptResult::Created } else { AttemptResult::Refused });
        let refused = refused.map_err(|mismatch| {
            let kind = if is_accepted { FailureKind::Invariant } else { mismatch.kind };
            let expected = phrase!("a taken slot to be refused ({})", mismatch.expected);
            Mismatch { kind, expected, ..mismatch }
        });
        step.check("refused", refused)?;
        step.passed();
        Ok(())
    }

    /// Moves the booking and returns its new slot. Returns `None` if no other slot is free.
    async fn reschedule(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        id: &str,
        slots: &mut impl Iterator<Item = Slot>,
        memory: &MemoryCell<Memory>,
    ) -> Result<Option<Slot>, StepEnded> {
        let step = run.step(&Subject::whole(), "reschedule");
        let request = (Method::PUT, self.booking_url(&step, id)?);
        let Some(slot) = slots.next() else {
            step.skipped("there is no other free slot to move the booking to");
            return Ok(None);
        };
        let (answer, slot) = self.take(&step, user, request, (slot, slots), memory).await?;
        step.check("status", status(&answer, self.site.platform.booking.updated.as_slice()))?;
        record_attempt(run, memory, AttemptResult::Updated);
        let answer = user.get(&step, self.booking_url(&step, id)?).await?;
        step.check("read_status", status(&answer, &[200]))?;
        step.check("as_moved", self.compare_with_request(run, &answer, slot))?;
        step.passed();
        Ok(Some(slot))
    }

    /// Cancels the booking, then checks that it is cancelled and that its slots are free again.
    async fn cancel(&self, run: &Run, user: &UserSession<'_>, id: &str, used: &[Slot]) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "cancel");
        let names = &self.site.platform.booking;
        let answer = user.send(&step, Method::DELETE, self.booking_url(&step, id)?, None).await?;
        step.check("status", status(&answer, names.cancelled.as_slice()))?;
        let (gone, released) = join!(self.check_cancelled(step, user, id), self.slot_released(run, user, used));
        gone.and(released)
    }

    async fn check_cancelled(&self, step: Step<'_>, user: &UserSession<'_>, id: &str) -> Result<(), StepEnded> {
        let names = &self.site.platform.booking;
        let answer = user.get(&step, self.booking_url(&step, id)?).await?;
        let gone = if names.gone.as_slice().contains(&answer.status.as_u16()) {
            Ok(())
        } else {
            let expect_cancelled = || self.item(&answer).expect_status(&names.status, names.cancelled_status.as_str());
            status(&answer, &[200]).and_then(|()| expect_cancelled())
        };
        step.check("cancelled", gone)?;
        step.passed();
        Ok(())
    }

    async fn slot_released(&self, run: &Run, user: &UserSession<'_>, used: &[Slot]) -> Result<(), StepEnded> {
        let step = run.step(&Subject::whole(), "slot-released");
        let mut free = self.free_times(&step, user).await?;
        let mut taken: Vec<Slot> = used.iter().copied().filter(|slot| !free.holds(*slot)).collect();
        let mut held = None;
        // A concurrent run may have taken the slot and cancelled before this run reads the calendar, so retry.
        for _ in 0..MAX_RETRIES {
            if taken.is_empty() {
                break;
            }
            let booked = self.booked(&step, user).await?;
            let is_foreign = |booking: &&Booked| booking.run_id().is_none_or(|run_id| run_id != run.id());
            let others: Vec<Slot> = booked.iter().filter(is_foreign).filter_map(|booking| booking.slot).collect();
            taken.retain(|slot| !others.iter().any(|other| other.overlaps(*slot)));
            let holds =
                |booking: &&Booked| booking.slot.is_some_and(|own| taken.iter().any(|slot| own.overlaps(*slot)));
            held = booked.iter().find(holds).map(|booking| booking.id.clone());
            if held.is_some() {
                // This run's own booking occupies the slot; a retry would change nothing.
                break;
            }
            if !taken.is_empty() {
                run.wait(RETRY_PAUSE).await;
                free = self.free_times(&step, user).await?;
                taken.retain(|slot| !free.holds(*slot));
            }
        }
        let released = match &taken[..] {
            [] => Ok(()),
            [slot, ..] => {
                let expected = phrase!("{} free again after the cancellation", ours(slot.describe()));
                let actual = match held {
                    Some(id) => phrase!("taken by booking {} of this run", foreign(id)),
                    None => phrase!("not in the teacher's {} free times", free.len()),
                };
                Err(Mismatch::new(FailureKind::Invariant, expected, actual))
            }
        };
        step.check("free_again", released)?;
        step.passed();
        Ok(())
    }

    /// Compares every field of a booking with the request.
    fn compare_with_request(&self, run: &Run, answer: &Response, slot: Slot) -> Result<(), Mismatch> {
        let (platform, names) = (&self.site.platform, &self.site.platform.booking);
        let item = self.item(answer);
        item.expect(&names.teacher, &self.teacher)?;
        let found = item.value(&names.students)?;
        if !holds_only(&found, &self.student) {
            let listed = || Value::Array(vec![self.student.clone()]);
            item.expect(&names.students, &if found.is_array() { listed() } else { self.student.clone() })?;
        }
        for (pointer, expected) in [(&names.starts_at, slot.starts_at), (&names.ends_at, slot.ends_at)] {
            let actual = item.value(pointer)?;
            if !platform.times.is(&actual, expected) {
                let expected = phrase!("{} at {}", ours(expected), ours(pointer.as_str()));
                let actual = phrase!("{} at {}", foreign(actual.to_string()), ours(pointer.as_str()));
                return Err(Mismatch::new(FailureKind::Assertion, expected, actual));
            }
        }
        item.expect(&names.kind, &Value::from(self.kind.as_str()))?;
        item.expect(&names.notes, &Value::from(marker(run.id())))?;
        item.expect_status(&names.status, names.confirmed_status.as_str())
    }

    /// The booking in an answer.
    fn item<'a>(&'a self, answer: &'a Response) -> Item<'a> {
        let names = &self.site.platform.booking;
        Item::new(&self.site.platform, answer, &[&names.id, &names.starts_at])
    }

    async fn find_leftovers(&self, run: &Run, user: &mut UserSession<'_>) -> Result<Vec<FoundLeftover>, StepEnded> {
        self.log_in(run, user).await?;
        self.calendar(run, user).await
    }

    /// Cancels leftovers of earlier runs. Reports those that remain, without failing the run: `cancel` detects that fault.
    async fn remove_leftovers(
        &self,
        run: &Run,
        user: &UserSession<'_>,
        leftovers: Vec<FoundLeftover>,
    ) -> Vec<FoundLeftover> {
        let step = run.step(&Subject::whole(), "cleanup");
        let mut cleaned = Vec::new();
        for leftover in leftovers {
            let removed = self.remove(&step, user, &leftover.id).await;
            if let Err(why) = &removed {
                let (id, run_id) = (foreign(&leftover.id), foreign(&leftover.run_id));
                run.report_leftover("cleanup", phrase!("booking {} of run {}: {}", id, run_id, why.clone()));
            }
            cleaned.push(FoundLeftover { removed: removed.is_ok(), ..leftover });
        }
        step.passed();
        cleaned
    }

    /// Measures the rate of errors. Most requests create a booking, so a rate without the created ones would consist mainly of
    /// errors whose attempts are not counted; one without the changed ones is somewhat too high.
    fn measure(&self, run: &Run, memory: &Memory, counters: &mut Counters<'_>) {
        let names = &self.site.platform.counters;
        let mut users_only = |pointer: &str, result| {
            let count = counters.number(pointer);
            counters.users_only(count, &memory.attempts, &result)
        };
        let created = users_only(names.bookings_created.as_str(), AttemptResult::Created);
        let updated = users_only(names.bookings_updated.as_str(), AttemptResult::Updated);
        let errors = users_only(names.booking_errors.as_str(), AttemptResult::Refused);
        if let (Some(created), Some(errors)) = (created, errors)
            && let Some(rate) = counters.rate(errors, created + updated.unwrap_or_default())
        {
            run.measure(&BOOKING_ERROR_RATE, rate, None);
            if updated.is_none() {
                counters.report_incomplete(&BOOKING_ERROR_RATE, names.bookings_updated.as_str());
            }
        }
    }

    fn body(&self, run: &Run, slot: Slot) -> Value {
        let times = &self.site.platform.times;
        self.site.platform.booking.body.with(&[
            ("teacher", &self.teacher),
            ("student", &self.student),
            ("starts_at", &Value::from(times.write(slot.starts_at))),
            ("ends_at", &Value::from(times.write(slot.ends_at))),
            ("kind", &Value::from(self.kind.as_str())),
            ("marker", &Value::from(marker(run.id()))),
        ])
    }

    fn is_refused(&self, answer: &Response) -> bool {
        self.site.platform.booking.refused.as_slice().contains(&answer.status.as_u16())
    }

    /// Cancels a leftover. The id is from a calendar into which others write.
    async fn remove(&self, step: &Step<'_>, user: &UserSession<'_>, id: &str) -> Result<(), Phrase> {
        let url = self.site.platform.booking.path.at(&self.site.base_url, &[("booking", id)]);
        let url = url.map_err(|mismatch| mismatch.actual)?;
        user.try_send(step, Method::DELETE, url, &undone(&self.site.platform)).await.map(drop)
    }

    fn create_url(&self, step: &Step<'_>) -> Result<Url, StepEnded> {
        let school = written_id(&self.school);
        let url = self.site.platform.booking.create.at(&self.site.base_url, &[("school", &school)]);
        url.map_err(|mismatch| step.fail("id", mismatch))
    }

    fn booking_url(&self, step: &Step<'_>, id: &str) -> Result<Url, StepEnded> {
        let url = self.site.platform.booking.path.at(&self.site.base_url, &[("booking", id)]);
        url.map_err(|mismatch| step.fail("id", mismatch))
    }

    fn calendar_at(&self, now: Timestamp) -> Result<Url, Mismatch> {
        let platform = &self.site.platform;
        let (from, to) = days(platform, now, signed(self.max_lead_time));
        let (school, teacher) = (written_id(&self.school), written_id(&self.teacher));
        let values = [("school", school.as_str()), ("teacher", &teacher), ("from", &from), ("to", &to)];
        platform.booking.calendar.at(&self.site.base_url, &values)
    }
}

/// True for a list with this id alone.
fn holds_only(found: &Value, id: &Value) -> bool {
    list(found.clone()).is_ok_and(|listed| matches!(&listed[..], [only] if written_id(only) == written_id(id)))
}

/// Remembers a request of this check.
fn record_attempt(run: &Run, memory: &MemoryCell<Memory>, result: AttemptResult) {
    memory.update(|memory| memory.attempts.note(run.clock().now(), result));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn list_with_one_student_is_read_in_any_form() {
        for (found, expected) in [
            (json!([35]), true),
            (json!(["35"]), true),
            (json!({ "1": 35 }), true),
            (json!({ "1": 35.0 }), true),
            (json!([35, 36]), false),
            (json!([36]), false),
            (json!([]), false),
            (json!(35), false),
        ] {
            assert_eq!(holds_only(&found, &json!(35)), expected, "{found}");
        }
    }
}
