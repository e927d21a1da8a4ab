//! The evaluation of alarms, minute by minute.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alarm::State;
use check::message::Topic;
use history::{History as _, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::{CancellationToken, PortError};

use crate::events::Events;
use crate::{AlarmChange, AlarmWatch, Deliveries, Event};

/// Time after a full minute at which the minute before is evaluated: its runs have ended by then, as a rule.
const SETTLED: Duration = Duration::from_secs(15);
/// Longest wait without a look at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two evaluations after which the machine must have slept.
const ASLEEP_AFTER: SignedDuration = SignedDuration::from_secs(150);
/// Longest time for which a change is sent again and again.
const SENT_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Most changes of the time before the start that are sent.
const MOST_UNSENT: usize = 100;

/// Evaluates the alarms after each full minute, and sends their changes, until it is stopped.
pub(crate) async fn evaluate_every_minute(
    watch: Arc<Mutex<AlarmWatch>>,
    deliveries: Arc<Deliveries>,
    events: Events,
    stop: CancellationToken,
) {
    let clock = events.clock();
    let mut evaluated = full_minute(clock.now());
    // Those that this program did not send before it ended.
    let mut pending = unsent(&watch, clock.now(), &events).await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(LOOK_EVERY) => {}
        }
        let minute = full_minute(clock.now().saturating_sub(SETTLED).unwrap_or_default());
        if minute == evaluated {
            continue;
        }
        // The clock may have been set back too.
        let has_slept = minute.duration_since(evaluated).abs() > ASLEEP_AFTER;
        evaluated = minute;
        match evaluate(&watch, minute, has_slept) {
            Ok(changes) => {
                for change in changes {
                    if let Some(topic) = topic(&change) {
                        pending.push((topic, change.clone()));
                    }
                    events.tell(Event::Alarm(Box::new(change)));
                }
            }
            Err(error) => events.tell(Event::AlarmsUnread(error)),
        }
        pending.retain(|(_, change)| minute.duration_since(change.at).abs() <= SENT_FOR);
        let mut left = Vec::new();
        for (topic, change) in pending {
            let failed = deliveries.alarm(topic, &change).await;
            if !failed.is_empty() {
                left.push((topic, change));
            }
            failed.into_iter().for_each(|error| events.tell(Event::AlarmNotSent(error)));
        }
        pending = left;
    }
}

/// Changes that the store knows and that may not have reached every destination. Those that have them do not get them again.
async fn unsent(watch: &Mutex<AlarmWatch>, now: Timestamp, events: &Events) -> Vec<(Topic, AlarmChange)> {
    let store = watch.lock().unwrap_or_else(PoisonError::into_inner).store();
    let window = Window::new(now - SENT_FOR, now);
    match store.alarm_changes(window, MOST_UNSENT).await {
        Ok(known) => {
            let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            let changes = known.changes.into_iter().rev().filter_map(|change| watch.change(change));
            changes.filter_map(|change| Some((topic(&change)?, change))).collect()
        }
        Err(error) => {
            events.tell(Event::AlarmsUnread(error));
            Vec::new()
        }
    }
}

fn evaluate(watch: &Mutex<AlarmWatch>, minute: Timestamp, has_slept: bool) -> Result<Vec<AlarmChange>, PortError> {
    let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
    if has_slept {
        watch.resume(minute);
    }
    watch.evaluate(minute)
}

/// Topic that learns of a change: as on AWS, those of alarms with an action. An alarm that was never raised does not end.
fn topic(change: &AlarmChange) -> Option<Topic> {
    let has_action = change.alarm.actions.enabled && !change.alarm.actions.alarm.is_empty();
    let is_news = change.to == State::Alarm || (change.from, change.to) == (State::Alarm, State::Ok);
    let is_critical = change.alarm.metadata["Severity"] == "critical";
    (has_action && is_news).then_some(if is_critical { Topic::OnCall } else { Topic::Warnings })
}

fn full_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(at)
}
