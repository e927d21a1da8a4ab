//! What a failed run reads of other checks: the standing of those that it needs, and of those that need it.

use std::time::Duration;

use check::incident::{AffectedCheck, Dependency, Need};
use check::{Failure, Phrase, ours, phrase};
use futures::future::join_all;
use jiff::Timestamp;
use settings::Window;

use crate::{PortError, Ports, StateItem};

/// Longest wait for the state of another check. What the run found must be stored in any case.
const PATIENCE: Duration = Duration::from_secs(1);

/// Needs of a check with the failures of the needed checks, and problems of reading them.
///
/// Only the state of a check that a failed step needs is read. A state that cannot be read, or is too old, is no reason to
/// suppress anything; nor are failures without a notification, because of a mute or one of these maintenance windows.
pub(crate) async fn needed(
    needs: &[Need],
    failures: &[&Failure],
    windows: &[Window],
    now: Timestamp,
    ports: &Ports,
) -> (Vec<Dependency>, Vec<Phrase>) {
    let standing = async |need: &Need| {
        if !failures.iter().any(|failure| need.has(failure)) {
            return (Dependency { need: *need, failing: None }, None);
        }
        let (failing, warning) = match load(need.check, ports).await {
            Ok(item) => {
                let open: Vec<_> = windows.iter().flat_map(|window| window.silences(need.check, now)).collect();
                (item.state.notified_failure(&open, now).filter(|_| is_current(&item, now)), None)
            }
            Err(error) => (None, Some(phrase!("{}\nits incidents suppress none of this check", error.describe()))),
        };
        (Dependency { need: *need, failing }, warning)
    };
    let (dependencies, warnings): (Vec<_>, Vec<_>) = join_all(needs.iter().map(standing)).await.into_iter().unzip();
    (dependencies, warnings.into_iter().flatten().collect())
}

/// Checks that fail in a step that needs this check, and problems of reading them.
pub(crate) async fn affected(
    needed_by: &[(&'static str, Need)],
    now: Timestamp,
    ports: &Ports,
) -> (Vec<AffectedCheck>, Vec<Phrase>) {
    let standing = async |(check, need): &(&'static str, Need)| match load(check, ports).await {
        Ok(item) if !is_current(&item, now) => (None, None),
        Ok(item) => {
            let since = item.state.failing_in(need).map(|(_, since)| since).min();
            (since.map(|since| AffectedCheck { check: (*check).to_owned(), since }), None)
        }
        Err(error) => {
            let warning = phrase!("{}\nmessages do not say if {} is affected", error.describe(), ours(*check));
            (None, Some(warning))
        }
    };
    let (affected, warnings): (Vec<_>, Vec<_>) = join_all(needed_by.iter().map(standing)).await.into_iter().unzip();
    (affected.into_iter().flatten().collect(), warnings.into_iter().flatten().collect())
}

/// True if the state of a check is not older than two of its intervals.
fn is_current(item: &StateItem, now: Timestamp) -> bool {
    item.last_run.values().map(|run| run.at).max().is_some_and(|last| item.state.is_current(last, now))
}

async fn load(check: &str, ports: &Ports) -> Result<StateItem, PortError> {
    // In real time, whatever clock the run has: the store is outside of it.
    tokio::time::timeout(PATIENCE, ports.state.load(check)).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s", PATIENCE.as_secs());
        Err(PortError { operation: format!("read the state of {check}"), detail, retryable: true })
    })
}
