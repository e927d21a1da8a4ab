//! Reading a table into a plain struct. What does not fit is noted and taken out, and the rest is read again, so that the
//! first mistake does not hide the second.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::document::Part;
use super::names::{renamed, unknown};

/// One thing in a table that does not fit.
pub(super) struct TypeMismatch {
    /// Where it stands, within the table. Empty when that cannot be told.
    pub(super) path: Vec<Part>,
    /// Where it stands in the file, in bytes.
    pub(super) offset: usize,
    /// What was expected, and what was seen.
    pub(super) rule: String,
    /// Whether there is no such key, so that its value may be anything.
    pub(super) is_unknown: bool,
}

/// Reads the table at `around`. `siblings` are keys of the same table that are read elsewhere: an error about a misspelt key
/// names them too.
pub(super) fn read<T: DeserializeOwned + Default>(
    mut table: Spanned<DeTable<'_>>,
    around: &[Part],
    siblings: &[&str],
) -> (T, Vec<TypeMismatch>) {
    let mut misfits = Vec::new();
    loop {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) => return (value, misfits),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default();
        let Some(Taken { path, actual }) = take_out(table.get_mut(), &span) else {
            // Nothing to take out: it is said as it is, and left at that.
            let rule = without_rust_types(message, None);
            misfits.push(TypeMismatch { path: Vec::new(), offset: span.start, rule, is_unknown: false });
            return (T::default(), misfits);
        };
        let known = known_keys(message, if path.len() == 1 { siblings } else { &[] });
        let is_unknown = known.is_some();
        let rule = known.map_or_else(
            || without_rust_types(message, Some(actual)),
            |known| match (renamed(&[around, &path].concat()), path.last()) {
                (Some(new), _) => format!("this key was renamed: write `{new}`"),
                (None, Some(Part::Key(name))) => unknown("key", name, &known),
                (None, _) => format!("unknown key; known: {}", known.join(", ")),
            },
        );
        misfits.push(TypeMismatch { path, offset: span.start, rule, is_unknown });
    }
}

/// What was taken out of a table.
struct Taken {
    path: Vec<Part>,
    /// What it was, in words.
    actual: &'static str,
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
            let actual = type_of(value);
            table.remove(&key);
            return Some(Taken { path: vec![name], actual });
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
    let actual = type_of(item);
    if among_tables && !item.get_ref().is_table() {
        *item.get_mut() = DeValue::Table(DeTable::new());
        return Some(Taken { path: vec![Part::Index(index)], actual });
    }
    let all = std::mem::replace(items, DeArray::new());
    *items = all.into_iter().enumerate().filter(|(place, _)| *place != index).map(|(_, item)| item).collect();
    Some(Taken { path: Vec::new(), actual })
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

/// Keys that are known where an unknown one was found; `None` when the message is about something else.
fn known_keys<'m>(message: &'m str, siblings: &[&'m str]) -> Option<Vec<&'m str>> {
    let (_, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    // Every second part is between backticks.
    Some(known.split('`').skip(1).step_by(2).chain(siblings.iter().copied()).collect())
}

/// What serde says, without the names of Rust's types. `taken` is what was taken out.
fn without_rust_types(message: &str, taken: Option<&str>) -> String {
    if let Some(taken) = taken.filter(|_| message == "wanted string or table") {
        return format!("expected a string, found {taken}");
    }
    if let Some((variant, known)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("expected {known}, found {variant}");
    }
    let Some((actual, expected)) = message
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
    if let Some(list @ "a list of tables") = taken.filter(|_| actual == "map") {
        // Serde takes a list for a struct, and complains of its first item.
        return format!("expected a table, found {list}");
    }
    let actual = match actual {
        "map" if taken == Some("a date") => "a date",
        "map" => "a table",
        "sequence" => "a list",
        other => other.trim_end_matches(" as i128"),
    };
    let actual = actual.replace("floating point", "number");
    format!("expected {expected}, found {actual}")
}
