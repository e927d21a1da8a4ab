//! Rules: what is wrong with a deployment, given the facts.

mod accounts;
mod alarms;
mod functions;
mod limits;
mod provenance;
mod secrets;
mod stacks;
mod topics;

use super::facts::Deployment;
use super::report::Notes;

/// Judges all facts.
pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    stacks::judge(deployment, notes);
    functions::judge(deployment, notes);
    secrets::judge(deployment, notes);
    accounts::judge(deployment, notes);
    provenance::judge(deployment, notes);
    topics::judge(deployment, notes);
    alarms::judge(deployment, notes);
    limits::judge(deployment, notes);
}
