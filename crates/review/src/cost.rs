//! Cost of the weeks, from the cost of a month and the runs that took place.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::trend::{CheckTrend, CostTrend};
use crate::week::Week;

/// Seconds of a month on the bill: 730 hours.
const MONTH_SECONDS: f64 = 730.0 * 3_600.0;

/// Cost of a month as planned, at list price.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonthlyCost {
    /// Cost that all checks share. **Units:** USD.
    pub shared: f64,
    /// Cost of each check, and its number of runs, by id. **Units:** USD.
    pub checks: BTreeMap<String, (f64, f64)>,
}

/// Estimates the cost of each week. Fixed parts count by time, those of a check by its runs.
pub(crate) fn cost(monthly: Option<&MonthlyCost>, weeks: &[Week], checks: &[CheckTrend]) -> CostTrend {
    let Some(monthly) = monthly else { return CostTrend::OnOneMachine };
    let week_cost = |(index, week): (usize, &Week)| {
        let length: SignedDuration = week.until.duration_since(week.from);
        let shared = monthly.shared * length.as_secs_f64() / MONTH_SECONDS;
        let runs = |id: &str| {
            let week = checks.iter().find(|trend| trend.check == id)?.weeks.get(index)?.as_ref()?;
            Some((week.passed + week.failed + week.inconclusive + week.maintenance) as f64)
        };
        let own = monthly.checks.iter().map(|(id, (usd, planned))| {
            let share = if *planned > 0.0 { runs(id).unwrap_or_default() / planned } else { 0.0 };
            usd * share
        });
        shared + own.sum::<f64>()
    };
    CostTrend::Estimated {
        weeks_usd: weeks.iter().enumerate().map(week_cost).collect(),
        month_usd: monthly.shared + monthly.checks.values().map(|(usd, _)| usd).sum::<f64>(),
    }
}
