//! A check ready to run, read from a settings file.

use probe::{EgressPolicy, Limits};
use settings::{CheckLimits, Common, Document, Problem, RunSettings, Section, written_duration};
use toml::Table;

use crate::check_trait::Check;
use crate::reserve::reserve;

/// A check ready to run, with valid settings.
pub struct Prepared<C> {
    /// Settings shared by all checks.
    pub common: Common,
    /// Settings of its runs.
    pub run: RunSettings,
    /// The check.
    pub check: C,
    /// Egress policy of its requests.
    pub egress: EgressPolicy,
    /// Limits of what its requests read.
    pub limits: Limits,
    /// Effective settings, with every default filled in: a settings file, except that maintenance windows may name
    /// other checks.
    pub written: Table,
    /// Digest of the settings file: [`Document::digest`].
    pub settings_digest: String,
}

impl<C: Check> Prepared<C> {
    /// Reads the settings of one check.
    ///
    /// # Errors
    /// Returns all problems at once.
    pub fn read(document: &Document<'_>) -> Result<Self, Vec<Problem>> {
        let longest = C::FUNCTION_TIMEOUT.saturating_sub(reserve(C::COMPENSATES));
        let limits = CheckLimits { severity: C::SEVERITY, longest, cadence: C::CADENCE, objective: C::OBJECTIVE };
        let settings = document.check(C::ID, limits, &C::CONTRACT, |raw: C::Raw, section, common, run| {
            let check = C::read(raw, section, common)?;
            if let Some(run) = run.filter(|_| section.is_valid()) {
                budget(section, run, &check);
            }
            Some(check)
        })?;
        let settings::CheckSettings { common, run, own: check, egress, written } = settings;
        Ok(Self { common, run, check, egress, limits: Limits::default(), written, settings_digest: document.digest() })
    }
}

/// Checks that the attempts and the wait between them fit into the run's deadline, and the deadline into the function's
/// timeout.
fn budget<C: Check>(section: &Section<'_>, run: &RunSettings, check: &C) {
    let (attempt, confirmation) = (check.max_attempt_duration(), check.max_confirmation_duration());
    let is_confirmed = !confirmation.is_zero();
    let needed = if is_confirmed { attempt + confirmation + run.confirm_after } else { attempt };
    if needed > run.deadline {
        let wait = format!("a wait of {} between them", written_duration(run.confirm_after));
        let reason = match is_confirmed {
            true if attempt == confirmation => format!("2 attempts of {} and {wait}", written_duration(attempt)),
            true => {
                let (first, second) = (written_duration(attempt), written_duration(confirmation));
                format!("an attempt of {first}, a second one of {second} and {wait}")
            }
            false => format!("an attempt of {}", written_duration(attempt)),
        };
        let (needed, deadline) = (written_duration(needed), written_duration(run.deadline));
        section.problem("deadline", format!("expected at least {needed}, for {reason}, found {deadline}"));
    }
    let reserve = reserve(C::COMPENSATES);
    let limit = C::FUNCTION_TIMEOUT.saturating_sub(reserve);
    if run.deadline > limit {
        let rule = format!(
            "expected at most {}: the function is killed after {}, and {} are reserved for compensation, \
             publishing and notifying; found {}",
            written_duration(limit),
            written_duration(C::FUNCTION_TIMEOUT),
            written_duration(reserve),
            written_duration(run.deadline)
        );
        section.problem("deadline", rule);
    }
}
