//! Texts of a settings file, all of them: those that no key accepts, and their display in problems.

use std::ops::Range;

use probe::Redactor;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Finding, Part};
use crate::tokens;

/// Longest part of a line or value in a problem. **Units:** characters.
const MAX_SHOWN: usize = 200;
/// Longest part of a text that is searched for secrets before it is shown. **Units:** characters.
const MAX_SEARCHED: usize = 4_000;
/// Shortest text that can hold a token. **Units:** bytes.
const SHORTEST_TOKEN: usize = 8;

/// Keys whose texts may hold line breaks and tabs: certificates, statements, and parts of bodies.
const WITH_LINE_BREAKS: &[&str] = &[
    "body",
    "ca_certificates",
    "email_body",
    "equals",
    "markers",
    "read",
    "sms_body",
    "text",
    "throttled_texts",
    "void_body",
];

/// Texts of the file that no key accepts: those with control characters or literal secrets. Comments are searched for secrets too,
/// since the file is installed with them.
pub(crate) fn refused_texts(text: &str, root: &DeTable<'_>) -> Vec<Finding> {
    let mut search = Search { path: Vec::new(), found: Vec::new(), places: Vec::new() };
    search.table(root);
    let Search { mut found, places, .. } = search;
    let mut last_line = None;
    for (at, kind) in tokens::all(text) {
        let line = text[..at].rfind('\n');
        if places.iter().any(|place| place.contains(&at)) || last_line == Some(line) {
            continue;
        }
        last_line = Some(line);
        found.push(Finding { offset: at, path: Vec::new(), rule: no_secret(kind), hide: true });
    }
    found
}

fn no_secret(kind: &str) -> String {
    format!(
        "expected no secret in the file, found what looks like {kind} (not shown); store it elsewhere and refer to it with \
         `ssm:/…` or `env:NAME`"
    )
}

/// Returns true for a text with a literal secret in it.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() >= SHORTEST_TOKEN && tokens::first(text).is_some()
}

struct Search {
    path: Vec<Part>,
    found: Vec<Finding>,
    /// Places of the texts with a secret.
    places: Vec<Range<usize>>,
}

impl Search {
    fn table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            self.path.push(Part::Key(key.get_ref().to_string()));
            self.text(key.get_ref(), key.span());
            self.value(value);
            self.path.pop();
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) => self.text(text, value.span()),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    // A text in a list is a value of its key.
                    let is_text = item.get_ref().is_str();
                    if !is_text {
                        self.path.push(Part::Index(index));
                    }
                    self.value(item);
                    if !is_text {
                        self.path.pop();
                    }
                }
            }
            DeValue::Table(table) => self.table(table),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: Range<usize>) {
        let secret =
            (text.len() >= SHORTEST_TOKEN).then(|| tokens::first(text).or_else(|| tokens::in_url(text))).flatten();
        let rule = if let Some(kind) = secret {
            self.places.push(place.clone());
            no_secret(kind)
        } else if let Some((at, letter)) = self.control_character(text) {
            let code = u32::from(letter);
            format!(
                "expected a text without control characters or line breaks, found U+{code:04X} at character {}",
                at + 1
            )
        } else {
            return;
        };
        self.found.push(Finding { offset: place.start, path: self.path.clone(), rule, hide: secret.is_some() });
    }

    fn control_character(&self, text: &str) -> Option<(usize, char)> {
        let has_lines =
            self.path.iter().any(|part| matches!(part, Part::Key(key) if WITH_LINE_BREAKS.contains(&key.as_str())));
        let is_refused = |letter: char| is_control(letter) && !(has_lines && matches!(letter, '\n' | '\r' | '\t'));
        text.chars().enumerate().find(|(_, letter)| is_refused(*letter))
    }
}

fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// The beginning of a text, from which a part is shown. The rest is not searched for secrets, as none of it is shown.
pub(crate) fn searched(text: &str) -> &str {
    &text[..text.char_indices().nth(MAX_SEARCHED).map_or(text.len(), |(end, _)| end)]
}

/// The beginning of a text, with its secrets masked.
pub(crate) fn masked(text: &str) -> String {
    Redactor::default().redact(searched(text))
}

/// A text for display: secrets are masked, and control characters written as escapes.
pub(crate) fn displayed(text: &str) -> String {
    let text = masked(text);
    if !text.chars().any(is_control) {
        return text;
    }
    let escape = |letter: char| {
        if is_control(letter) && letter != '\t' { letter.escape_unicode().to_string() } else { letter.to_string() }
    };
    text.chars().map(escape).collect()
}

/// A value for display: at most 200 characters of it.
pub(crate) fn shortened(text: &str) -> String {
    shortened_to(text, MAX_SHOWN)
}

pub(crate) fn shortened_to(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::key_path;

    fn refused(text: &str) -> Vec<(String, String)> {
        let table = DeTable::parse(text).unwrap();
        refused_texts(text, table.get_ref()).into_iter().map(|found| (key_path(&found.path), found.rule)).collect()
    }

    #[test]
    fn control_characters_are_refused_wherever_they_are() {
        for (text, key) in [
            (r#"name = "a\nb""#, "name"),
            (r#"name = "a\tb""#, "name"),
            (r#"name = "a\u0000b""#, "name"),
            (r#"name = "a\u007Fb""#, "name"),
            (r#"name = "a\u0085b""#, "name"),
            (r#"name = "a\u2028b""#, "name"),
            (r#"name = "a\u2029b""#, "name"),
            ("name = \"\"\"a\nb\"\"\"", "name"),
            (r#"list = ["a", "b\r"]"#, "list"),
            (r#"list = [{ a.b = "b\r" }]"#, "list[0].a.b"),
            (r#""a\nb" = 1"#, r#""a\nb""#),
            (r#"text = "a\u0007b""#, "text"),
        ] {
            let found = refused(text);
            assert!(matches!(&found[..], [(at, rule)] if at == key && rule.contains("found U+")), "{text}: {found:?}");
        }
        for text in [
            r#"name = "Køreskole 🚗""#,
            "ca_certificates = [\"\"\"a\nb\"\"\"]",
            r#"expect.text = ["a\n\tb"]"#,
            r#"expect.json = [{ equals = ["a\r\nb"] }]"#,
        ] {
            assert_eq!(refused(text), [], "{text}");
        }
    }

    #[test]
    fn secrets_are_refused_in_values_keys_and_comments() {
        let secret = format!("sk_{}_{}", "live", "4eC39HqLyjWDarjtT1zdp7dc");
        for (text, key) in [
            (format!("name = '{secret}'"), "name"),
            (format!("name = 'a text with {secret} in it'"), "name"),
            (format!("list = [{{ a = ['x', '{secret}'] }}]"), "list[0].a"),
            (format!("'{secret}' = 1"), secret.as_str()),
            (format!("name = 1 # {secret}"), ""),
            (format!("name = \"\"\"\n\n{secret}\"\"\""), "name"),
        ] {
            let found = refused(&text);
            assert!(
                matches!(&found[..], [(at, rule)] if at == key && rule.contains("a Stripe key") && !rule.contains(&secret)),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(shortened(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(shortened(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
        assert!(displayed(&"x".repeat(10_000_000)).len() <= MAX_SEARCHED);
        assert_eq!(displayed("a\nb\u{9b}c"), "a\\u{a}b\\u{9b}c");
    }
}
