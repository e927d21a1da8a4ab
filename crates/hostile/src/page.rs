//! Text of `docs/hostile-endpoints.md`.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::cases::{Case, DEADLINE, EXTRA, Expect, NUMBERS};
use crate::ours::{MEMORY_BOUND, RunResult, TIME_BOUND};
use crate::peers::{Assessment, Verdict};

/// Path of the page in the repository.
pub const PATH: &str = "docs/hostile-endpoints.md";
/// Start of the sections that other programs write, about the monitor itself and about the flows.
const OTHERS: &str = "\n## ";
/// Numbers of the faults of the monitor itself.
const OWN: RangeInclusive<u8> = NUMBERS + 1..=44;
/// Maximum length of a text of a peer. **Units:** characters.
const MAX_TEXT: usize = 160;

/// A case with all results.
pub struct Row {
    pub case: Case,
    pub ours: RunResult,
    pub curl: Verdict,
    pub exporter: Verdict,
}

/// Columns of a case that are equal on every machine.
#[must_use]
pub fn stable(case: &Case) -> String {
    let says = match case.expect {
        Expect::Passed if case.at_least > Duration::ZERO => format!("passed, after at least {:?}", case.at_least),
        Expect::Passed => "passed".to_owned(),
        Expect::Expiring(days) => format!("passed, with `CertificateDaysRemaining` at most {days}"),
        Expect::Failed(kind, words) => format!("`{kind}`: {words}"),
    };
    let number = if case.number == EXTRA { "extra".to_owned() } else { case.number.to_string() };
    format!("| {number} | {} | {} | {} |", cell(case.fault), cell(case.server), cell(&says))
}

/// Measured columns: duration (s), and memory beyond the baseline (MB).
fn measured(took: &str, over: &str) -> String {
    format!(" {took} of {} s | {over} of {MEMORY_BOUND} MB |", TIME_BOUND.as_secs())
}

/// Sections of a page that other programs write.
fn other_sections(page: &str) -> &str {
    page.find(OTHERS).map_or("", |start| &page[start..])
}

/// Number of faults of the monitor itself that a page lists. A test of the monitor compares the list with the proofs.
fn own_faults(page: &str) -> usize {
    OWN.filter(|number| page.contains(&format!("\n| {number} |"))).count()
}

/// Main claims of the page: passed faults and limits.
fn claims(passed: usize) -> [String; 3] {
    [
        format!("**{passed} of {}** numbered faults pass in all their cases", OWN.end()),
        format!("at most {} s for a run, which makes two attempts", TIME_BOUND.as_secs()),
        format!("at most {MEMORY_BOUND} MB more than a run against a normal server"),
    ]
}

/// Rows of the summary, with the counts of the program.
fn summary_rows(assessments: &[Assessment]) -> Vec<String> {
    SUMMARY.iter().map(|(label, assessment)| format!("| {label} | {} |", count(assessments, *assessment))).collect()
}

fn count(assessments: &[Assessment], wanted: Assessment) -> usize {
    assessments.iter().filter(|actual| **actual == wanted).count()
}

const SUMMARY: [(&str, Assessment); 6] = [
    ("failure reported, cause named", Assessment::NamesTheCause),
    ("failure reported, cause not named", Assessment::FailsOnly),
    ("**failure reported as healthy**", Assessment::FalselyHealthy),
    ("no result", Assessment::Hangs),
    ("healthy, reported as healthy", Assessment::RightlyHealthy),
    ("**healthy, reported as a failure**", Assessment::FalseAlarm),
];

/// Compares a page with these cases, given that all of them pass.
#[must_use]
pub fn differences(page: &str, cases: &[&Case]) -> Vec<String> {
    let expected: Vec<String> = cases.iter().map(|case| format!("{}{}", stable(case), measured("", ""))).collect();
    let rows: Vec<String> = page.lines().filter_map(without_measurements).collect();
    let missing = expected.iter().filter(|row| !rows.contains(row)).map(|row| format!("lacks {row}"));
    let surplus = rows.iter().filter(|row| !expected.contains(row)).map(|row| format!("has {row}"));
    let mut differences: Vec<String> = missing.chain(surplus).collect();
    if differences.is_empty() && rows != expected {
        differences.push("has repeated rows or another order".to_owned());
    }
    // Claims may span lines.
    let text = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let required = |case: &&Case| match case.expect {
        Expect::Failed(..) => Assessment::NamesTheCause,
        Expect::Passed | Expect::Expiring(_) => Assessment::RightlyHealthy,
    };
    let summary = summary_rows(&cases.iter().map(required).collect::<Vec<_>>());
    let claims = claims(usize::from(NUMBERS) + own_faults(page)).into_iter().chain(summary);
    differences.extend(claims.filter(|claim| !text.contains(claim)).map(|claim| format!("does not say: {claim}")));
    differences
}

/// A row of the table without measurements and results of peers; `None` for other lines.
fn without_measurements(line: &str) -> Option<String> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [number, fault, server, says, took, over, _, _] = cells.as_slice() else { return None };
    let (took, over) = (took.split_once(" of ")?.1, over.split_once(" of ")?.1);
    Some(format!("| {number} | {fault} | {server} | {says} |  of {took} |  of {over} |"))
}

/// Renders the page, with the other sections of the earlier one.
#[must_use]
pub fn page(rows: &[Row], baseline_kb: u64, passed: usize, versions: &str, earlier: &str) -> String {
    let others = other_sections(earlier);
    let [passed, time, memory] = claims(passed + own_faults(others));
    let mut page = format!(
        "# Hostile endpoints\n\n\
         Generated by `cargo xtask hostile`; do not edit. `cargo xtask test hostile` compares the product with it.\n\n\
         This page shows `synthetics` against servers that misbehave in one way each. The servers are real and run in an\n\
         isolated network, at public addresses. {passed}:\n\
         1 to {NUMBERS} in the table below, and {} to {} of [the monitor itself](#the-monitor-itself).\n\
         To pass, the program must report the right kind of failure, name the cause, stay within the limits, never\n\
         report a broken server as healthy, and never crash. *Extra* cases have no number, and pass too.\n\n\
         - **Time**: {time}, each with a deadline of {deadline} s.\n\
         - **Memory**: {memory}, which needs {baseline} MB\n\
         \x20 (debug build, whole process).\n\
         - A certificate that expires soon is not a failure. The program publishes the remaining days as the metric\n\
         \x20 `CertificateDaysRemaining` and prints them in `synthetics run`. An alarm evaluates them.\n\
         - For comparison, {versions} have a deadline of {deadline} s, a\n\
         \x20 limit of 2 MB for bodies and the same certificate authority, and do not follow redirects from `https` to\n\
         \x20 `http`. The exporter accepts only status 200, and searches the body for a pattern where the case expects\n\
         \x20 some content; curl cannot. A text *names the cause* when it contains one of the keywords of the case.\n\n",
        OWN.start(),
        OWN.end(),
        deadline = DEADLINE.as_secs(),
        baseline = baseline_kb / 1_000,
    );
    page.push_str("| | synthetics | curl | blackbox_exporter |\n|---|---|---|---|\n");
    let ours: Vec<Assessment> = rows.iter().map(|row| row.ours.verdict().assess(&row.case)).collect();
    let curl: Vec<Assessment> = rows.iter().map(|row| row.curl.assess(&row.case)).collect();
    let exporter: Vec<Assessment> = rows.iter().map(|row| row.exporter.assess(&row.case)).collect();
    for (line, (_, assessment)) in summary_rows(&ours).iter().zip(SUMMARY) {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{line} {} | {} |", count(&curl, assessment), count(&exporter, assessment));
    }
    page.push_str(
        "\n| no. | fault | server | synthetics | time | extra memory | curl | blackbox_exporter |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(
            page,
            "{}{} {} | {} |",
            stable(&row.case),
            measured(&format!("{:.1}", row.ours.took.as_secs_f64()), &row.ours.memory_beyond(baseline_kb).to_string()),
            verdict_cell(&row.curl, &row.case),
            verdict_cell(&row.exporter, &row.case),
        );
    }
    page.push_str(others);
    page
}

fn verdict_cell(verdict: &Verdict, case: &Case) -> String {
    let prefix = match verdict.assess(case) {
        Assessment::RightlyHealthy => return "healthy".to_owned(),
        Assessment::FalselyHealthy => return "**healthy**".to_owned(),
        Assessment::Hangs => return "**hangs**".to_owned(),
        Assessment::NamesTheCause => "",
        Assessment::FailsOnly => "cause not named: ",
        Assessment::FalseAlarm => "**false alarm**: ",
    };
    let Verdict::Failed(text) = verdict else { return String::new() };
    let text: String = if text.chars().count() > MAX_TEXT {
        text.chars().take(MAX_TEXT - 1).chain(['…']).collect()
    } else {
        text.clone()
    };
    format!("{prefix}{}", cell(&text))
}

/// Escapes a text for a table cell.
fn cell(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::tests::case;

    fn row(case: Case) -> Row {
        let took = Duration::from_millis(1_234);
        let ours = RunResult { failure: None, text: String::new(), code: 0, days: None, took, peak_kb: 32_000 };
        Row { case, ours, curl: Verdict::Healthy, exporter: Verdict::Failed("a | b".to_owned()) }
    }

    const OTHER_SECTIONS: &str = "\n## The monitor itself\n\n| 37 | a\n| 38 | b\n| 38 | c\n";

    fn page_text(cases: Vec<Case>) -> String {
        page(
            &cases.into_iter().map(row).collect::<Vec<_>>(),
            30_000,
            36,
            "curl 8 and blackbox_exporter 0.23",
            OTHER_SECTIONS,
        )
    }

    #[test]
    fn measurements_do_not_make_the_page_outdated() {
        let page = page_text(vec![case(1), case(2), case(EXTRA)]);
        assert!(page.contains("| 2 | a fault | a server \\| of tests | passed | 1.2 of 8 s | 2 of 16 MB | healthy |"));
        assert!(page.contains("| extra | a fault |"));
        let cases = [case(1), case(2), case(EXTRA)];
        assert_eq!(differences(&page, &cases.each_ref()), Vec::<String>::new());
        let page = page.replace("1.2 of", "2.1 of").replace("2 of 16 MB", "3 of 16 MB");
        assert_eq!(differences(&page, &cases.each_ref()), Vec::<String>::new());
    }

    #[test]
    fn every_other_difference_is_reported() {
        let page = || page_text(vec![case(1), case(2), case(2)]);
        let cases = [case(1), case(2), case(2)];
        let renamed = [case(1), case(2), Case { fault: "another", ..case(2) }];
        let reordered = [case(2), case(1), case(2)];
        for (name, page, cases, difference) in [
            ("removed case", page(), &cases[..2], "has repeated rows"),
            ("all cases of a number removed", page(), &cases[..1], "has | 2 |"),
            ("new case", page_text(vec![case(1), case(2)]), &cases[..], "has repeated rows"),
            ("renamed fault", page(), &renamed[..], "lacks | 2 | another |"),
            ("different order", page(), &reordered[..], "has repeated rows or another order"),
            ("different memory limit", page().replacen("2 of 16 MB", "2 of 99 MB", 1), &cases[..], "has | 1 |"),
            (
                "different time limit",
                page().replace("at most 8 s", "at most 9 s"),
                &cases[..],
                "does not say: at most 8 s",
            ),
            (
                "different number of passed faults",
                page().replace("38 of 44", "37 of 44"),
                &cases[..],
                "does not say: **38 of 44**",
            ),
            (
                "different summary",
                page().replace("reported as healthy | 3", "reported as healthy | 4"),
                &cases[..],
                "does not say: | healthy",
            ),
            ("missing page", String::new(), &cases[..], "lacks | 1 |"),
        ] {
            let cases: Vec<&Case> = cases.iter().collect();
            let actual = differences(&page, &cases);
            assert!(actual.iter().any(|actual| actual.starts_with(difference)), "{name}: {actual:?}");
        }
    }
}
