//! Search for the patterns of secrets in a view.

use std::{collections::BTreeMap, ops::Range, sync::OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::{
    escape::{Kind, LONGEST_NAME, LONGEST_REMAINS},
    spelling::{MIN_LENGTH, Reach},
    view::View,
};

/// Patterns prepared for the search.
pub(super) struct Search {
    automaton: AhoCorasick,
    /// Reach of each pattern.
    reach: Vec<Reach>,
    /// Patterns in order.
    beginnings: Vec<Vec<u8>>,
    /// Reversed patterns in order. Built on demand, since few texts are cut at their start.
    endings: OnceLock<Vec<Vec<u8>>>,
    longest: usize,
    /// True if a secret contains a space, which a text may spell as other white space.
    pub(super) has_spaces: bool,
}

impl Search {
    pub(super) fn new(patterns: &BTreeMap<Vec<u8>, Reach>, has_spaces: bool) -> Result<Self, BuildError> {
        Ok(Self {
            // Each new cookie needs a new automaton, and texts are short. A DFA searches faster and is slow to build.
            automaton: AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .prefilter(false)
                .build(patterns.keys())?,
            reach: patterns.values().copied().collect(),
            beginnings: patterns.keys().cloned().collect(),
            endings: OnceLock::new(),
            longest: patterns.keys().map(Vec::len).max().unwrap_or_default(),
            has_spaces,
        })
    }

    /// Ranges of a folded view that hold secrets.
    pub(super) fn find(&self, folded: &[u8], view: &View) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for end in self.automaton.find_overlapping_iter(folded) {
            let Reach { before, after } = self.reach[end.pattern()];
            push(&mut found, end.end().saturating_sub(before)..folded.len().min(end.end() + after));
        }
        if view.cut.end {
            found.extend(self.beginning(folded).map(|start| start..folded.len()));
        }
        if view.cut.start {
            found.extend(self.ending(folded, view.kind).map(|end| 0..end));
        }
        // The other half of a character of UTF-16.
        let is_half = |at: usize| folded.get(at) == Some(&0);
        for range in &mut found {
            range.start -= usize::from(range.start > 0 && is_half(range.start - 1));
            range.end += usize::from(is_half(range.end));
        }
        found
    }

    /// Start of the longest beginning of a pattern that ends the text.
    fn beginning(&self, text: &[u8]) -> Option<usize> {
        let last = text.len().checked_sub(MIN_LENGTH)?;
        (text.len().saturating_sub(self.longest)..=last).find(|start| {
            let rest = &text[*start..];
            let next = self.beginnings.partition_point(|pattern| &pattern[..] < rest);
            is_long_enough(rest) && self.beginnings.get(next).is_some_and(|pattern| pattern.starts_with(rest))
        })
    }

    /// End of the longest ending of a pattern that starts the text, or that follows the remains of an escape.
    fn ending(&self, text: &[u8], kind: Kind) -> Option<usize> {
        let endings = self.endings.get_or_init(|| {
            let mut endings: Vec<Vec<u8>> = self.beginnings.iter().map(|p| p.iter().rev().copied().collect()).collect();
            endings.sort_unstable();
            endings
        });
        let starts = starts(text, kind);
        let furthest = text.len().min(self.longest + starts.last()?);
        (MIN_LENGTH..=furthest).rev().find(|end| {
            let reversed: Vec<u8> = text[end.saturating_sub(self.longest)..*end].iter().rev().copied().collect();
            let next = endings.partition_point(|pattern| *pattern < reversed);
            // One of the neighbours in the order shares the most with the text.
            let shared = endings[next.saturating_sub(1)..endings.len().min(next + 1)]
                .iter()
                .map(|pattern| pattern.iter().zip(&reversed).take_while(|(a, b)| a == b).count())
                .max()
                .unwrap_or_default();
            starts.iter().any(|start| start + shared >= *end && text.get(*start..*end).is_some_and(is_long_enough))
        })
    }
}

/// Positions where a text may start that was cut inside an escape.
fn starts(text: &[u8], kind: Kind) -> Vec<usize> {
    if kind == Kind::Binary {
        // Two digits of a cut percent escape count as two letters of Base64.
        return (0..=3).collect();
    }
    let remains = |byte: &u8| byte.is_ascii_alphanumeric() || b"#;\\{}%&".contains(byte);
    let length = text.iter().take(LONGEST_NAME).take_while(|byte| remains(byte)).count();
    (0..=length).filter(|start| *start <= LONGEST_REMAINS || text[start - 1] == b';').collect()
}

/// Counts characters, since UTF-16 has zeros between them.
fn is_long_enough(part: &[u8]) -> bool {
    part.iter().filter(|byte| **byte != 0).count() >= MIN_LENGTH
}

/// Adds a range whose secret was found after those of all others. Merges it with those it touches, so that many overlapping
/// secrets take no more memory than the text.
fn push(found: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    while let Some(last) = found.last()
        && last.end >= range.start
    {
        range = last.start.min(range.start)..last.end.max(range.end);
        found.pop();
    }
    found.push(range);
}
