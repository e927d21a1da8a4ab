//! Texts that have passed the gate.

use std::fmt;
use std::ops::{Deref, Range};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::clean::clean;
use super::redact::{Cut, Redact};

const ELLIPSIS: char = '…';

/// A text whose foreign pieces are redacted, cleaned and bounded. Only [`Phrase::admit`](super::Phrase::admit) makes one, so
/// whatever holds a `Text` is safe to log, store and send.
///
/// It remembers which of its characters are foreign, so that secrets learned later can still be masked. A text that was read
/// back from JSON does not: it is cleaned and bounded again, and counts as ours.
#[derive(Clone, Default, JsonSchema)]
#[schemars(with = "String", inline)]
pub struct Text {
    whole: String,
    /// Foreign characters, in order; without the `…` of a cut.
    foreign: Vec<Foreign>,
}

#[derive(Clone, Debug)]
struct Foreign {
    range: Range<usize>,
    cut: Cut,
}

impl Text {
    /// Maximum length of a text that is read back, in characters.
    const MAX_STORED: usize = 2_000;

    /// A fixed text, which needs no gate.
    #[must_use]
    pub fn own(words: &'static str) -> Self {
        Self { whole: words.to_owned(), foreign: Vec::new() }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// Masks secrets that became known after the text passed the gate.
    #[must_use]
    pub fn masked(&self, redactor: &dyn Redact) -> Self {
        let mut masked = Self::default();
        let mut done = 0;
        for Foreign { range, cut } in &self.foreign {
            masked.whole.push_str(&self.whole[done..range.start]);
            masked.push_span(&redactor.redact(&self.whole[range.clone()], *cut), *cut);
            done = range.end;
        }
        masked.whole.push_str(&self.whole[done..]);
        masked.cut(self.whole.chars().count().max(MIN_MASKED));
        masked
    }

    /// Shortens the text to at most `limit` characters.
    pub fn cut(&mut self, limit: usize) {
        let Some((end, _)) = self.whole.char_indices().nth(limit.saturating_sub(1)) else { return };
        if self.whole[end..].chars().nth(1).is_none() && limit > 0 {
            return;
        }
        self.whole.truncate(end);
        self.foreign.retain_mut(|piece| {
            if piece.range.end > end {
                piece.range.end = end;
                piece.cut.end = true;
            }
            !piece.range.is_empty()
        });
        if limit > 0 {
            self.whole.push(ELLIPSIS);
        }
    }

    /// Pieces of the text: our words, and foreign pieces with their cuts, without the `…` of a cut.
    pub(super) fn pieces(&self) -> Vec<(&str, Option<Cut>)> {
        let mut pieces = Vec::with_capacity(2 * self.foreign.len() + 1);
        let (mut done, mut after_cut) = (0, false);
        for Foreign { range, cut } in &self.foreign {
            let words = &self.whole[done..range.start];
            pieces.push((without_ellipses(words, after_cut, cut.start), None));
            pieces.push((&self.whole[range.clone()], Some(*cut)));
            (done, after_cut) = (range.end, cut.end);
        }
        pieces.push((without_ellipses(&self.whole[done..], after_cut, false), None));
        pieces
    }

    pub(super) fn push_own(&mut self, words: &str) {
        self.whole.push_str(words);
    }

    /// Adds redacted foreign text: cleans it and shortens it to `room` characters. Returns the number of characters added.
    pub(super) fn push_foreign(&mut self, redacted: &str, mut cut: Cut, room: usize) -> usize {
        let clean = clean(redacted);
        let mut clean = clean.trim();
        let before = self.whole.chars().count();
        let ends = usize::from(cut.start) + usize::from(cut.end);
        if clean.chars().count() + ends > room {
            let kept = room.saturating_sub(usize::from(cut.start) + 1);
            clean = clean.char_indices().nth(kept).map_or(clean, |(end, _)| &clean[..end]);
            cut.end = true;
        }
        if clean.is_empty() {
            return 0;
        }
        self.whole.extend(cut.start.then_some(ELLIPSIS));
        self.push_span(clean, cut);
        self.whole.extend(cut.end.then_some(ELLIPSIS));
        self.whole.chars().count() - before
    }

    fn push_span(&mut self, text: &str, cut: Cut) {
        let start = self.whole.len();
        self.whole.push_str(text);
        self.foreign.push(Foreign { range: start..self.whole.len(), cut });
    }
}

fn without_ellipses(words: &str, at_start: bool, at_end: bool) -> &str {
    let words = if at_start { words.strip_prefix(ELLIPSIS).unwrap_or(words) } else { words };
    if at_end { words.strip_suffix(ELLIPSIS).unwrap_or(words) } else { words }
}

/// Length to which masking may extend a shorter text, in characters: a mask is longer than some secrets.
const MIN_MASKED: usize = 40;

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.whole
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.whole)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.whole)
    }
}

/// Compares what people see.
impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.whole == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.whole == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.whole == *other
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.whole)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = String::deserialize(deserializer)?;
        let lines: Vec<_> = stored.split('\n').map(|line| clean(line).into_owned()).collect();
        let mut text = Self { whole: lines.join("\n"), foreign: Vec::new() };
        text.cut(Self::MAX_STORED);
        Ok(text)
    }
}
