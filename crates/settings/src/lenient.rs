//! Lenient deserialization of a table into a plain struct. Each mismatch is recorded and removed, and the rest is read
//! again, so that the first mistake does not hide the second.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use crate::document::type_name;
use crate::names::{renamed, unknown};
use crate::problem::Part;

/// One value of the wrong type, or one unknown key.
pub(crate) struct TypeMismatch {
    /// Path within the table. Empty when unknown.
    pub(crate) path: Vec<Part>,
    /// Offset in the file. **Units:** bytes.
    pub(crate) offset: usize,
    /// Expected and found value.
    pub(crate) rule: String,
    /// True if the key is unknown, so that its value may be anything.
    pub(crate) is_unknown: bool,
}

/// Reads the table at `around`. `siblings` are keys of the same table read elsewhere: an error about a misspelt key
/// lists them too.
pub(crate) fn read<T: DeserializeOwned + Default>(
    mut table: Spanned<DeTable<'_>>,
    around: &[Part],
    siblings: &[&str],
) -> (T, Vec<TypeMismatch>) {
    let mut mismatches = Vec::new();
    loop {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) => return (value, mismatches),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default();
        let Some(Removed { path, found }) = remove_from_table(table.get_mut(), &span) else {
            // Nothing to remove: the error is reported and reading ends.
            let rule = without_rust_types(message, None);
            mismatches.push(TypeMismatch { path: Vec::new(), offset: span.start, rule, is_unknown: false });
            return (T::default(), mismatches);
        };
        let known = known_keys(message, if path.len() == 1 { siblings } else { &[] });
        let is_unknown = known.is_some();
        let rule = known.map_or_else(
            || without_rust_types(message, Some(found)),
            |known| match (renamed(&[around, &path].concat()), path.last()) {
                (Some(new), _) => format!("this key was renamed: write `{new}`"),
                (None, Some(Part::Key(name))) => unknown("key", name, &known),
                (None, _) => format!("unknown key; known: {}", known.join(", ")),
            },
        );
        mismatches.push(TypeMismatch { path, offset: span.start, rule, is_unknown });
    }
}

/// A value removed from a table.
struct Removed {
    path: Vec<Part>,
    /// Type of the value.
    found: &'static str,
}

impl Removed {
    fn within(mut self, part: Part) -> Self {
        self.path.insert(0, part);
        self
    }
}

/// Removes the key or value with this span. Tables are searched regardless of their span, which covers only their
/// header.
fn remove_from_table(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<Removed> {
    let keys: Vec<_> = table.keys().cloned().collect();
    for key in keys {
        let name = Part::Key(key.get_ref().to_string());
        let Some(value) = table.get_mut(&key) else { continue };
        if key.span() == *span || value.span() == *span {
            let found = type_name(value);
            table.remove(&key);
            return Some(Removed { path: vec![name], found });
        }
        let inner = match value.get_mut() {
            DeValue::Table(inner) => remove_from_table(inner, span),
            DeValue::Array(items) => remove_from_list(items, span),
            _ => None,
        };
        if let Some(inner) = inner {
            return Some(inner.within(name));
        }
    }
    None
}

/// Removes the list item with this span. In a list of tables, an empty table takes its place, so that the others keep
/// their index. Any other item is dropped, and the path is the list's.
fn remove_from_list(items: &mut DeArray<'_>, span: &Range<usize>) -> Option<Removed> {
    for (index, item) in items.iter_mut().enumerate() {
        let inner = match item.get_mut() {
            DeValue::Table(inner) => remove_from_table(inner, span),
            DeValue::Array(inner) => remove_from_list(inner, span),
            _ => None,
        };
        if let Some(inner) = inner {
            return Some(inner.within(Part::Index(index)));
        }
    }
    let among_tables = items.iter().any(|item| item.get_ref().is_table());
    let (index, item) = items.iter_mut().enumerate().find(|(_, item)| item.span() == *span)?;
    let found = type_name(item);
    if among_tables && !item.get_ref().is_table() {
        *item.get_mut() = DeValue::Table(DeTable::new());
        return Some(Removed { path: vec![Part::Index(index)], found });
    }
    let all = std::mem::replace(items, DeArray::new());
    *items = all.into_iter().enumerate().filter(|(place, _)| *place != index).map(|(_, item)| item).collect();
    Some(Removed { path: Vec::new(), found })
}

/// Known keys from a message about an unknown one; `None` for any other message.
fn known_keys<'m>(message: &'m str, siblings: &[&'m str]) -> Option<Vec<&'m str>> {
    let (_, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    // Every second part is between backticks.
    Some(known.split('`').skip(1).step_by(2).chain(siblings.iter().copied()).collect())
}

/// Serde's message without the names of Rust types. `removed` is the type of the removed value.
fn without_rust_types(message: &str, removed: Option<&str>) -> String {
    if let Some(removed) = removed.filter(|_| message == "wanted string or table") {
        return format!("expected a string, found {removed}");
    }
    if let Some((variant, known)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("expected {known}, found {variant}");
    }
    let Some((found, expected)) = message
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
    if let Some(list @ "a list of tables") = removed.filter(|_| found == "map") {
        // Serde accepts a list for a struct, and complains about its first item.
        return format!("expected a table, found {list}");
    }
    let found = match found {
        "map" if removed == Some("a date") => "a date",
        "map" => "a table",
        "sequence" => "a list",
        other => other.trim_end_matches(" as i128"),
    };
    let found = found.replace("floating point", "number");
    format!("expected {expected}, found {found}")
}
