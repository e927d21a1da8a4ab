//! The platform's record of a canary: one row, or one row for each attempt to deliver it.

use check::{Mismatch, Phrase, foreign, phrase};
use platform::canaries::Canary;
use platform::{Notification, Platform, is_status, text_at, time_at};
use serde_json::Value;
use settings::{Pointer, written_id};

use crate::provider::DeliveryState;

/// Usual words for a notification on its way. Any other may be the platform's own word for a delivered one.
const ON_ITS_WAY: [&str; 5] = ["queued", "pending", "sending", "accepted", "sent"];

/// Number of rows in which a run looks for its canaries, if the record has several pages.
const MAX_ROWS: usize = 500;

/// State of a canary in the record.
#[derive(Debug)]
pub(crate) enum Recorded<'r> {
    Final(DeliveryState),
    /// Not final: the provider may know more.
    Open {
        known: Phrase,
        /// Id at the provider, if a row has one.
        provider_id: Option<&'r Value>,
    },
}

/// Tells if no further page of the record is needed: these rows hold all pending canaries, or are too many.
pub(crate) fn is_enough(names: &Notification, rows: &[Value], pending: &[Canary]) -> bool {
    let is_in = |canary: &Canary| rows.iter().any(|row| text(row, &names.id) == canary.id);
    rows.len() >= MAX_ROWS || pending.iter().all(is_in)
}

/// Text of a value in a row.
fn text(row: &Value, pointer: &Pointer) -> String {
    row.pointer(pointer.as_str()).map(written_id).unwrap_or_default().trim().to_owned()
}

/// Returns true if an attempt to deliver the canary has failed.
pub(crate) fn has_failed(platform: &Platform, record: &[Value], id: &str) -> bool {
    let names = &platform.notification;
    let is_failed = |row: &Value| {
        let status = text(row, &names.status);
        names.failed_statuses.iter().any(|failed| is_status(failed.as_str(), &status))
    };
    record.iter().any(|row| text(row, &names.id) == id && is_failed(row))
}

/// Reads the state of a canary. Of several attempts, one delivery is enough. It has failed when all attempts have: the rows may
/// be in any order, so a failed one may be older than one on its way. That one is waited for until the canary is late.
///
/// # Errors
/// The assertion and its mismatch, if a status or the time of the delivery is unreadable.
pub(crate) fn read<'r>(
    platform: &Platform,
    record: &'r [Value],
    id: &str,
) -> Result<Recorded<'r>, (&'static str, Mismatch)> {
    let names = &platform.notification;
    let (mut open, mut failed) = (None, None);
    for row in record.iter().filter(|row| text(row, &names.id) == id) {
        let status = text_at(row, names.status.as_str()).map_err(|mismatch| ("readable", mismatch))?;
        let status = status.unwrap_or_default();
        let is_one_of = |statuses: &[settings::Name]| statuses.iter().any(|one| is_status(one.as_str(), &status));
        if is_one_of(&names.delivered_statuses) {
            let has_time = !text(row, &names.delivered_at).is_empty();
            let at = has_time.then(|| time_at(&platform.times, row, names.delivered_at.as_str())).transpose();
            let at = at.map_err(|mismatch| ("delivered_at", mismatch))?;
            return Ok(Recorded::Final(DeliveryState::Delivered(at.flatten())));
        }
        if is_one_of(&names.failed_statuses) {
            failed = Some(phrase!("{}: {}", foreign(status), foreign(text(row, &names.error))));
            continue;
        }
        let provider_id = row.pointer(names.provider_id.as_str()).filter(|id| !id.is_null() && **id != "");
        open = Some((status, provider_id));
    }
    Ok(match (open, failed) {
        // The platform may still have sent it.
        (None, None) if record.len() >= MAX_ROWS => {
            let known = phrase!("not in the first {} rows of the platform's record", record.len());
            Recorded::Open { known, provider_id: None }
        }
        (None, None) => Recorded::Open { known: "not in the platform's record".into(), provider_id: None },
        (None, Some(reason)) => Recorded::Final(DeliveryState::Failed(reason)),
        (Some((status, provider_id)), failed) => {
            let is_usual = status.is_empty() || ON_ITS_WAY.iter().any(|usual| is_status(usual, &status));
            let hint = if is_usual {
                Phrase::default()
            } else {
                "; if this means delivered, add it to `platform.notification.delivered_statuses`".into()
            };
            let attempt = failed.map(|reason| phrase!("; another attempt {}", reason)).unwrap_or_default();
            Recorded::Open {
                known: phrase!("status {} on the platform{}{}", foreign(status), hint, attempt),
                provider_id,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use check::NoSecrets;
    use serde_json::json;

    use super::*;

    /// State of the canary `n1` after attempts with these statuses.
    fn state(statuses: &[&str]) -> String {
        let row =
            |status: &&str| json!({ "id": "n1", "status": status, "delivered_at": "", "error": "451 greylisted" });
        let mut record: Vec<Value> = statuses.iter().map(row).collect();
        record.push(json!({ "id": "n2", "status": "delivered" }));
        match read(&Platform::default(), &record, "n1").unwrap() {
            Recorded::Final(DeliveryState::Delivered(None)) => "delivered".to_owned(),
            Recorded::Final(DeliveryState::Failed(reason)) => reason.admit(&NoSecrets, 200).to_string(),
            Recorded::Open { known, .. } => known.admit(&NoSecrets, 200).to_string(),
            other @ Recorded::Final(_) => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_delivered_attempt_is_enough() {
        for (statuses, expected) in [
            (&["delivered"][..], "delivered"),
            (&["failed", "delivered"], "delivered"),
            (&["delivered", "failed"], "delivered"),
            (&["queued", "sent", "delivered"], "delivered"),
            (&["delivered", "sent", "queued"], "delivered"),
            (&["failed"], "failed: 451 greylisted"),
            (&["failed", "bounced"], "bounced: 451 greylisted"),
            (&["failed", "sent"], "status sent on the platform; another attempt failed: 451 greylisted"),
            (&["sent", "failed"], "status sent on the platform; another attempt failed: 451 greylisted"),
            (&["sent"], "status sent on the platform"),
            (&[], "not in the platform's record"),
        ] {
            assert_eq!(state(statuses), expected, "{statuses:?}");
        }
    }

    #[test]
    fn record_is_read_until_it_holds_the_canaries() {
        let names = Notification::default();
        let canary = |id: &str| {
            let (id, run_id) = (id.to_owned(), String::new());
            Canary { id, at: jiff::Timestamp::UNIX_EPOCH, run_id }
        };
        let rows = [json!({ "id": "n1" }), json!({ "id": 7 })];
        let enough = |pending: &[&str]| {
            let pending: Vec<Canary> = pending.iter().map(|id| canary(id)).collect();
            is_enough(&names, &rows, &pending)
        };
        assert_eq!([enough(&[]), enough(&["n1", "7"]), enough(&["n1", "8"])], [true, true, false]);
        let long = vec![json!({ "id": 1 }); MAX_ROWS];
        assert!(is_enough(&names, &long, &[canary("n1")]));
        let Ok(Recorded::Open { known, .. }) = read(&Platform::default(), &long, "n1") else { panic!() };
        assert_eq!(known.admit(&NoSecrets, 200), "not in the first 500 rows of the platform's record");
    }

    #[test]
    fn unknown_status_names_the_setting() {
        let expected = "status Leveret on the platform; if this means delivered, add it to \
                        `platform.notification.delivered_statuses`";
        assert_eq!(state(&["Leveret"]), expected);
    }

    #[test]
    fn unreadable_time_or_status_is_a_mismatch() {
        for (row, assertion) in [
            (json!({ "id": "n1", "status": { "value": "sent" } }), "readable"),
            (json!({ "id": "n1", "status": "delivered", "delivered_at": "soon" }), "delivered_at"),
        ] {
            let (failed, _) = read(&Platform::default(), std::slice::from_ref(&row), "n1").unwrap_err();
            assert_eq!(failed, assertion, "{row}");
        }
    }
}
