//! The review in one look, and the error budgets.

use review::words::{counted, percent};
use review::{Projection, Review};

/// A number that sums up a part of the review.
pub(crate) struct Tile {
    /// Class in the style sheet, and name of the icon.
    pub(crate) tone: &'static str,
    pub(crate) number: String,
    pub(crate) name: &'static str,
    pub(crate) words: String,
    /// Part of the page with the details.
    pub(crate) link: &'static str,
}

/// Error budget of a check.
pub(crate) struct Budget {
    pub(crate) check: String,
    pub(crate) objective: String,
    /// Passed part of the runs with a verdict.
    pub(crate) success: String,
    /// Width of the spent part in percent of the bar; `None` if it is unknown.
    pub(crate) width: Option<String>,
    pub(crate) tone: &'static str,
    pub(crate) words: String,
}

/// Tiles in the order of urgency of their questions.
pub(super) fn tiles(review: &Review) -> Vec<Tile> {
    let all = review.alarms.len();
    let fired = review.fired().count();
    let firings: usize = review.fired().map(|alarm| alarm.behaviour.firings.len()).sum();
    let wrong = review.false_firings();
    let others = review.alarms.iter().map(|alarm| alarm.behaviour.unmatched).sum::<usize>() - wrong;
    let unseen = review.unseen().count();
    let open = review.incidents.iter().filter(|incident| incident.until.is_none()).count();
    let proposals = review.proposals().count();
    vec![
        Tile {
            tone: if fired > 0 { "none" } else { "good" },
            number: fired.to_string(),
            name: "alarms fired",
            words: format!("{}, of {all} alarms replayed", counted(firings, "firing")),
            link: "#alarms",
        },
        Tile {
            tone: if wrong > 0 { "bad" } else { "good" },
            number: wrong.to_string(),
            name: "false firings",
            words: format!("{others} more match no incident, as alarms of other kinds may"),
            link: "#alarms",
        },
        Tile {
            tone: if unseen > 0 || open > 0 { "bad" } else { "good" },
            number: review.incidents.len().to_string(),
            name: "incidents",
            words: incident_words(review, unseen, open),
            link: "#incidents",
        },
        Tile {
            tone: if proposals > 0 { "unsure" } else { "good" },
            number: proposals.to_string(),
            name: "proposals",
            words: if proposals > 0 { "with their effect on the same data" } else { "the numbers may stay" }.to_owned(),
            link: "#proposals",
        },
        budget_tile(review),
        resource_tile(review),
    ]
}

fn incident_words(review: &Review, unseen: usize, open: usize) -> String {
    let (all, unknown) = (review.incidents.len(), review.not_replayed().count());
    let known = match (unseen, open) {
        _ if all == 0 => return "none in the window".to_owned(),
        (0, _) if unknown == all => String::new(),
        (0, _) if unknown > 0 => "an alarm fired for every other one".to_owned(),
        (0, 0) => "an alarm fired for each".to_owned(),
        (0, open) => format!("{open} open; an alarm fired for each"),
        (unseen, _) => format!("no alarm fired for {unseen}"),
    };
    let unknown = (unknown > 0).then(|| format!("{unknown} not replayed"));
    [known].into_iter().filter(|words| !words.is_empty()).chain(unknown).collect::<Vec<_>>().join("; ")
}

fn budget_tile(review: &Review) -> Tile {
    let with_objective = review.checks.iter().filter(|check| check.objective.is_some()).count();
    let spent: Vec<f64> = review.checks.iter().filter_map(|check| check.budget_spent).collect();
    let over = spent.iter().filter(|spent| **spent >= 1.0).count();
    let unknown = with_objective - spent.len();
    let rest = if unknown > 0 { format!("; {unknown} unknown") } else { String::new() };
    Tile {
        tone: if over > 0 {
            "bad"
        } else if spent.is_empty() {
            "none"
        } else {
            "good"
        },
        number: if spent.is_empty() { "unknown".to_owned() } else { format!("{over} of {with_objective}") },
        name: "error budgets spent",
        words: match spent.iter().copied().reduce(f64::max) {
            None => "no check with an objective has a verdict".to_owned(),
            Some(most) => format!("the most by {}{rest}", whole_percent(most)),
        },
        link: "#budgets",
    }
}

fn resource_tile(review: &Review) -> Tile {
    let days = |projection: &Projection| match projection {
        Projection::Reaches { days, .. } | Projection::Expires { days, .. } => Some(*days),
        Projection::TooLittleData { .. } | Projection::NoLimitInSight { .. } => None,
    };
    let all = review.trends.series.iter().filter_map(|series| Some((series, days(series.projection.as_ref()?)?)));
    match all.min_by(|one, other| one.1.total_cmp(&other.1)) {
        Some((series, days)) => Tile {
            tone: if days < 30.0 { "unsure" } else { "calm" },
            number: format!("{days:.0} days"),
            name: "to the nearest limit",
            words: series.metric.clone(),
            link: "#projections",
        },
        None => Tile {
            tone: "none",
            number: "none".to_owned(),
            name: "limit in sight",
            words: "no resource is projected to be full".to_owned(),
            link: "#projections",
        },
    }
}

fn whole_percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

/// Budgets of the checks with an objective.
pub(super) fn budgets(review: &Review) -> Vec<Budget> {
    let budget = |check: &review::CheckReview| {
        let objective = check.objective?;
        let verdicts = (check.passed + check.failed) as f64;
        let spent = check.budget_spent;
        Some(Budget {
            check: check.check.clone(),
            objective: format!("{} %", review::words::number(objective * 100.0)),
            success: if verdicts > 0.0 { percent(check.passed as f64 / verdicts) } else { "unknown".to_owned() },
            width: spent.map(|spent| format!("{:.1}", (spent * 100.0).clamp(0.0, 100.0))),
            tone: match spent {
                None => "none",
                Some(spent) if spent >= 1.0 => "bad",
                Some(spent) if spent >= 0.75 => "unsure",
                Some(_) => "good",
            },
            words: match spent {
                None => "unknown: no run has a verdict".to_owned(),
                Some(spent) if spent > 1.0 => format!("overspent: {} of it failed", whole_percent(spent)),
                Some(spent) => format!("{} spent", whole_percent(spent)),
            },
        })
    };
    review.checks.iter().filter_map(budget).collect()
}
