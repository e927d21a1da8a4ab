//! Reading a table into a plain struct. What does not fit is noted and taken out, and the rest is read again, so that the
//! first mistake does not hide the second.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::document::Part;

/// One thing in a table that does not fit.
pub(super) struct Misfit {
    /// Where it stands, within the table. Empty when that cannot be told.
    pub(super) path: Vec<Part>,
    /// Where it stands in the file, in bytes.
    pub(super) offset: usize,
    /// What was expected, and what was seen.
    pub(super) rule: String,
    /// Whether there is no such key, so that its value may be anything.
    pub(super) is_unknown: bool,
}

/// Reads a table. `siblings` are keys of the same table that are read elsewhere: whoever misspells a key is told of all.
pub(super) fn read<T: DeserializeOwned + Default>(
    mut table: Spanned<DeTable<'_>>,
    siblings: &[&str],
) -> (T, Vec<Misfit>) {
    let mut misfits = Vec::new();
    loop {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) => return (value, misfits),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default();
        let Some(Taken { path, seen }) = take_out(table.get_mut(), &span) else {
            // Nothing to take out: it is said as it is, and left at that.
            let rule = in_our_words(message, None);
            misfits.push(Misfit { path: Vec::new(), offset: span.start, rule, is_unknown: false });
            return (T::default(), misfits);
        };
        let unknown = unknown_key(message, if path.len() == 1 { siblings } else { &[] });
        let is_unknown = unknown.is_some();
        let rule = unknown.unwrap_or_else(|| in_our_words(message, Some(seen)));
        misfits.push(Misfit { path, offset: span.start, rule, is_unknown });
    }
}

/// What was taken out of a table.
struct Taken {
    path: Vec<Part>,
    /// What it was, in words.
    seen: &'static str,
}

impl Taken {
    fn within(mut self, part: Part) -> Self {
        self.path.insert(0, part);
        self
    }
}

/// Takes the key or value out whose span it is. Tables are searched whatever their own span, which is that of their header
/// only.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<Taken> {
    let keys: Vec<_> = table.keys().cloned().collect();
    for key in keys {
        let name = Part::Key(key.get_ref().to_string());
        let Some(value) = table.get_mut(&key) else { continue };
        if key.span() == *span || value.span() == *span {
            let seen = type_of(value);
            table.remove(&key);
            return Some(Taken { path: vec![name], seen });
        }
        let inner = match value.get_mut() {
            DeValue::Table(inner) => take_out(inner, span),
            DeValue::Array(items) => take_out_of(items, span),
            _ => None,
        };
        if let Some(inner) = inner {
            return Some(inner.within(name));
        }
    }
    None
}

/// The same for a list. An item of a list of tables leaves an empty table, so that the others keep their place; any other
/// is taken out, and the path is that of the list.
fn take_out_of(items: &mut DeArray<'_>, span: &Range<usize>) -> Option<Taken> {
    for (index, item) in items.iter_mut().enumerate() {
        let inner = match item.get_mut() {
            DeValue::Table(inner) => take_out(inner, span),
            DeValue::Array(inner) => take_out_of(inner, span),
            _ => None,
        };
        if let Some(inner) = inner {
            return Some(inner.within(Part::Index(index)));
        }
    }
    let among_tables = items.iter().any(|item| item.get_ref().is_table());
    let (index, item) = items.iter_mut().enumerate().find(|(_, item)| item.span() == *span)?;
    let seen = type_of(item);
    if among_tables && !item.get_ref().is_table() {
        *item.get_mut() = DeValue::Table(DeTable::new());
        return Some(Taken { path: vec![Part::Index(index)], seen });
    }
    let all = std::mem::replace(items, DeArray::new());
    *items = all.into_iter().enumerate().filter(|(place, _)| *place != index).map(|(_, item)| item).collect();
    Some(Taken { path: Vec::new(), seen })
}

/// The type of a value, in words.
pub(super) fn type_of(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        // Written `[[key]]`: the span of such a list is that of its first table's header.
        DeValue::Array(items) if items.first().is_some_and(|item| item.span() == value.span()) => "a list of tables",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The rule that a key is unknown, with those that are known; `None` when the message is about something else.
fn unknown_key(message: &str, siblings: &[&str]) -> Option<String> {
    let (_, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    // Every second part stands between backticks.
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).chain(siblings.iter().copied()).collect();
    Some(format!("there is no such key; there are {}", known.join(", ")))
}

/// What serde says, without the names of Rust's types. `taken` is what was taken out.
fn in_our_words(message: &str, taken: Option<&str>) -> String {
    if let Some(taken) = taken.filter(|_| message == "wanted string or table") {
        return format!("expected a string, saw {taken}");
    }
    if let Some((variant, known)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("expected {known}, saw {variant}");
    }
    let Some((seen, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return message.to_owned();
    };
    let expected = match expected {
        "a map" => "a table",
        "a sequence" => "a list",
        "u8" => "a whole number of 0 to 255",
        "u16" => "a whole number of 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, not negative",
        "i32" | "i64" => "a whole number",
        "f64" => "a number",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    if let Some(list @ "a list of tables") = taken.filter(|_| seen == "map") {
        // Serde takes a list for a struct, and complains of its first item.
        return format!("expected a table, saw {list}");
    }
    let seen = match seen {
        "map" if taken == Some("a date") => "a date",
        "map" => "a table",
        "sequence" => "a list",
        other => other.trim_end_matches(" as i128"),
    };
    let seen = seen.replace("floating point", "number");
    format!("expected {expected}, saw {seen}")
}
