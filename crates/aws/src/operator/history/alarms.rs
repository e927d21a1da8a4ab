//! States of alarms and their changes. CloudWatch keeps changes for two weeks or more, also of deleted alarms.

use alarm::State;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, AlarmType, CompositeAlarm, HistoryItemType, MetricAlarm, ScanBy};
use aws_smithy_types::DateTime;
use history::{AlarmChange, AlarmChanges, AlarmState, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;
use serde_json::Value;

use crate::clients::port_error;

/// Most pages to read, each of up to 100 entries. Other alarms of the account may have many changes.
const MAX_PAGES: usize = 200;

/// Time for which CloudWatch keeps every change at least. Source: CloudWatch User Guide, "Common features of CloudWatch alarms": alarm
/// history is available for two weeks.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Reads the state of each alarm with this prefix, by name.
pub(super) async fn states(client: &Client, prefix: &str) -> Result<Vec<AlarmState>, PortError> {
    let operation = "read the states of alarms";
    let mut states = Vec::new();
    let call = client.describe_alarms().alarm_name_prefix(prefix);
    let call = call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
    let mut pages = call.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| port_error(operation, error))?;
        let found =
            page.metric_alarms().iter().map(metric_alarm).chain(page.composite_alarms().iter().map(composite_alarm));
        for state in found {
            states.push(state.map_err(|detail| PortError::new(operation, detail))?);
        }
    }
    states.sort_by(|one, other| one.alarm.cmp(&other.alarm));
    Ok(states)
}

/// Reads the newest changes of alarms with this prefix.
pub(super) async fn changes(
    client: &Client,
    prefix: &str,
    window: Window,
    limit: usize,
    now: Timestamp,
) -> Result<AlarmChanges, PortError> {
    let mut changes = Vec::new();
    if !window.is_empty() {
        // One call returns the changes of one type.
        for kind in [AlarmType::MetricAlarm, AlarmType::CompositeAlarm] {
            changes.extend(changes_of(client, kind, prefix, window, limit).await?);
        }
    }
    // The sort is stable: of changes in the same second, the later ones stay first.
    changes.sort_by_key(|change| std::cmp::Reverse(change.now.since));
    let has_more = changes.len() > limit;
    changes.truncate(limit);
    let oldest = changes.last().filter(|_| has_more).map_or(window.from, |change| change.now.since);
    Ok(AlarmChanges { changes, has_more, complete_from: oldest.max(now - KEPT) })
}

/// Reads one change more than the limit, if there is one.
async fn changes_of(
    client: &Client,
    kind: AlarmType,
    prefix: &str,
    window: Window,
    limit: usize,
) -> Result<Vec<AlarmChange>, PortError> {
    let operation = "read the changes of alarms";
    let mut changes = Vec::new();
    let mut pages = client
        .describe_alarm_history()
        .alarm_types(kind)
        .history_item_type(HistoryItemType::StateUpdate)
        .start_date(DateTime::from_secs(window.from.as_second()))
        .end_date(DateTime::from_secs((window.until + SignedDuration::from_secs(1)).as_second()))
        .scan_by(ScanBy::TimestampDescending)
        .max_records(100)
        .into_paginator()
        .send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| port_error(operation, error))?;
        count += 1;
        if count > MAX_PAGES {
            let detail =
                format!("the account has more than {} changes in this time\n  take a shorter one", MAX_PAGES * 100);
            return Err(PortError::new(operation, detail));
        }
        for item in page
            .alarm_history_items()
            .iter()
            .filter(|item| item.alarm_name().is_some_and(|name| name.starts_with(prefix)))
        {
            let change = change(item).map_err(|detail| PortError::new(operation, detail))?;
            if window.from <= change.now.since && change.now.since < window.until {
                changes.push(change);
            }
        }
        if changes.len() > limit {
            break;
        }
    }
    Ok(changes)
}

fn metric_alarm(alarm: &MetricAlarm) -> Result<AlarmState, String> {
    state(
        alarm.alarm_name(),
        alarm.state_value().map(|state| state.as_str()),
        alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
        alarm.state_reason(),
        alarm.state_reason_data(),
    )
}

fn composite_alarm(alarm: &CompositeAlarm) -> Result<AlarmState, String> {
    state(
        alarm.alarm_name(),
        alarm.state_value().map(|state| state.as_str()),
        alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()),
        alarm.state_reason(),
        alarm.state_reason_data(),
    )
}

fn state(
    name: Option<&str>,
    value: Option<&str>,
    since: Option<&DateTime>,
    reason: Option<&str>,
    decided_by: Option<&str>,
) -> Result<AlarmState, String> {
    let alarm = name.ok_or("expected the name of an alarm, found none")?;
    let since = since.and_then(time).ok_or_else(|| format!("{alarm}: expected the time of its state, found none"))?;
    Ok(AlarmState {
        alarm: alarm.to_owned(),
        state: read_state(value, alarm)?,
        since,
        reason: reason.unwrap_or_default().to_owned(),
        decided_by: decided_by.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
    })
}

/// Reads an entry. Its data is a JSON text with both states: `{"oldState":{"stateValue":"OK"},"newState":{…}}`.
fn change(item: &AlarmHistoryItem) -> Result<AlarmChange, String> {
    let alarm = item.alarm_name().unwrap_or_default();
    let unreadable = |_| format!("{alarm}: expected a change in JSON, found something else");
    let data: Value = serde_json::from_str(item.history_data().unwrap_or_default()).map_err(unreadable)?;
    let new = &data["newState"];
    let since = item.timestamp().and_then(time);
    let old = data["oldState"]["stateValue"].as_str();
    Ok(AlarmChange {
        previous: old.map(|old| read_state(Some(old), alarm)).transpose()?,
        now: AlarmState {
            alarm: alarm.to_owned(),
            state: read_state(new["stateValue"].as_str(), alarm)?,
            since: since.ok_or_else(|| format!("{alarm}: expected the time of a change, found none"))?,
            reason: new["stateReason"].as_str().unwrap_or_default().to_owned(),
            decided_by: new["stateReasonData"].clone(),
        },
    })
}

fn read_state(value: Option<&str>, alarm: &str) -> Result<State, String> {
    let found = value.unwrap_or("none");
    let known = [State::Ok, State::Alarm, State::InsufficientData].into_iter().find(|state| state.as_str() == found);
    known.ok_or_else(|| format!("{alarm}: expected OK, ALARM or INSUFFICIENT_DATA, found {found}"))
}

fn time(at: &DateTime) -> Option<Timestamp> {
    let milliseconds = at.to_millis().ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}
