//! Reading of what was recorded.

use std::collections::BTreeSet;

use check::incident::IncidentRecord;
use futures::future::try_join_all;
use history::{History, RunOutcome, Window};
use jiff::{SignedDuration, Timestamp};
use runtime::PortError;

use super::summary::{self, Recorded, Summary};
use crate::status_settings::StatusSettings;

/// Window in which the newest result is looked for.
const RUNS: SignedDuration = SignedDuration::from_hours(24);
/// Most runs to look at for a verdict.
const MAX_RUNS: usize = 200;

/// Reads what was recorded about the checks of the page.
pub(super) async fn read(
    history: &dyn History,
    settings: &StatusSettings,
    now: Timestamp,
) -> Result<Summary, PortError> {
    let services = settings.page.groups.iter().flat_map(|group| &group.services);
    let checks: BTreeSet<&String> = services.flat_map(|service| &service.scopes).map(|(check, _)| check).collect();
    let records = try_join_all(checks.into_iter().map(|check| async move {
        let recent = Window::new(now - RUNS, now + SignedDuration::from_secs(1));
        let (runs, incidents, days) = futures::try_join!(
            history.runs(check, recent, MAX_RUNS),
            history.incidents(check, now - IncidentRecord::KEPT),
            history.daily(check, summary::window(now)),
        )?;
        let has_verdict = |outcome| !matches!(outcome, RunOutcome::Inconclusive | RunOutcome::Refused);
        let last = runs.runs.iter().find(|run| has_verdict(run.outcome)).map(|run| (run.at, run.outcome));
        Ok::<_, PortError>((check.clone(), Recorded { last, incidents, days }))
    }));
    Ok(summary::summary(settings, &records.await?.into_iter().collect(), now))
}
