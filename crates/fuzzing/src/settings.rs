//! Settings: read and the same again when written, or told with a place in the file.

use runtime::settings::{Document, Problem};
use runtime::{Check, Prepared};
use toml::{Table, Value};

/// A settings file is right, or each of its problems has a place and a rule. What is right is the same when it is written
/// and read again.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let document = match Document::parse("fuzz.toml", text) {
        Ok(document) => document,
        Err(problems) => return check_problems(text, &problems),
    };
    let Some(first) = written(text, &document) else { return };
    let written_text = first.to_string();
    let again = match Document::parse("written.toml", &written_text) {
        Ok(document) => written(&written_text, &document),
        Err(problems) => panic!("what was written is no TOML: {problems:?}\n{written_text}"),
    };
    assert_eq!(again, Some(first), "what is written and read again is the same");
}

/// The settings of all checks that the file has, every default in its place; `None` when something is wrong.
fn written(text: &str, document: &Document<'_>) -> Option<Table> {
    let ids = document.check_ids();
    let mut checks = Table::new();
    let mut whole = None;
    let tables = [
        one::<availability::Availability>(text, document, &ids),
        one::<login::Login>(text, document, &ids),
        one::<booking::Booking>(text, document, &ids),
        one::<payment_webhook::PaymentWebhook>(text, document, &ids),
        one::<notifications::Notifications>(text, document, &ids),
        one::<queues::Queues>(text, document, &ids),
        one::<reconciliation::Reconciliation>(text, document, &ids),
        one::<backend::Backend>(text, document, &ids),
        one::<application::Application>(text, document, &ids),
        one::<integrations::Integrations>(text, document, &ids),
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

/// `None`: the file does not have the check. Within: it is wrong.
fn one<C: Check>(text: &str, document: &Document<'_>, ids: &[String]) -> Option<Option<Table>> {
    if !ids.iter().any(|id| id == C::ID) {
        return None;
    }
    Some(match Prepared::<C>::read(document) {
        Ok(prepared) => match prepared.written() {
            Ok(written) => Some(written),
            Err(error) => panic!("what was read cannot be written: {error}"),
        },
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
