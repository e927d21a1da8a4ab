//! Parts of the code whose tests must be complete.

/// Part of the code, and the tests of the same crate that must catch its mutants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Name on the command line.
    pub name: &'static str,
    /// Content, for the output.
    pub content: &'static str,
    /// Files, as globs.
    pub files: &'static [&'static str],
    /// Package of the files and of the tests.
    pub package: &'static str,
    /// Arguments of `cargo test` that select the tests.
    pub tests: &'static [&'static str],
}

/// All parts.
pub const PARTS: [Part; 6] = [
    Part {
        name: "incident",
        content: "the decision when incidents open and close, and who is notified",
        files: &["crates/check/src/incident/**/*.rs"],
        package: "check",
        tests: &["--lib"],
    },
    Part {
        name: "gate",
        content: "the gate for foreign text",
        files: &[
            "crates/check/src/model/clean.rs",
            "crates/check/src/model/gate.rs",
            "crates/check/src/model/phrase.rs",
            "crates/check/src/model/redact.rs",
            "crates/check/src/model/subject.rs",
            "crates/check/src/model/text.rs",
        ],
        package: "check",
        tests: &["--lib"],
    },
    Part {
        name: "redaction",
        content: "the redaction of secrets",
        files: &["crates/probe/src/redact.rs", "crates/probe/src/redact/*.rs"],
        package: "probe",
        tests: &["--lib"],
    },
    Part {
        name: "egress",
        content: "the egress policy",
        files: &["crates/probe/src/egress.rs", "crates/probe/src/egress/*.rs"],
        package: "probe",
        // The resolver is tested with real connections.
        tests: &["--lib", "--test", "probe"],
    },
    Part {
        name: "alarms",
        content: "the evaluation of alarms",
        files: &["crates/alarm/src/*.rs", "crates/alarm/src/reader/*.rs"],
        package: "alarm",
        tests: &["--lib", "--test", "alarm"],
    },
    Part {
        name: "template",
        content: "the reader of templates",
        files: &["crates/alarm/src/template/*.rs"],
        package: "alarm",
        tests: &["--lib", "--test", "alarm"],
    },
];
