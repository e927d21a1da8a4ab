//! Settings: unchanged by writing and reading, or refused with a position in the file.

use runtime::{Check, Prepared};
use settings::{Document, Problem};
use toml::{Table, Value};

/// A settings file is valid, or each of its problems has a position and a rule. Valid settings stay the same when
/// written and read.
pub(crate) fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let document = match Document::parse("fuzz.toml", text) {
        Ok(document) => document,
        Err(problems) => return check_problems(text, &problems),
    };
    let Some(first) = effective(text, &document) else { return };
    let written_text = first.to_string();
    let again = match Document::parse("written.toml", &written_text) {
        Ok(document) => effective(&written_text, &document),
        Err(problems) => panic!("written settings are not TOML: {problems:?}\n{written_text}"),
    };
    assert_eq!(again, Some(first), "writing and reading changes nothing");
}

/// Effective settings of all checks in the file; `None` when a value is wrong.
fn effective(text: &str, document: &Document<'_>) -> Option<Table> {
    let ids = document.check_ids();
    let mut checks = Table::new();
    let mut whole = None;
    let tables = [
        effective_check::<availability::Availability>(text, document, &ids),
        effective_check::<login::Login>(text, document, &ids),
        effective_check::<booking::Booking>(text, document, &ids),
        effective_check::<payment_webhook::PaymentWebhook>(text, document, &ids),
        effective_check::<notifications::Notifications>(text, document, &ids),
        effective_check::<queues::Queues>(text, document, &ids),
        effective_check::<reconciliation::Reconciliation>(text, document, &ids),
        effective_check::<backend::Backend>(text, document, &ids),
        effective_check::<application::Application>(text, document, &ids),
        effective_check::<integrations::Integrations>(text, document, &ids),
        effective_check::<journeys::Journeys>(text, document, &ids),
    ];
    for table in tables.into_iter().flatten() {
        let mut table = table?;
        if let Some(Value::Table(own)) = table.remove("check") {
            checks.extend(own);
        }
        whole.get_or_insert(table);
    }
    let mut whole = whole?;
    whole.insert("check".to_owned(), Value::Table(checks));
    Some(whole)
}

/// Effective settings of one check. `None`: the file has no section for it. Inner `None`: the section is wrong.
fn effective_check<C: Check>(text: &str, document: &Document<'_>, ids: &[String]) -> Option<Option<Table>> {
    if !ids.iter().any(|id| id == C::ID) {
        return None;
    }
    Some(match Prepared::<C>::read(document) {
        Ok(prepared) => Some(prepared.written),
        Err(problems) => {
            check_problems(text, &problems);
            None
        }
    })
}

fn check_problems(text: &str, problems: &[Problem]) {
    assert!(!problems.is_empty(), "refused without a reason");
    for problem in problems {
        assert!(!problem.rule.trim().is_empty(), "a problem without a rule: {problem:?}");
        assert!((1..=text.lines().count().max(1) + 1).contains(&problem.line), "a place outside the file: {problem:?}");
    }
}
