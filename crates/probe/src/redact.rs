//! Redaction of secrets in texts.

mod binary;
mod escape;
mod search;
mod shape;
mod spelling;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, iter,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use check::{Cut, Phrase, Redact, foreign, ours, phrase};
use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE},
};

use escape::Kind;
use search::Search;
use spelling::{MIN_LENGTH, Reach};
use view::View;

const MASK: &str = "[redacted]";

/// Length of a line of one word that is masked.
const LONG_WORD: usize = 32;

/// Length below which a secret may occur in a text by chance.
const STRONG_LENGTH: usize = 8;

/// Number of nested encodings to decode, such as a percent-encoded URL in a JSON string.
const LAYERS: usize = 2;

/// Maximum number of secrets, which bounds the time of a search.
const MAX_SECRETS: usize = 512;

/// Masks secrets in texts. Clones share their secrets.
///
/// Registered secrets are found in these encodings, and in two of them nested:
///
/// - plain text, ASCII letters in any case, other letters as registered, all lower or all upper case
/// - letters with accents as one character or as several (Unicode NFC and NFD)
/// - percent-encoded in any mixture, as UTF-8 or Latin-1, with `+` for space
/// - escaped as in JSON or HTML, including all named character references
/// - hexadecimal digits or Base64 (both alphabets, with or without padding, at any position inside a longer encoded text)
///   of UTF-8, Latin-1 or UTF-16, also after two of the escapes above
/// - interrupted by line breaks, control characters, soft hyphens or other characters that programs may ignore
/// - a label of a host name, in lower case and in Punycode
///
/// At a cut end of a text, the remains of a secret are found from four characters on, also when the cut goes through an
/// escape. The following are masked without registration: user and password in a URL, parameters and JSON members with a
/// secret-sounding name, and headers that carry credentials.
///
/// **Bounds**: a secret of more than 64 bytes is found by its first or last 32 bytes, and as many bytes are masked as the
/// whole secret has, so that a few neighbouring characters may be masked too. A redactor holds up to 512 secrets. With more
/// than that, it masks every text completely ([`Redactor::is_full`]). The time of a search is linear in the length of the
/// text.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<Mutex<Known>>,
    /// Redactor whose secrets are masked as well.
    outer: Option<Arc<Redactor>>,
}

/// Protection that masking gives to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// The secret is masked.
    Strong,
    /// The secret has 4 to 7 bytes. It is masked, together with ordinary text that happens to be equal.
    Short,
    /// The secret has fewer than 4 bytes and is not masked.
    Unmasked,
}

#[derive(Default)]
struct Known {
    secrets: BTreeSet<String>,
    patterns: BTreeMap<Vec<u8>, Reach>,
    search: Option<Masking>,
}

#[derive(Clone)]
enum Masking {
    Secrets(Arc<Search>),
    /// There are too many secrets, so every text is masked completely.
    Everything,
}

impl Redactor {
    /// Masks this secret from now on, in all clones. Surrounding white space is ignored.
    pub fn enroll(&self, secret: &str) -> Strength {
        let secret = secret.trim();
        if secret.len() < MIN_LENGTH {
            return Strength::Unmasked;
        }
        self.known().add(secret);
        if secret.len() < STRONG_LENGTH { Strength::Short } else { Strength::Strong }
    }

    /// Masks this secret as [`Redactor::enroll`] does. Returns false when the secret is too short and is therefore ignored.
    pub fn register(&self, secret: &str) -> bool {
        self.enroll(secret) != Strength::Unmasked
    }

    /// Creates a redactor that masks everything this one masks, now and later. Secrets registered with the new one are not
    /// shared with this one, so they can be dropped before the process ends.
    #[must_use]
    pub fn scoped(&self) -> Self {
        Self { known: Arc::default(), outer: Some(Arc::new(self.clone())) }
    }

    /// True if there are too many secrets, so that every text is masked completely.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.known().secrets.len() > MAX_SECRETS || self.outer.as_ref().is_some_and(|outer| outer.is_full())
    }

    /// Replaces every secret in a whole text by `[redacted]`. Overlapping secrets are masked completely.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        Redact::redact(self, text, Cut::NONE)
    }
}

impl Redact for Redactor {
    fn redact(&self, text: &str, cut: Cut) -> String {
        let mut searches = Vec::new();
        for masking in self.maskings() {
            match masking {
                Masking::Everything => return MASK.to_owned(),
                Masking::Secrets(search) => searches.push(search),
            }
        }
        let mut secrets = Vec::new();
        search_in(&searches, &View::new(text, cut), LAYERS, &mut secrets);
        mask(text, secrets)
    }
}

impl Redactor {
    /// Searches of the outer redactors and of this one.
    fn maskings(&self) -> Vec<Masking> {
        let mut maskings = self.outer.as_ref().map(|outer| outer.maskings()).unwrap_or_default();
        maskings.extend(self.known().masking());
        maskings
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, secret: &str) {
        if self.secrets.len() > MAX_SECRETS || !self.secrets.insert(secret.to_owned()) {
            return;
        }
        // Built on demand, since a platform sets new cookies with every response.
        self.search = None;
        for (pattern, reach) in spelling::patterns(secret) {
            let known = self.patterns.entry(pattern).or_insert(reach);
            *known = Reach { before: known.before.max(reach.before), after: known.after.max(reach.after) };
        }
    }

    fn masking(&mut self) -> Option<Masking> {
        if self.secrets.is_empty() {
            return None;
        }
        let search = self.search.get_or_insert_with(|| {
            if self.secrets.len() > MAX_SECRETS {
                return Masking::Everything;
            }
            let has_spaces = self.secrets.iter().any(|secret| secret.contains(char::is_whitespace));
            Search::new(&self.patterns, has_spaces)
                .map_or(Masking::Everything, |search| Masking::Secrets(Arc::new(search)))
        });
        Some(search.clone())
    }
}

/// Searches a view and what it encodes.
fn search_in(searches: &[Arc<Search>], view: &View, layers: usize, secrets: &mut Vec<Range<usize>>) {
    let folded = spelling::fold(&view.bytes);
    for search in searches {
        secrets.extend(search.find(&folded, view).into_iter().map(|range| view.origin(range)));
    }
    if view.kind == Kind::Text {
        secrets.extend(shape::secrets(&view.bytes).into_iter().map(|range| view.origin(range)));
    }
    if view.kind < Kind::Binary {
        search_decoded(searches, view, layers, secrets);
    } else if layers > 0
        && let Some(readable) = view.readable()
    {
        search_decoded(searches, &readable, layers, secrets);
    }
}

fn search_decoded(searches: &[Arc<Search>], view: &View, layers: usize, secrets: &mut Vec<Range<usize>>) {
    // Without registered secrets, only those recognised by their position remain, in text.
    let needs_all = !searches.is_empty();
    if layers > 0 {
        let invisible = needs_all.then_some(&escape::INVISIBLE);
        let spaces = searches.iter().any(|search| search.has_spaces).then_some(&escape::SPACES);
        let escapes = || escape::SPELLINGS.iter().chain(invisible).chain(spaces);
        let other = view.without_half_escape();
        let views =
            iter::once(view).chain(&other).flat_map(|view| escapes().filter_map(|escapes| view.unescaped(escapes)));
        for unescaped in views {
            search_in(searches, &unescaped, layers - 1, secrets);
        }
    }
    if needs_all {
        for binary in view.binary() {
            search_in(searches, &binary, layers.saturating_sub(1), secrets);
        }
    }
}

/// Masks ranges, which are extended to whole characters.
fn mask(text: &str, secrets: Vec<Range<usize>>) -> String {
    let whole = |range: Range<usize>| text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
    let mut secrets: Vec<_> = secrets.into_iter().filter(|range| !range.is_empty()).map(whole).collect();
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
        out.push_str(&text[shown..range.start]);
        out.push_str(MASK);
        shown = range.end;
    }
    out.push_str(&text[shown..]);
    out
}

/// Formats a header as evidence, `name: value`. The value of credential headers, and of headers marked sensitive, is masked.
pub(crate) fn header_line(name: &str, value: &HeaderValue) -> Phrase {
    const CREDENTIALS: [HeaderName; 4] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];
    if value.is_sensitive() || CREDENTIALS.iter().any(|credential| name.eq_ignore_ascii_case(credential.as_str())) {
        return phrase!("{}: {}", ours(name), MASK);
    }
    phrase!("{}: {}", ours(name), foreign(String::from_utf8_lossy(value.as_bytes())))
}

/// Formats a line of a head that is no header. What follows the name is masked where it may be a credential, since it was not
/// registered as one, and so is a line of one long word, such as the rest of a cookie.
pub(crate) fn odd_line(line: &[u8], max: usize) -> Phrase {
    let line = line.trim_ascii();
    let end = line
        .iter()
        .position(|byte| b":=".contains(byte))
        .or_else(|| line.iter().position(u8::is_ascii_whitespace))
        .unwrap_or(line.len());
    let name = line[..end].to_ascii_lowercase();
    let holds = |text: &[u8], part: &str| text.windows(part.len()).any(|found| found == part.as_bytes());
    let is_credential = shape::is_secret_name(&name)
        || ["cookie", "authorization", "bearer", "session", "xsrf", "csrf", "key", "auth"]
            .iter()
            .any(|word| holds(&name, word));
    let lower = line.to_ascii_lowercase();
    let is_cookie = ["path=", "httponly", "samesite=", "max-age="].iter().any(|attribute| holds(&lower, attribute));
    let is_one_word = line.len() >= LONG_WORD && !line.iter().any(u8::is_ascii_whitespace);
    let quoted = |text: &[u8]| foreign(String::from_utf8_lossy(text)).at_most(max);
    if is_credential && end < line.len() {
        let sign = line[end..].iter().take(1).filter(|byte| b":=".contains(byte)).count();
        return phrase!("{} {}", quoted(&line[..end + sign]), MASK);
    }
    if is_cookie || is_one_word || is_credential { MASK.into() } else { quoted(line).into() }
}

/// Omits the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
