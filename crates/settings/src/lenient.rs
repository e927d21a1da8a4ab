//! Lenient deserialization of a table into a plain struct. Each mismatch is recorded and left out, and the rest is read,
//! so that the first mistake does not hide the second.
//!
//! A first pass reads an empty value in place of each one of the wrong type, and collects them all; the next reads the
//! table without them. So the time is linear in the size of the table, however many mistakes it has.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, Unexpected};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use crate::document::type_name;
use crate::names::{renamed, unknown};
use crate::problem::{LISTED, Part};
use crate::texts::shortened;

/// Most values reported that fit the type but break its rule: each needs another pass.
const MAX_REFUSED: usize = 100;

/// One value of the wrong type, or one unknown key.
#[derive(Debug)]
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
    table: Spanned<DeTable<'_>>,
    around: &[Part],
    siblings: &[&str],
) -> (T, Vec<TypeMismatch>) {
    let table = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let mut mismatches = Vec::new();
    let mut left_out = HashSet::new();
    for _ in 0..MAX_REFUSED + 2 {
        let reading =
            Reading { around, siblings, left_out: &left_out, path: RefCell::default(), found: RefCell::default() };
        let read = T::deserialize(Place { value: &table, reading: &reading });
        let mut found = reading.found.into_inner();
        match read {
            Ok(value) if found.is_empty() => return (value, mismatches),
            Ok(_) => {}
            Err(Refused { at: Some((id, span, mismatch)), .. }) => {
                // Items of a list share its path.
                let is_around = |other: &TypeMismatch| {
                    other.path.starts_with(&mismatch.path)
                        && (other.path.len() > mismatch.path.len() || span.contains(&other.offset))
                };
                // It may be refused only because a wrong value within was replaced: the next pass shows.
                if !found.iter().any(|(_, other)| is_around(other)) {
                    if mismatches.iter().any(is_around) {
                        left_out.insert(id);
                    } else {
                        found.push((id, mismatch));
                    }
                }
            }
            Err(Refused { message, at: None }) => {
                let rule = without_rust_types(&message, None);
                mismatches.push(TypeMismatch { path: Vec::new(), offset: table.span().start, rule, is_unknown: false });
                break;
            }
        }
        left_out.extend(found.iter().map(|(id, _)| *id));
        mismatches.extend(found.into_iter().map(|(_, mismatch)| mismatch));
    }
    // The rest was not read, so no other problem of this table is reported.
    if let Some(last) = mismatches.last() {
        let (offset, rule) =
            (last.offset, "too many problems here; the rest is checked once these are fixed".to_owned());
        if !mismatches.iter().any(|mismatch| mismatch.path.is_empty()) {
            mismatches.push(TypeMismatch { path: Vec::new(), offset, rule, is_unknown: false });
        }
    }
    (T::default(), mismatches)
}

/// Identity of a value: its place in memory, where it stays while the table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Id(usize);

impl Id {
    fn from_place(value: &Spanned<DeValue<'_>>) -> Self {
        Self(std::ptr::from_ref(value).addr())
    }
}

/// One pass over a table.
struct Reading<'r> {
    around: &'r [Part],
    siblings: &'r [&'r str],
    /// Values known to be wrong.
    left_out: &'r HashSet<Id>,
    /// Path of the current value.
    path: RefCell<Vec<Part>>,
    found: RefCell<Vec<(Id, TypeMismatch)>>,
}

impl Reading<'_> {
    fn within<T>(&self, part: Option<Part>, read: impl FnOnce() -> T) -> T {
        let Some(part) = part else { return read() };
        self.path.borrow_mut().push(part);
        let result = read();
        self.path.borrow_mut().pop();
        result
    }

    fn unknown_key(&self, key: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>, known: &[&str]) {
        let name = key.get_ref().as_ref();
        let mut path = self.path.borrow().clone();
        path.push(Part::Key(name.to_owned()));
        let siblings = if path.len() == 1 { self.siblings } else { &[] };
        let mut found = self.found.borrow_mut();
        let rule = match renamed(self.around.iter().chain(&path)) {
            Some(new) => format!("this key was renamed: write `{new}`"),
            // Searching for a similar name is slow, and beyond this number the problem is only counted.
            None if found.len() >= LISTED => format!("unknown key \"{}\"", shortened(name)),
            None => unknown("key", name, &[known, siblings].concat(), ""),
        };
        let mismatch = TypeMismatch { path, offset: key.span().start, rule, is_unknown: true };
        found.push((Id::from_place(value), mismatch));
    }
}

/// A value in its table or list.
#[derive(Clone, Copy)]
struct Place<'v, 'r> {
    value: &'v Spanned<DeValue<'v>>,
    reading: &'r Reading<'r>,
}

/// A value that its type refused.
#[derive(Debug)]
struct Refused {
    message: String,
    /// `None` until the value around the error is known.
    at: Option<(Id, Range<usize>, TypeMismatch)>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), at: None }
    }
}

impl Place<'_, '_> {
    fn mismatch(self, message: &str) -> (Id, TypeMismatch) {
        let message = message.lines().next().unwrap_or_default();
        let rule = without_rust_types(message, Some(type_name(self.value)));
        let path = self.reading.path.borrow().clone();
        (Id::from_place(self.value), TypeMismatch { path, offset: self.value.span().start, rule, is_unknown: false })
    }

    /// Records a wrong value. The caller reads an empty one in its place.
    fn record(self, message: &str) {
        // One that is left out was recorded by an earlier pass.
        if !self.is_left_out() {
            self.reading.found.borrow_mut().push(self.mismatch(message));
        }
    }

    fn is_left_out(self) -> bool {
        self.reading.left_out.contains(&Id::from_place(self.value))
    }

    fn wrong_type(self, expected: &dyn Expected) {
        let found = match self.value.get_ref() {
            DeValue::String(text) => Unexpected::Str(text),
            DeValue::Integer(number) => match integer(number) {
                Some(number) => match (i64::try_from(number), u64::try_from(number)) {
                    (Ok(number), _) => Unexpected::Signed(number),
                    (_, Ok(number)) => Unexpected::Unsigned(number),
                    _ => Unexpected::Other("a number that is too large"),
                },
                None => Unexpected::Other("a number that is too large"),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Unexpected::Float(number),
                Err(_) => Unexpected::Other("a number"),
            },
            DeValue::Boolean(value) => Unexpected::Bool(*value),
            DeValue::Datetime(_) => Unexpected::Other("a date"),
            DeValue::Array(_) => Unexpected::Seq,
            DeValue::Table(_) => Unexpected::Map,
        };
        self.record(&Refused::invalid_type(found, expected).message);
    }

    /// Names the value in an error that its type reported.
    fn placed<T>(self, read: Result<T, Refused>) -> Result<T, Refused> {
        read.map_err(|Refused { message, at }| {
            let at = at.or_else(|| {
                let (id, mismatch) = self.mismatch(&message);
                Some((id, self.value.span(), mismatch))
            });
            Refused { message, at }
        })
    }

    fn whole_number<T: TryFrom<i128>>(self, expected: &dyn Expected) -> Option<T> {
        let DeValue::Integer(written) = self.value.get_ref() else {
            self.wrong_type(expected);
            return None;
        };
        let number = integer(written).and_then(|number| T::try_from(number).ok());
        if number.is_none() {
            self.record(&format!("invalid value: integer `{written}`, expected {expected}"));
        }
        number
    }

    /// A number that JSON and arithmetic know.
    fn number(self, expected: &dyn Expected) -> Option<f64> {
        match self.value.get_ref() {
            DeValue::Float(written) => {
                let number = written.as_str().parse().ok().filter(|number: &f64| number.is_finite());
                if number.is_none() {
                    self.record(&format!("invalid value: {written}, expected a finite number"));
                }
                number
            }
            DeValue::Integer(number) => integer(number).map(|number| number as f64),
            _ => {
                self.wrong_type(expected);
                None
            }
        }
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

macro_rules! deserialize_whole_number {
    ($($method:ident: $type:ty => $visit:ident,)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
                let number = self.whole_number::<$type>(&visitor).unwrap_or_default();
                self.placed(visitor.$visit(number))
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Place<'_, '_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.value.get_ref() {
            DeValue::String(_) => self.deserialize_str(visitor),
            DeValue::Boolean(_) => self.deserialize_bool(visitor),
            DeValue::Float(_) => self.deserialize_f64(visitor),
            DeValue::Array(_) => self.deserialize_seq(visitor),
            DeValue::Table(_) => self.deserialize_map(visitor),
            DeValue::Integer(written) => {
                // TOML knows no greater number, so it could not be written back.
                let number = integer(written).and_then(|number| i64::try_from(number).ok());
                if number.is_none() {
                    let rule = format!("expected a whole number of {} to {}", i64::MIN, i64::MAX);
                    self.record(&format!("{rule}, found `{written}`"));
                }
                self.placed(visitor.visit_i64(number.unwrap_or_default()))
            }
            DeValue::Datetime(_) => {
                self.record("invalid type: a date without quotes, expected a text in quotes");
                self.placed(visitor.visit_unit())
            }
        }
    }

    deserialize_whole_number! {
        deserialize_u8: u8 => visit_u8,
        deserialize_u16: u16 => visit_u16,
        deserialize_u32: u32 => visit_u32,
        deserialize_u64: u64 => visit_u64,
        deserialize_i8: i8 => visit_i8,
        deserialize_i16: i16 => visit_i16,
        deserialize_i32: i32 => visit_i32,
        deserialize_i64: i64 => visit_i64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let number = self.number(&visitor).unwrap_or_default();
        self.placed(visitor.visit_f64(number))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let DeValue::Boolean(value) = self.value.get_ref() else {
            self.wrong_type(&visitor);
            return self.placed(visitor.visit_bool(false));
        };
        self.placed(visitor.visit_bool(*value))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let DeValue::String(text) = self.value.get_ref() else {
            self.wrong_type(&visitor);
            return self.placed(visitor.visit_str(""));
        };
        self.placed(visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.placed(visitor.visit_some(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.placed(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let items: &[_] = match self.value.get_ref() {
            DeValue::Array(items) => items,
            _ => {
                self.wrong_type(&visitor);
                &[]
            }
        };
        // A list of tables keeps the index of each.
        let has_tables = items.iter().any(|item| item.get_ref().is_table());
        let items = Items { items: items.iter(), index: 0, has_tables, reading: self.reading };
        self.placed(visitor.visit_seq(items))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.table(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.table(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let name = match self.value.get_ref() {
            DeValue::String(name) => {
                let known = variants.iter().find(|variant| *variant == name);
                if known.is_none() {
                    self.record(&Refused::unknown_variant(name, variants).message);
                }
                known
            }
            _ => {
                self.record("wanted string or table");
                None
            }
        };
        let name: StrDeserializer<'_, Refused> =
            name.or(variants.first()).copied().unwrap_or_default().into_deserializer();
        self.placed(visitor.visit_enum(name))
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl<'v, 'r> Place<'v, 'r> {
    /// Reads a table. With `known` keys, others are recorded.
    fn table<'de, V: Visitor<'de>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let entries = match self.value.get_ref() {
            DeValue::Table(table) => Some(table.iter()),
            _ => {
                self.wrong_type(&visitor);
                None
            }
        };
        self.placed(visitor.visit_map(Entries { entries, current: None, known, reading: self.reading }))
    }
}

/// Items of a list.
struct Items<'v, 'r> {
    items: std::slice::Iter<'v, Spanned<DeValue<'v>>>,
    index: usize,
    has_tables: bool,
    reading: &'r Reading<'r>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        for value in self.items.by_ref() {
            let place = Place { value, reading: self.reading };
            let part = self.has_tables.then_some(Part::Index(self.index));
            self.index += 1;
            // In a list of tables, an empty one takes the place of something else, so that the others keep their index.
            if place.is_left_out() && (!self.has_tables || value.get_ref().is_table()) {
                continue;
            }
            return self.reading.within(part, || place.placed(seed.deserialize(place))).map(Some);
        }
        Ok(None)
    }
}

/// Entries of a table.
struct Entries<'v, 'r> {
    /// `None`: there is something else in its place.
    entries: Option<toml::map::Iter<'v, Spanned<DeString<'v>>, Spanned<DeValue<'v>>>>,
    current: Option<(&'v str, Place<'v, 'r>)>,
    known: Option<&'static [&'static str]>,
    reading: &'r Reading<'r>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        for (key, value) in self.entries.as_mut().into_iter().flatten() {
            let (name, place): (&str, _) = (key.get_ref(), Place { value, reading: self.reading });
            if place.is_left_out() {
                continue;
            }
            if let Some(known) = self.known.filter(|known| !known.contains(&name)) {
                self.reading.unknown_key(key, value, known);
                continue;
            }
            self.current = Some((name, place));
            let name: StrDeserializer<'_, Refused> = name.into_deserializer();
            return seed.deserialize(name).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let Some((name, place)) = self.current.take() else { return Err(Refused::custom("a value before its key")) };
        self.reading.within(Some(Part::Key(name.to_owned())), || place.placed(seed.deserialize(place)))
    }
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
    let found = match found {
        "map" => "a table",
        "sequence" if removed == Some("a list of tables") => "a list of tables",
        "sequence" => "a list",
        other => other.trim_end_matches(" as i128"),
    };
    let found = found.replace("floating point", "number");
    if (expected, found.as_str()) == ("a string", "a date") {
        return "expected a string, found a date; write it in quotes".to_owned();
    }
    format!("expected {expected}, found {found}")
}

#[cfg(test)]
mod tests;
