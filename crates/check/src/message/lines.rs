//! Lines of a message, each in a form that every medium lays out for itself.

use std::borrow::Cow;
use std::fmt::Display;

use crate::model::printable;

/// One paragraph of a message. Whatever its texts contain, it stays one paragraph.
pub(super) enum Line {
    /// Separates groups of lines.
    Empty,
    /// A sentence or a heading, mostly in our own words.
    Sentence(String),
    /// A value with its label.
    Field(&'static str, String),
    /// One more value of the field above.
    More(String),
}

impl Line {
    pub(super) fn sentence(text: impl Display) -> Self {
        Self::Sentence(on_one_line(&text.to_string()))
    }

    pub(super) fn field(label: &'static str, value: impl Display) -> Self {
        Self::Field(label, on_one_line(&value.to_string()))
    }

    pub(super) fn more(value: impl Display) -> Self {
        Self::More(on_one_line(&value.to_string()))
    }

    /// A field with one value for each line of a text.
    pub(super) fn fields<'v>(label: &'static str, values: impl IntoIterator<Item = &'v str>) -> Vec<Self> {
        let mut values = values.into_iter();
        let first = Self::field(label, values.next().unwrap_or_default());
        std::iter::once(first).chain(values.map(Self::more)).collect()
    }

    /// The line in a mail, aligned for a font of equal widths.
    pub(super) fn in_mail(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Sentence(text) => text.clone(),
            Self::Field(label, value) => format!("  {label:<9}  {value}"),
            Self::More(value) => format!("             {value}"),
        }
    }
}

/// Escapes what a mail program would interpret, line breaks included.
pub(super) fn on_one_line(text: &str) -> String {
    match printable(text) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}
