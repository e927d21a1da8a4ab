//! What every text must hold once it has passed the gate.

use check::{Failure, Mismatch, NoSecrets, Subject};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde_json::Value;

/// Maximum length of a text in a report. **Units:** characters.
const MAX_TEXT: usize = 2_000;

/// Asserts that a text stays in its line and hides nothing.
pub(crate) fn assert_clean(text: &str) {
    let found = text.chars().find(|c| is_unclean(*c));
    assert!(found.is_none(), "{found:?} in {text:?}");
}

/// True for control, format and default-ignorable characters, and for line and paragraph separators.
pub(crate) fn is_unclean(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(
            CodePointMapData::<GeneralCategory>::new().get(c),
            Control | Format | LineSeparator | ParagraphSeparator
        )
}

/// Asserts that all texts of a mismatch are short and clean once they have passed the gate.
pub(crate) fn assert_presentable(mismatch: &Mismatch) {
    let failure = Failure::new(Subject::whole(), "step", mismatch.clone(), &NoSecrets);
    for text in [Some(&failure.expected), Some(&failure.actual), failure.evidence.as_ref()].into_iter().flatten() {
        assert!(text.chars().count() <= Failure::MAX_EVIDENCE, "too long: {text}");
        assert_clean(text);
    }
}

/// Asserts that all texts of a report are short and clean, and that nothing panicked. Our hint may be on a second line.
pub(crate) fn assert_report(report: &Value) {
    match report {
        Value::String(text) => {
            assert!(text.chars().count() <= MAX_TEXT, "too long: {text}");
            // At the start, where only our words are: a server may send the word as well.
            assert!(!text.starts_with("the check panicked") && !text.starts_with("panicked"), "{text}");
            text.split('\n').for_each(assert_clean);
        }
        Value::Array(items) => items.iter().for_each(assert_report),
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            assert_clean(key);
            assert_report(member);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
