//! Decoded views of a text.

use std::ops::Range;

use check::Cut;

use super::{
    binary,
    escape::{Decoded, Escapes, Kind, LONGEST_REMAINS},
};

/// Bytes, with the part of the original text that each one comes from.
///
/// Searching the decoded text finds every spelling of a secret. Encoding the secret instead would have to guess which
/// characters an encoder left unchanged.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    origins: Vec<Origin>,
    pub(super) kind: Kind,
    /// Ends of the text that are cut off and that this view reaches. Only the remains of an escape can be missing there.
    pub(super) cut: Cut,
    /// Length of the original text.
    length: usize,
}

/// Part of the original text.
#[derive(Clone, Copy)]
struct Origin {
    start: usize,
    end: usize,
}

impl View {
    pub(super) fn new(text: &str, cut: Cut) -> Self {
        let origins = (0..text.len()).map(|start| Origin { start, end: start + 1 }).collect();
        Self { bytes: text.as_bytes().to_vec(), origins, kind: Kind::Text, cut, length: text.len() }
    }

    /// Range in the original text. At a cut end, it includes the remains of an escape.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        let Some([first, ..]) = self.origins.get(range.clone()) else { return 0..0 };
        let start = if self.cut.start && range.start == 0 { 0 } else { first.start };
        let end =
            if self.cut.end && range.end == self.bytes.len() { self.length } else { self.origins[range.end - 1].end };
        start..end
    }

    /// View with the escapes decoded, if there are any.
    pub(super) fn unescaped(&self, escapes: &Escapes) -> Option<Self> {
        let mut view = None;
        let (mut copied, mut at) = (0, 0);
        while let Some(skipped) = (escapes.next)(&self.bytes[at..]) {
            let start = at + skipped;
            let rest = &self.bytes[start..];
            let (decoded, length) = match (escapes.decode)(rest) {
                Some(escape) => escape,
                // The rest of the escape was cut off.
                None if self.cut.end && (escapes.is_cut)(rest) => (Decoded::default(), rest.len()),
                None => {
                    at = start + 1;
                    continue;
                }
            };
            let view = view.get_or_insert_with(|| self.child(escapes.kind, self.cut));
            view.copy(self, copied..start);
            let origin = Origin { start: self.origins[start].start, end: self.origins[start + length - 1].end };
            for byte in decoded.as_slice() {
                view.push(*byte, origin);
            }
            at = start + length;
            copied = at;
        }
        view.as_mut()?.copy(self, copied..self.bytes.len());
        view
    }

    /// View without a backslash at the cut start of the text, if it may be the second one of a pair. Otherwise all pairs that
    /// follow it would be read wrongly.
    pub(super) fn without_half_escape(&self) -> Option<Self> {
        if !self.cut.start {
            return None;
        }
        // The remains of an outer escape may precede it.
        let first = self.bytes.iter().take(LONGEST_REMAINS).position(|byte| *byte == b'\\')?;
        if !self.bytes[first..].starts_with(br"\\") {
            return None;
        }
        let mut view = self.child(self.kind, self.cut);
        view.copy(self, 0..first);
        view.copy(self, first + 1..self.bytes.len());
        Some(view)
    }

    /// Parts of a binary view that are text, since random bytes hold no further encodings. Most Base64 letters are
    /// ordinary words.
    pub(super) fn readable(&self) -> Option<Self> {
        let mut view: Option<Self> = None;
        let (mut at, mut end) = (0, 0);
        for chunk in self.bytes.utf8_chunks() {
            let part = at..at + chunk.valid().len();
            at = part.end + chunk.invalid().len();
            if part.len() < binary::SHORTEST {
                continue;
            }
            // The remains of an escape may precede it.
            let cut = Cut { start: self.cut.start && part.start <= 3, end: false };
            let view = view.get_or_insert_with(|| self.child(self.kind, cut));
            view.separate(self.origins[part.start]);
            view.copy(self, part.clone());
            end = part.end;
        }
        let mut view = view?;
        // The rest of a character may be cut off.
        view.cut.end = self.cut.end && end + 4 > self.bytes.len();
        Some(view)
    }

    /// Views of the bytes that Base64 and hexadecimal digits encode, one for each possible position of the first byte.
    pub(super) fn binary(&self) -> impl Iterator<Item = Self> {
        binary::ALPHABETS.iter().flat_map(move |alphabet| {
            let runs = alphabet.runs(&self.bytes);
            alphabet.shifts.iter().filter_map(move |shift| {
                let (first, last) = (runs.first()?, runs.last()?);
                let cut = Cut {
                    start: self.cut.start && first.start == 0,
                    end: self.cut.end && last.end == self.bytes.len(),
                };
                let mut view = self.child(Kind::Binary, cut);
                for run in &runs {
                    view.separate(self.origins[run.start]);
                    alphabet.decode(&self.bytes[run.clone()], *shift, |byte, digits| {
                        let start = self.origins[run.start + digits.start].start;
                        let end = self.origins[run.start + digits.end - 1].end;
                        view.push(byte, Origin { start, end });
                    });
                }
                Some(view)
            })
        })
    }

    fn child(&self, kind: Kind, cut: Cut) -> Self {
        let kind = self.kind.max(kind);
        let capacity = self.bytes.len();
        let (bytes, origins) = (Vec::with_capacity(capacity), Vec::with_capacity(capacity));
        Self { bytes, origins, kind, cut, length: self.length }
    }

    fn push(&mut self, byte: u8, origin: Origin) {
        self.bytes.push(byte);
        self.origins.push(origin);
    }

    /// Separates two parts by a byte that neither of them contains.
    fn separate(&mut self, next: Origin) {
        if !self.bytes.is_empty() {
            self.push(b' ', Origin { start: next.start, end: next.start });
        }
    }

    fn copy(&mut self, from: &Self, range: Range<usize>) {
        self.bytes.extend_from_slice(&from.bytes[range.clone()]);
        self.origins.extend_from_slice(&from.origins[range]);
    }
}
