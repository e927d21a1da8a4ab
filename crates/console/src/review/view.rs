//! A review as the page and the file show it.

use check::incident::Severity;
use check::message::span;
use review::words::minute;
use review::{CheckReview, Review, ReviewedIncident, SeenBy, Sensitivity};

use super::alarm_card::{AlarmCard, cards};
use super::axis::Axis;
use super::changes::{ChangeRow, DiffLine, answers, diff_lines, proposals};
use super::summary::{Budget, Tile, budgets, tiles};
use super::trends::{self, Figure, ProjectionRow, WeeksRow};
use super::unknown::{Unknown, unknown};
use super::week_chart::WeekChart;

/// Most alarms that saw an incident in one cell.
const SEEN: usize = 4;

/// Everything shown.
pub(crate) struct ReviewView {
    /// True in the console, whose incidents have pages.
    pub(crate) has_pages: bool,
    pub(crate) window: String,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) ticks: Vec<String>,
    pub(crate) first: Vec<AlarmCard>,
    pub(crate) others: Vec<AlarmCard>,
    pub(crate) proposals: Vec<ChangeRow>,
    pub(crate) diff: Vec<DiffLine>,
    pub(crate) answers: Vec<ChangeRow>,
    pub(crate) answers_diff: Vec<DiffLine>,
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) marks: Vec<(String, String, String)>,
    pub(crate) check_trends: Vec<Figure>,
    pub(crate) series: Vec<Figure>,
    pub(crate) subjects: Option<(Vec<WeeksRow>, usize)>,
    pub(crate) steps: Option<(Vec<WeeksRow>, usize)>,
    pub(crate) projections: Vec<ProjectionRow>,
    pub(crate) cost: Option<(WeekChart, String)>,
    pub(crate) checks: Vec<CheckRow>,
    pub(crate) unknown: Vec<Unknown>,
}

/// An incident.
pub(crate) struct IncidentRow {
    pub(crate) id: String,
    pub(crate) subject: Option<String>,
    pub(crate) is_critical: bool,
    pub(crate) lasted: String,
    pub(crate) is_open: bool,
    pub(crate) step: String,
    /// Alarms that fired for it, with their delay.
    pub(crate) seen: Vec<String>,
    pub(crate) more: usize,
    /// Words without an alarm.
    pub(crate) without_alarm: &'static str,
    /// True if it was replayed and no alarm fired.
    pub(crate) is_unseen: bool,
    pub(crate) marks: String,
}

/// A check.
pub(crate) struct CheckRow {
    pub(crate) check: String,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) inconclusive: u64,
    pub(crate) maintenance: u64,
    pub(crate) gaps: String,
    pub(crate) sensitivity: String,
    pub(crate) cannot_fail: bool,
}

impl ReviewView {
    /// Prepares a review for the page or the file.
    pub(super) fn new(review: &Review, has_pages: bool) -> Self {
        let axis = Axis::new(review.from, review.until);
        let (first, others) = cards(review, axis);
        let asked: Vec<&str> = review.what_if.iter().filter_map(|answer| answer.diff.as_deref()).collect();
        let days = review.until.duration_since(review.from).as_hours() / 24;
        Self {
            has_pages,
            window: format!("{} to {}, {days} days", minute(review.from), minute(review.until)),
            tiles: tiles(review),
            budgets: budgets(review),
            ticks: axis.ticks(&review.trends),
            first,
            others,
            proposals: proposals(review),
            diff: diff_lines(review.diff.as_deref()),
            answers: answers(review),
            answers_diff: diff_lines(Some(&asked.concat())),
            incidents: review.incidents.iter().map(|incident| incident_row(incident, review)).collect(),
            marks: review.marks.iter().map(|mark| (minute(mark.at), mark.text.clone(), mark.by.clone())).collect(),
            check_trends: trends::checks(review),
            series: trends::series(&review.trends),
            subjects: trends::subjects(&review.trends),
            steps: trends::steps(&review.trends),
            projections: trends::projections(review),
            cost: trends::cost(&review.trends),
            checks: review.checks.iter().map(check_row).collect(),
            unknown: unknown(review),
        }
    }
}

fn incident_row(incident: &ReviewedIncident, review: &Review) -> IncidentRow {
    let seconds = incident.until.unwrap_or(review.until).duration_since(incident.since).as_secs();
    let seen = incident.seen_by.iter().take(SEEN);
    IncidentRow {
        id: incident.id.clone(),
        subject: (incident.subject != "-").then(|| incident.subject.clone()),
        is_critical: incident.severity == Severity::Critical,
        lasted: span(seconds),
        is_open: incident.until.is_none(),
        step: incident.step.clone(),
        seen: seen.map(SeenBy::words).collect(),
        more: incident.seen_by.len().saturating_sub(SEEN),
        without_alarm: incident.without_alarm(),
        is_unseen: incident.seen_by.is_empty() && incident.replayed,
        marks: incident.marks.join(", "),
    }
}

fn check_row(check: &CheckReview) -> CheckRow {
    let longest = check.gaps.iter().max_by_key(|gap| gap.until.duration_since(gap.from));
    CheckRow {
        check: check.check.clone(),
        passed: check.passed,
        failed: check.failed,
        inconclusive: check.inconclusive,
        maintenance: check.maintenance,
        gaps: match longest {
            None => "none".to_owned(),
            Some(gap) => {
                let length = span(gap.until.duration_since(gap.from).as_secs());
                format!("{}, the longest {length} from {}", check.gap_count, minute(gap.from))
            }
        },
        cannot_fail: matches!(check.sensitivity, Sensitivity::NeverCould { .. }),
        sensitivity: check.sensitivity.words(),
    }
}
