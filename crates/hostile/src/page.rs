//! The page that shows how probes bear the cases.

use std::fmt::Write as _;

use crate::cases::{Case, DEADLINE, Expect, NUMBERS};
use crate::ours::{MEMORY_BOUND, Ran, TIME_BOUND};
use crate::peers::{Standing, Verdict};

/// Where it stands in the repository.
pub const PATH: &str = "docs/hostile-endpoints.md";
/// The longest text of a peer.
const LONGEST: usize = 160;

/// A case with all that was said of it.
pub struct Row {
    pub case: Case,
    pub ours: Ran,
    pub curl: Verdict,
    pub exporter: Verdict,
}

/// The columns that are the same on every machine.
#[must_use]
pub fn stable(case: &Case) -> String {
    let says = match case.expect {
        Expect::Passed => "passed".to_owned(),
        Expect::Expiring(days) => format!("passed; `CertificateDaysRemaining` at most {days}, which its alarms judge"),
        Expect::Failed(kind, words) => format!("`{kind}`: {words}"),
    };
    format!("| {} | {} | {} | {} |", case.number, cell(case.fault), cell(case.server), cell(&says))
}

/// The whole page.
#[must_use]
pub fn page(rows: &[Row], ordinary_kb: u64, borne: usize, versions: &str) -> String {
    let mut page = format!(
        "# Hostile endpoints\n\n\
         Made by `cargo xtask hostile`; not to be edited. `cargo xtask test hostile` holds the product against it.\n\n\
         The program before servers that misbehave in one way each: real ones, in a network of their own, at addresses of\n\
         the public internet. **{borne} of {NUMBERS}** numbers are borne in all their cases: the right kind of failure in words\n\
         that name the cause, within the bounds, never healthy when it is not, never a crash.\n\n\
         - **Time**: at most {time} s for a run, which asks twice to confirm, each time for {deadline} s at the longest.\n\
         - **Memory**: at most {MEMORY_BOUND} MB more than a run against an ordinary answer, which has {ordinary} MB at its peak\n\
         \x20 (a debug build, the whole process).\n\
         - Beside it, {versions}: each with a deadline of {deadline} s, a bound of 2 MB for bodies, redirects followed, the\n\
         \x20 same authority, and the exporter with a pattern where the case has an expectation of the body. curl has none.\n\
         \x20 *Names the cause* when the text holds one of a few words that are written down with the case.\n\n",
        time = TIME_BOUND.as_secs(),
        deadline = DEADLINE.as_secs(),
        ordinary = ordinary_kb / 1_000,
    );
    page.push_str("| | synthetics | curl | blackbox_exporter |\n|---|---|---|---|\n");
    let ours: Vec<Standing> = rows.iter().map(|row| row.ours.verdict().standing(&row.case)).collect();
    let curl: Vec<Standing> = rows.iter().map(|row| row.curl.standing(&row.case)).collect();
    let exporter: Vec<Standing> = rows.iter().map(|row| row.exporter.standing(&row.case)).collect();
    for (words, standing) in [
        ("wrong, and the cause is named", Standing::NamesTheCause),
        ("wrong, and said without the cause", Standing::FailsOnly),
        ("**wrong, and reported healthy**", Standing::FalselyHealthy),
        ("no answer at all", Standing::Hangs),
        ("well, and said so", Standing::RightlyHealthy),
        ("**well, and reported as wrong**", Standing::FalseAlarm),
    ] {
        let count = |of: &[Standing]| of.iter().filter(|seen| **seen == standing).count();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| {words} | {} | {} | {} |", count(&ours), count(&curl), count(&exporter));
    }
    page.push_str(
        "\n| no. | fault | server | the program says | time | memory over | curl | blackbox_exporter |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(
            page,
            "{} {:.1} of {} s | {} of {MEMORY_BOUND} MB | {} | {} |",
            stable(&row.case),
            row.ours.took.as_secs_f64(),
            TIME_BOUND.as_secs(),
            row.ours.peak_over(ordinary_kb),
            told(&row.curl, &row.case),
            told(&row.exporter, &row.case),
        );
    }
    page
}

fn told(verdict: &Verdict, case: &Case) -> String {
    let standing = match verdict.standing(case) {
        Standing::RightlyHealthy => return "healthy".to_owned(),
        Standing::FalselyHealthy => return "**healthy**".to_owned(),
        Standing::Hangs => return "**hangs**".to_owned(),
        Standing::NamesTheCause => "",
        Standing::FailsOnly => "cause not named: ",
        Standing::FalseAlarm => "**false alarm**: ",
    };
    let Verdict::Failed(text) = verdict else { return String::new() };
    let text: String = if text.chars().count() > LONGEST {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    } else {
        text.clone()
    };
    format!("{standing}{}", cell(&text))
}

/// A text that a table takes.
fn cell(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.replace('|', "\\|").replace('<', "&lt;")
}
