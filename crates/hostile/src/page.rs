//! The page that shows how probes bear the cases.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cases::{BEYOND, Case, DEADLINE, Expect, NUMBERS};
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
        Expect::Passed if case.at_least > Duration::ZERO => format!("passed, not before {:?}", case.at_least),
        Expect::Passed => "passed".to_owned(),
        Expect::Expiring(days) => format!("passed, and shows it: `CertificateDaysRemaining` at most {days}"),
        Expect::Failed(kind, words) => format!("`{kind}`: {words}"),
    };
    let number = if case.number == BEYOND { "beyond".to_owned() } else { case.number.to_string() };
    format!("| {number} | {} | {} | {} |", cell(case.fault), cell(case.server), cell(&says))
}

/// What is measured: how long it took, and how much memory it needed over an ordinary answer (MB).
fn measured(took: &str, over: &str) -> String {
    format!(" {took} of {} s | {over} of {MEMORY_BOUND} MB |", TIME_BOUND.as_secs())
}

/// The sum of the page, and its bounds.
fn claims(borne: usize) -> [String; 3] {
    [
        format!("**{borne} of {NUMBERS}** numbers are borne in all their cases"),
        format!("at most {} s for a run, which asks twice to confirm", TIME_BOUND.as_secs()),
        format!("at most {MEMORY_BOUND} MB more than a run against an ordinary answer"),
    ]
}

/// Of the summary: these words, with how many cases of the program's.
fn sums(standings: &[Standing]) -> Vec<String> {
    let count = |standing: Standing| standings.iter().filter(|actual| **actual == standing).count();
    SUMMARY.iter().map(|(words, standing)| format!("| {words} | {} |", count(*standing))).collect()
}

const SUMMARY: [(&str, Standing); 6] = [
    ("wrong, and the cause is named", Standing::NamesTheCause),
    ("wrong, and said without the cause", Standing::FailsOnly),
    ("**wrong, and reported healthy**", Standing::FalselyHealthy),
    ("no answer at all", Standing::Hangs),
    ("well, and said so", Standing::RightlyHealthy),
    ("**well, and reported as wrong**", Standing::FalseAlarm),
];

/// What a page lacks, or has too much, of these cases, all of them borne.
#[must_use]
pub fn differences(written: &str, cases: &[&Case]) -> Vec<String> {
    let expected: Vec<String> = cases.iter().map(|case| format!("{}{}", stable(case), measured("", ""))).collect();
    let rows: Vec<String> = written.lines().filter_map(without_numbers).collect();
    let lacking = expected.iter().filter(|row| !rows.contains(row)).map(|row| format!("lacks {row}"));
    let beyond = rows.iter().filter(|row| !expected.contains(row)).map(|row| format!("has {row}"));
    let mut differences: Vec<String> = lacking.chain(beyond).collect();
    if differences.is_empty() && rows != expected {
        differences.push("has its rows twice or in another order".to_owned());
    }
    // A line may end amid a claim.
    let text = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let standing = |case: &&Case| match case.expect {
        Expect::Failed(..) => Standing::NamesTheCause,
        Expect::Passed | Expect::Expiring(_) => Standing::RightlyHealthy,
    };
    let sums = sums(&cases.iter().map(standing).collect::<Vec<_>>());
    let claims = claims(usize::from(NUMBERS)).into_iter().chain(sums);
    differences.extend(claims.filter(|claim| !text.contains(claim)).map(|claim| format!("does not say: {claim}")));
    differences
}

/// A row of the table without what is measured and what peers say; `None`: no such row.
fn without_numbers(line: &str) -> Option<String> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [number, fault, server, says, took, over, _, _] = cells.as_slice() else { return None };
    let (took, over) = (took.split_once(" of ")?.1, over.split_once(" of ")?.1);
    Some(format!("| {number} | {fault} | {server} | {says} |  of {took} |  of {over} |"))
}

/// The whole page.
#[must_use]
pub fn page(rows: &[Row], ordinary_kb: u64, borne: usize, versions: &str) -> String {
    let [borne, time, memory] = claims(borne);
    let mut page = format!(
        "# Hostile endpoints\n\n\
         Made by `cargo xtask hostile`; not to be edited. `cargo xtask test hostile` holds the product against it.\n\n\
         The program before servers that misbehave in one way each: real ones, in a network of their own, at addresses of\n\
         the public internet. {borne}: the right kind\n\
         of failure in words that name the cause, within the bounds, never healthy when it is not, never a crash. What is\n\
         *beyond* stands in no list, and is borne too.\n\n\
         - **Time**: {time}, each time for {deadline} s at the longest.\n\
         - **Memory**: {memory}, which has {ordinary} MB at its peak\n\
         \x20 (a debug build, the whole process).\n\
         - A certificate that ends soon is no failure. The program shows the days that are left, as the metric\n\
         \x20 `CertificateDaysRemaining` and in what `synthetics run` prints; whether they are too few is not its to say.\n\
         - Beside it, {versions}: each with a deadline of {deadline} s, a bound of\n\
         \x20 2 MB for bodies, redirects followed but not from `https` to `http`, the same authority; and the exporter with\n\
         \x20 status 200 alone and with a pattern where the case has an expectation of the body. curl has none.\n\
         \x20 *Names the cause* when the text holds one of a few words that are written down with the case.\n\n",
        deadline = DEADLINE.as_secs(),
        ordinary = ordinary_kb / 1_000,
    );
    page.push_str("| | synthetics | curl | blackbox_exporter |\n|---|---|---|---|\n");
    let ours: Vec<Standing> = rows.iter().map(|row| row.ours.verdict().standing(&row.case)).collect();
    let curl: Vec<Standing> = rows.iter().map(|row| row.curl.standing(&row.case)).collect();
    let exporter: Vec<Standing> = rows.iter().map(|row| row.exporter.standing(&row.case)).collect();
    for (line, (_, standing)) in sums(&ours).iter().zip(SUMMARY) {
        let count = |of: &[Standing]| of.iter().filter(|actual| **actual == standing).count();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{line} {} | {} |", count(&curl), count(&exporter));
    }
    page.push_str(
        "\n| no. | fault | server | the program says | time | memory over | curl | blackbox_exporter |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(
            page,
            "{}{} {} | {} |",
            stable(&row.case),
            measured(&format!("{:.1}", row.ours.took.as_secs_f64()), &row.ours.peak_over(ordinary_kb).to_string()),
            verdict_cell(&row.curl, &row.case),
            verdict_cell(&row.exporter, &row.case),
        );
    }
    page
}

fn verdict_cell(verdict: &Verdict, case: &Case) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::tests::case;

    fn row(case: Case) -> Row {
        let took = Duration::from_millis(1_234);
        let ours = Ran { failure: None, text: String::new(), code: 0, days: None, took, peak_kb: 32_000 };
        Row { case, ours, curl: Verdict::Healthy, exporter: Verdict::Failed("a | b".to_owned()) }
    }

    fn written(cases: Vec<Case>) -> String {
        page(&cases.into_iter().map(row).collect::<Vec<_>>(), 30_000, 36, "curl 8 and blackbox_exporter 0.23")
    }

    #[test]
    fn a_page_is_held_by_its_cases_whatever_was_measured() {
        let page = written(vec![case(1), case(2), case(BEYOND)]);
        assert!(page.contains("| 2 | a fault | a server \\| of tests | passed | 1.2 of 8 s | 2 of 16 MB | healthy |"));
        assert!(page.contains("| beyond | a fault |"));
        let cases = [case(1), case(2), case(BEYOND)];
        assert_eq!(differences(&page, &cases.each_ref()), Vec::<String>::new());
        let page = page.replace("1.2 of", "2.1 of").replace("2 of 16 MB", "3 of 16 MB");
        assert_eq!(differences(&page, &cases.each_ref()), Vec::<String>::new());
    }

    #[test]
    fn whatever_else_differs_is_told() {
        let page = || written(vec![case(1), case(2), case(2)]);
        let cases = [case(1), case(2), case(2)];
        let renamed = [case(1), case(2), Case { fault: "another", ..case(2) }];
        let reordered = [case(2), case(1), case(2)];
        for (why, page, cases, difference) in [
            ("a case that is gone", page(), &cases[..2], "has its rows twice"),
            ("all cases of a number", page(), &cases[..1], "has | 2 |"),
            ("a case that is new", written(vec![case(1), case(2)]), &cases[..], "has its rows twice"),
            ("another name", page(), &renamed[..], "lacks | 2 | another |"),
            ("another order", page(), &reordered[..], "has its rows twice or in another order"),
            ("a bound of a row", page().replacen("2 of 16 MB", "2 of 99 MB", 1), &cases[..], "has | 1 |"),
            (
                "the bound of time",
                page().replace("at most 8 s", "at most 9 s"),
                &cases[..],
                "does not say: at most 8 s",
            ),
            ("the number", page().replace("36 of 36", "35 of 36"), &cases[..], "does not say: **36 of 36**"),
            (
                "the sum",
                page().replace("well, and said so | 3", "well, and said so | 4"),
                &cases[..],
                "does not say: | well",
            ),
            ("no page at all", String::new(), &cases[..], "lacks | 1 |"),
        ] {
            let cases: Vec<&Case> = cases.iter().collect();
            let actual = differences(&page, &cases);
            assert!(actual.iter().any(|actual| actual.starts_with(difference)), "{why}: {actual:?}");
        }
    }
}
