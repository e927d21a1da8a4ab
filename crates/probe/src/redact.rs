//! Redaction of secrets in texts.

mod shape;
mod view;

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE},
};

use view::View;

const MASK: &str = "[redacted]";

/// Minimum length of a secret in bytes. Masking every `no` or `200` would destroy the texts and protect nothing.
const MIN_LENGTH: usize = 4;

/// Number of nested encodings to decode, such as a percent-encoded URL in a JSON string.
const LAYERS: usize = 2;

/// Masks secrets in texts. Clones share their secrets.
///
/// Registered secrets are found in plain text, percent-encoded (in any mixture, with `+` for space), JSON-escaped,
/// HTML-escaped, in Base64 (both alphabets, with or without padding, at any position inside a longer encoded text), and in
/// two nested encodings. The following are masked without registration: user and password in a URL, parameters and JSON
/// members with a secret-sounding name, and headers that carry credentials ([`Redactor::header`]).
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<Mutex<Known>>,
    /// Redactor whose secrets are masked as well.
    outer: Option<Arc<Redactor>>,
}

#[derive(Default)]
struct Known {
    patterns: BTreeSet<Vec<u8>>,
    search: Option<Search>,
}

#[derive(Clone)]
enum Search {
    Patterns(AhoCorasick),
    /// The automaton could not be built (more secrets than it can address), so every text is masked completely.
    Everything,
}

impl Redactor {
    /// Masks this secret from now on, in all clones. Surrounding white space is ignored.
    ///
    /// Returns false when the secret has fewer than 4 bytes and is therefore ignored.
    pub fn register(&self, secret: &str) -> bool {
        let secret = secret.trim().as_bytes();
        if secret.len() < MIN_LENGTH {
            return false;
        }
        let mut known = self.known();
        if known.patterns.insert(secret.to_vec()) {
            known.patterns.extend(in_base64(secret));
            // Built on demand, since a platform sets new cookies with every response.
            known.search = None;
        }
        true
    }

    /// Creates a redactor that masks everything this one masks, now and later. Secrets registered with the new one are not
    /// shared with this one, so they can be dropped before the process ends.
    #[must_use]
    pub fn scoped(&self) -> Self {
        Self { known: Arc::default(), outer: Some(Arc::new(self.clone())) }
    }

    /// Replaces every secret in the text by `[redacted]`. Overlapping secrets are masked completely.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut automata = Vec::new();
        for search in self.searches() {
            match search {
                Search::Everything => return MASK.to_owned(),
                Search::Patterns(patterns) => automata.push(patterns),
            }
        }
        let mut secrets = Vec::new();
        search_in(&automata, &View::new(text), LAYERS, &mut secrets);
        mask(text, secrets)
    }

    /// Formats a header as evidence, `name: value`. The value of credential headers, and of headers marked sensitive, is
    /// masked.
    #[must_use]
    pub fn header(&self, name: &HeaderName, value: &HeaderValue) -> String {
        if value.is_sensitive() || [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE].contains(name) {
            return format!("{name}: {MASK}");
        }
        format!("{name}: {}", self.redact(&String::from_utf8_lossy(value.as_bytes())))
    }
}

impl Redactor {
    /// Searches of the outer redactors and of this one.
    fn searches(&self) -> Vec<Search> {
        let mut searches = self.outer.as_ref().map(|outer| outer.searches()).unwrap_or_default();
        let mut known = self.known();
        let Known { patterns, search } = &mut *known;
        if !patterns.is_empty() {
            let search = search.get_or_insert_with(|| {
                // Each new cookie needs a new automaton, and texts are short. A DFA searches faster and is slow to build.
                let automaton =
                    AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns.iter());
                automaton.map_or(Search::Everything, Search::Patterns)
            });
            searches.push(search.clone());
        }
        searches
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn search_in(automata: &[AhoCorasick], view: &View, layers: usize, secrets: &mut Vec<Range<usize>>) {
    for automaton in automata {
        secrets.extend(automaton.find_overlapping_iter(&view.bytes).map(|found| view.origin(found.range())));
    }
    secrets.extend(shape::secrets(&view.bytes).into_iter().map(|range| view.origin(range)));
    if layers > 0 {
        for decoded in view.decoded() {
            search_in(automata, &decoded, layers - 1, secrets);
        }
    }
}

fn mask(text: &str, mut secrets: Vec<Range<usize>>) -> String {
    secrets.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in secrets {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut shown = 0;
    for range in merged {
        out.push_str(&text[shown..text.floor_char_boundary(range.start)]);
        out.push_str(MASK);
        shown = text.ceil_char_boundary(range.end);
    }
    out.push_str(&text[shown..]);
    out
}

/// Parts of a secret that are the same in the Base64 of any surrounding text: for each of the three positions within a
/// group of three bytes, the characters that depend only on the secret.
fn in_base64(secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..3).flat_map(move |before| {
        let encoded = STANDARD_NO_PAD.encode([&[0; 2][..before], secret].concat()).into_bytes();
        let own = (8 * before).div_ceil(6)..8 * (before + secret.len()) / 6;
        let standard = encoded.get(own).unwrap_or_default().to_vec();
        let url_safe = standard
            .iter()
            .map(|c| match c {
                b'+' => b'-',
                b'/' => b'_',
                c => *c,
            })
            .collect();
        [standard, url_safe]
    })
}

/// Omits the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
