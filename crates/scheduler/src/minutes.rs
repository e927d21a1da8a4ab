//! The evaluation of alarms, minute by minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::CancellationToken;

use crate::events::Events;
use crate::{AlarmWatch, Event};

/// Time after a full minute at which the minute before is evaluated: its runs have ended by then, as a rule.
const SETTLED: Duration = Duration::from_secs(15);
/// Longest wait without a look at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two evaluations after which the machine must have slept.
const ASLEEP_AFTER: SignedDuration = SignedDuration::from_secs(150);
/// Evaluates the alarms after each full minute, until it is stopped.
pub(crate) async fn evaluate_every_minute(watch: Arc<Mutex<AlarmWatch>>, events: Events, stop: CancellationToken) {
    let clock = events.clock();
    let mut evaluated = full_minute(clock.now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(LOOK_EVERY) => {}
        }
        let minute = full_minute(clock.now().saturating_sub(SETTLED).unwrap_or_default());
        if minute == evaluated {
            continue;
        }
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock may have been set back too.
        if minute.duration_since(evaluated).abs() > ASLEEP_AFTER {
            watch.resume(minute);
        }
        evaluated = minute;
        match watch.evaluate(minute) {
            Ok(changes) => changes.into_iter().for_each(|change| events.tell(Event::Alarm(Box::new(change)))),
            Err(error) => events.tell(Event::AlarmsUnread(error)),
        }
    }
}

fn full_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(at)
}
