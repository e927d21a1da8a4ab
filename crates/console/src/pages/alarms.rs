//! `GET /alarms`: all alarms, by state.

use alarm::State as AlarmState;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use history::Window;
use jiff::SignedDuration;
use operations::names::short_name;

use crate::alarm_row::AlarmRow;
use crate::shell::{Missing, Place, Shell, page};
use crate::shown::Moment;
use crate::source::Source;
use crate::words::state;

/// Most changes of a list.
const MAX_CHANGES: usize = 50;
/// Window of the changes.
const CHANGES: SignedDuration = SignedDuration::from_hours(14 * 24);

#[derive(Template)]
#[template(path = "alarms.html")]
struct Alarms {
    shell: Shell,
    alarms: Vec<AlarmRow>,
    in_alarm: usize,
    changes: Vec<Change>,
    more_changes: bool,
}

struct Change {
    at: Moment,
    name: String,
    word: &'static str,
    class: &'static str,
    reason: String,
}

/// Shows all alarms.
pub(super) async fn alarms(State(source): State<Source>) -> Response {
    match read(&source).await {
        Ok(alarms) => page(&alarms),
        Err(missing) => missing.page(&source, Place::Alarms),
    }
}

async fn read(source: &Source) -> Result<Alarms, Missing> {
    let now = source.clock.now();
    let window = Window::new(now - CHANGES, now + SignedDuration::from_secs(1));
    let history = &source.history;
    let (states, changes) = futures::try_join!(history.alarm_states(), history.alarm_changes(window, MAX_CHANGES))?;
    let shown = source.monitored.shown();
    let known = |name: &str| states.iter().find(|state| state.alarm == name);
    let mut alarms: Vec<_> = shown.alarms.iter().map(|alarm| (alarm, known(&alarm.name))).collect();
    alarms.sort_by_key(|(_, known)| match known.map(|known| known.state) {
        Some(AlarmState::Alarm) => 0,
        Some(AlarmState::Ok) => 1,
        Some(AlarmState::InsufficientData) | None => 2,
    });
    let in_alarm = states.iter().filter(|known| known.state == AlarmState::Alarm).count();
    let mut shell = Shell::new(source, Place::Alarms, "Alarms");
    shell.tone = if in_alarm > 0 { "bad" } else { "good" };
    Ok(Alarms {
        shell,
        alarms: alarms.into_iter().map(|(alarm, known)| AlarmRow::new(alarm, known, &source.environment)).collect(),
        in_alarm,
        more_changes: changes.has_more,
        changes: changes
            .changes
            .into_iter()
            .map(|change| {
                let (word, class) = state(Some(change.now.state));
                let name = short_name(&change.now.alarm, &source.environment).to_owned();
                Change { at: Moment(change.now.since), name, word, class, reason: change.now.reason }
            })
            .collect(),
    })
}
