//! Redaction: a secret in any of the documented encodings does not survive.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use check::{Cut, NoSecrets, Redact, foreign, phrase};
use probe::Redactor;

use crate::encodings::{CASES, CHARSETS, DIGITS, Encode, SPELLINGS, decoded};
use crate::input::split_first_line;
use crate::oracle::is_unclean;

/// The first line is the secret, the second chooses encodings, the third precedes the encoded secret, and the rest follows it.
pub(crate) const SEEDS: &[&[u8]] = &[
    "hunter2-Ærø/secret+pass\nabcdef\nGET https://app.example/x?\n HTTP/1.1".as_bytes(),
    "p&ss \"w'rd\" 100%\nbadcfe\n{\"a\":\"\n\"}".as_bytes(),
    b"whsec_a/b+c=d==\nQZRYXW\nAuthorization: Basic \n\nx",
    "kørekort Å 🚗 ~!*()\n9Ab04f\n%41\\u00\n&amp;".as_bytes(),
    b"correct-horse-battery-staple\nzZ!~0o\n\n",
    // Found by the fuzzer: a secret that characters without a meaning interrupt, cut within its fourth visible one.
    b"co\0\0\0rrect-oh-\"rec(tter\0-sta\nva\n,plzZ!~0ct-,plzZ!~0ct-horxe-bato\n\n",
    // Found by the fuzzer: text before the secret that begins as the secret does.
    b"whec_a/sb+\xb6c=/-_\nQZ\xea\x9daXW\n\x01\0\0\0\0whec_a/sb+\xb6c= \n\nx",
    b"back\\slash\ttab\n;kO2sx\n<input name=_token value=\n>",
];

const MASK: &str = "[redacted]";
/// Characters that neither an encoding nor a secret is made of.
const DELIMITERS: [char; 7] = ['(', ')', '|', '~', '^', '!', '$'];
/// Longest secret that is found as a whole, in whatever case. **Units:** bytes.
const MAX_SECRET: usize = 48;
/// Shortest secret, so that none is found by chance. **Units:** characters.
const MIN_SECRET: usize = 8;
/// Length of a part of a secret from which it is masked at a cut. **Units:** characters.
const MIN_PART: usize = 4;
/// Maximum length of the text around a secret, since decoding it in every way takes time.
const MAX_AROUND: usize = 120;

/// A secret is masked in any two encodings nested, and at the end of an excerpt. Text without a secret stays as it is.
pub(crate) fn redaction(data: &[u8]) {
    let (secret, rest) = split_first_line(data);
    let (choices, rest) = split_first_line(rest);
    let (before, rest) = split_first_line(rest);
    let after = String::from_utf8_lossy(rest);
    let (before, after) = (start(&before), start(&after));
    assert_unchanged(&format!("{before}{secret}{after}"));

    let secret = secret.trim();
    let is_visible = |c: char| !is_unclean(c);
    let visible = secret.chars().filter(|c| is_visible(*c)).count();
    let has_visible_ends = secret.starts_with(is_visible) && secret.ends_with(is_visible);
    if visible < MIN_SECRET || !has_visible_ends || secret.len() > MAX_SECRET || secret.contains("redacted") {
        return;
    }
    let redactor = Redactor::default();
    assert!(redactor.register(secret));
    let Some(delimiter) = DELIMITERS.into_iter().find(|c| !secret.contains(*c)) else { return };
    let mut choices = choices.chars().map(u32::from).map(|code| usize::try_from(code).unwrap_or_default());
    let mut choose = |count: usize| choices.next().unwrap_or_default() % count;

    let case = CASES[choose(CASES.len())];
    let kind = choose(4);
    let (one, two, three) = (choose(1_000), choose(1_000), choose(1_000));
    let any = |choice: usize| pick(&[&SPELLINGS, &DIGITS], choice);
    let chain: Vec<Encode> = match kind {
        0 => vec![any(one)],
        1 => vec![any(one), any(two)],
        2 => vec![pick(&[&CHARSETS], one), any(two)],
        _ => vec![pick(&[&DIGITS, &CHARSETS[..6]], one), pick(&[&SPELLINGS], two), pick(&[&SPELLINGS], three)],
    };
    let encoded = encode(&case(secret), &chain);

    let text = format!("{delimiter}{encoded}{delimiter}");
    // Text that is masked for its position may reach beyond the secret.
    if Redactor::default().redact(&text) == text {
        assert_eq!(redactor.redact(&text), format!("{delimiter}{MASK}{delimiter}"), "{secret:?} as {encoded:?}");
    }
    // After the start of an escape, the encoded secret would mean something else.
    let before = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "\\%&#{+/-_".contains(c));
    let redacted = redactor.redact(&format!("{before}{encoded}{after}"));
    assert!(!redacted.contains(&encoded), "{secret:?} as {encoded:?} in {redacted:?}");
    if chain.len() < 3 {
        assert_absent(secret, &redacted);
    }

    // Interruptions are visible once a text has passed the gate.
    let visible_spelling = pick(&[&SPELLINGS[..10]], one);
    let spellings = [pick(&[&SPELLINGS], one), pick(&[&SPELLINGS], two)];
    assert_masked_at_cut(&case(secret), &spellings, three, delimiter, &redactor);
    let beginning: String = secret.chars().take(MIN_SECRET).collect();
    // Text that happens to begin as the secret does and goes on otherwise is not masked.
    let is_distinct = disclosing(&beginning, before).is_none();
    if is_distinct && secret.chars().all(|c| is_visible(c) && !c.is_whitespace()) {
        let text = format!("{before}{delimiter}{}", visible_spelling(secret));
        let room = before.chars().count() + 1 + MIN_SECRET * 2 + three % 64;
        let late = phrase!("{}", foreign(&text)).admit(&NoSecrets, room).masked(&redactor);
        assert_absent(&beginning, &late);
    }
}

/// The start of a text.
fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_AROUND)]
}

fn pick(lists: &[&[Encode]], choice: usize) -> Encode {
    let all = lists.concat();
    all[choice % all.len()]
}

fn encode(text: &str, chain: &[Encode]) -> String {
    chain.iter().fold(text.to_owned(), |text, encode| encode(&text))
}

/// Asserts that redaction changes nothing of a text but what is masked for its position: the secret is a hash of the text.
fn assert_unchanged(text: &str) {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let redactor = Redactor::default();
    assert!(redactor.register(&format!("{0:016x}-Æ-{0:016X}", hasher.finish())));
    let redacted = redactor.redact(text);
    assert_eq!(redacted, Redactor::default().redact(text));
    let has_shape = text.contains(['=', ':', '<', '%', '\\', '&']);
    assert!(has_shape || redacted == text, "{redacted:?} instead of {text:?}");
}

/// Asserts that no two decoders one after the other find a secret.
fn assert_absent(secret: &str, redacted: &str) {
    let found = disclosing(secret, redacted);
    assert!(found.is_none(), "{secret:?} in {found:?}, decoded from {redacted:?}");
}

/// What a text becomes by two decoders one after the other, if a secret is in it.
fn disclosing(secret: &str, text: &str) -> Option<String> {
    let comparable = |text: &str| {
        let visible = text.chars().filter(|c| !is_unclean(*c));
        visible.collect::<String>().to_lowercase().replace('+', " ")
    };
    let secret = comparable(secret);
    decoded(text, 2).into_iter().find(|text| comparable(text).contains(&secret))
}

/// Asserts that the remains of a secret at the end of an excerpt are masked, from four characters on.
fn assert_masked_at_cut(secret: &str, spellings: &[Encode], choice: usize, delimiter: char, redactor: &Redactor) {
    // Characters that programs ignore do not count.
    let is_counted = |c: &char| !is_unclean(*c);
    let places = secret.char_indices().filter(|(_, c)| is_counted(c)).map(|(at, c)| at + c.len_utf8());
    let least = &secret[..places.take(MIN_PART).last().unwrap_or_default()];
    let (encoded, least) = (encode(secret, spellings), encode(least, spellings).len());
    let end = encoded.floor_char_boundary(least + choice % (encoded.len() - least).max(1));
    let text = format!("{delimiter}{}", &encoded[..end.max(least)]);
    if Redactor::default().redact(&text) == text {
        let redacted = Redact::redact(redactor, &text, Cut::END);
        assert_eq!(redacted, format!("{delimiter}{MASK}"), "{secret:?}, {text:?}");
    }
}
