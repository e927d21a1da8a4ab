//! Cost of a month as planned, for reviews.

use std::collections::BTreeMap;
use std::path::Path;

use review::MonthlyCost;

use crate::cost::{CostInput, report};
use crate::shipped_files::Files;

/// Computes the cost of a month from the shipped templates, with the settings if there are any.
///
/// # Errors
/// When the settings cannot be read.
pub fn monthly_cost(settings: Option<&Path>) -> anyhow::Result<MonthlyCost> {
    let report = report(&CostInput {
        templates: Files::templates(None),
        settings,
        environment: None,
        checks: "all",
        what_if: &[],
        max: None,
    })?;
    let runs: BTreeMap<&str, f64> =
        report.base.usage.running.iter().map(|running| (running.typical.check, running.runs)).collect();
    let bill = &report.base.bill;
    let check =
        |(id, usd): (&&'static str, &f64)| ((*id).to_owned(), (*usd, runs.get(id).copied().unwrap_or_default()));
    Ok(MonthlyCost { shared: bill.shared, checks: bill.by_check.iter().map(check).collect() })
}
