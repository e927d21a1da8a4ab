//! Texts before the gate: our words and foreign text, kept apart.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::clean::clean;
use super::gate::Text;
use super::redact::{Cut, Redact};
use super::subject::Subject;

/// A text in pieces, before it passes the gate. Made by [`phrase!`](crate::phrase).
///
/// *Foreign* is whatever did not come from our code or our settings: bodies, headers, names of certificates, errors of
/// servers, ids, names of queues and tasks. Our words are never masked, so that a cookie named like one of them does not
/// make a message unreadable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phrase(Vec<Piece>);

/// One piece of a [`Phrase`], from [`ours`] or [`foreign`].
#[derive(Clone, PartialEq)]
pub struct Piece {
    text: Cow<'static, str>,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Origin {
    Ours,
    Foreign {
        cut: Cut,
        /// Maximum length in characters.
        limit: usize,
    },
}

/// Makes a piece of a value from our settings, or of a number that needs a format. It is cleaned, and not masked.
#[must_use]
pub fn ours(value: impl Display) -> Piece {
    Piece { text: Cow::Owned(clean(&value.to_string()).into_owned()), origin: Origin::Ours }
}

/// Makes a piece of foreign text, of which only the first 16 KB are looked at.
#[must_use]
pub fn foreign(text: impl AsRef<str>) -> Piece {
    foreign_around(text.as_ref(), 0)
}

/// Makes a piece of foreign text that begins 60 characters before a position.
#[must_use]
pub fn foreign_around(text: &str, at: usize) -> Piece {
    let before = text[..text.floor_char_boundary(at)].char_indices().rev().take(LEAD).last();
    let start = before.map_or(0, |(index, _)| index);
    let end = text.floor_char_boundary(start.saturating_add(WINDOW));
    let cut = Cut { start: start > 0, end: end < text.len() };
    Piece { text: Cow::Owned(text[start..end].to_owned()), origin: Origin::Foreign { cut, limit: usize::MAX } }
}

/// Characters shown before a position.
const LEAD: usize = 60;

/// Bytes of a foreign text that are looked at: much more than any place shows, since white space folds and secrets are
/// masked.
const WINDOW: usize = 16 * 1024;

impl Piece {
    /// Limits a foreign piece to this number of characters, where its place would allow more.
    #[must_use]
    pub fn at_most(mut self, characters: usize) -> Self {
        if let Origin::Foreign { limit, .. } = &mut self.origin {
            *limit = characters;
        }
        self
    }
}

/// Omits foreign text, which may hold secrets.
impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            Origin::Ours => write!(f, "{:?}", self.text),
            Origin::Foreign { .. } => write!(f, "{} bytes of foreign text", self.text.len()),
        }
    }
}

impl Phrase {
    /// Puts phrases into the holes `{}` of a sentence. [`phrase!`](crate::phrase) checks their number. Foreign text that is empty
    /// is shown as `(empty)`, since a sentence with a gap misleads.
    #[must_use]
    pub fn join<const N: usize>(words: &'static str, phrases: [Self; N]) -> Self {
        let mut pieces = Vec::with_capacity(2 * N + 1);
        let mut phrases = phrases.into_iter();
        let is_sentence = words != "{}";
        for words in words.split("{}") {
            if !words.is_empty() {
                pieces.push(Piece { text: Cow::Borrowed(words), origin: Origin::Ours });
            }
            match phrases.next() {
                Some(phrase) if is_sentence && phrase.is_blank() => pieces.extend(Self::from("(empty)").0),
                Some(phrase) => pieces.extend(phrase.0),
                None => {}
            }
        }
        Self(pieces)
    }

    /// Joins phrases with words between them.
    #[must_use]
    pub fn list(phrases: impl IntoIterator<Item = Self>, between: &'static str) -> Self {
        let mut joined = Self::default();
        for phrase in phrases {
            if !joined.0.is_empty() {
                joined.0.extend(Self::from(between).0);
            }
            joined.0.extend(phrase.0);
        }
        joined
    }

    /// Number of holes in a sentence.
    #[must_use]
    pub const fn holes(words: &str) -> usize {
        let (bytes, mut holes, mut i) = (words.as_bytes(), 0, 0);
        while i + 1 < bytes.len() {
            if bytes[i] == b'{' && bytes[i + 1] == b'}' {
                holes += 1;
            }
            i += 1;
        }
        holes
    }

    /// True without any text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|piece| piece.text.is_empty())
    }

    /// True for foreign text without any letter.
    fn is_blank(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|piece| piece.origin != Origin::Ours && piece.text.trim().is_empty())
    }

    /// Lets the text through the gate: masks secrets in its foreign pieces, cleans them, and shortens them so that the whole
    /// has at most `limit` characters and our words stay.
    #[must_use]
    pub fn admit(self, redactor: &dyn Redact, limit: usize) -> Text {
        let is_ours = |piece: &&Piece| piece.origin == Origin::Ours;
        let mut foreign = self.0.iter().filter(|piece| !is_ours(piece)).count();
        let words: usize = self.0.iter().filter(is_ours).map(|piece| piece.text.chars().count()).sum();
        let mut room = limit.saturating_sub(words);
        let mut text = Text::default();
        for piece in self.0 {
            match piece.origin {
                Origin::Ours => text.push_own(&piece.text),
                Origin::Foreign { cut, limit } => {
                    // An equal share of what is left.
                    let share = (room / foreign).min(limit);
                    foreign -= 1;
                    room -= text.push_foreign(&redactor.redact(&piece.text, cut), cut, share);
                }
            }
        }
        text.cut(limit);
        text
    }
}

/// Makes a [`Phrase`]: a sentence with holes `{}`, and a piece for each.
///
/// A piece is a literal, a whole number, a [`Subject`], [`ours`] or [`foreign`] text, or another phrase. A `String` is
/// refused, since it does not say where it comes from:
///
/// ```
/// use check::{foreign, phrase};
/// let status = 500;
/// let _ = phrase!("status {} {}", status, foreign("Internal Server Error"));
/// ```
///
/// ```compile_fail
/// use check::phrase;
/// let name = String::from("Internal Server Error");
/// let _ = phrase!("status {}", name);
/// ```
///
/// ```compile_fail
/// use check::phrase;
/// let _ = phrase!("status {} {}", 500);
/// ```
#[macro_export]
macro_rules! phrase {
    ($words:literal $(, $piece:expr)* $(,)?) => {{
        const PIECES: usize = <[&str]>::len(&[$(::core::stringify!($piece)),*]);
        const { ::core::assert!($crate::Phrase::holes($words) == PIECES, "a sentence needs a piece for each hole") };
        $crate::Phrase::join($words, [$($crate::Phrase::from($piece)),*])
    }};
}

impl From<Piece> for Phrase {
    fn from(piece: Piece) -> Self {
        Self(vec![piece])
    }
}

impl From<&'static str> for Phrase {
    fn from(words: &'static str) -> Self {
        Self(vec![Piece { text: Cow::Borrowed(words), origin: Origin::Ours }])
    }
}

/// Quotes an admitted text; its foreign pieces pass the gate again.
impl From<&Text> for Phrase {
    fn from(text: &Text) -> Self {
        let piece = |(text, cut): (&str, Option<Cut>)| {
            let origin = cut.map_or(Origin::Ours, |cut| Origin::Foreign { cut, limit: usize::MAX });
            Piece { text: Cow::Owned(text.to_owned()), origin }
        };
        Self(text.pieces().into_iter().map(piece).collect())
    }
}

impl From<&Subject> for Phrase {
    fn from(subject: &Subject) -> Self {
        ours(subject).into()
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Phrase {
            fn from(number: $number) -> Self {
                ours(number).into()
            }
        }
    )*};
}

from_numbers!(u16, u32, u64, u128, usize, i32, i64, i128);

#[cfg(test)]
mod tests;
