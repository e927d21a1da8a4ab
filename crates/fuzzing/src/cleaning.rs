//! Cleaning: the gate for foreign text.

use check::{NoSecrets, Phrase, Subject, Text, clean, foreign, foreign_around, ours, phrase};
use probe::Redactor;

use crate::input::split_first_line;
use crate::oracle::assert_clean;

/// The first line holds bytes for the limits, the second a secret, the third a value of the settings; the rest is foreign.
pub(crate) const SEEDS: &[&[u8]] = &[
    b"\xc8\x40\xff\nstatus\nhttps://app.example\n<html>\r\n\t<title>500 status</title>",
    "20\nhunter2-Ærø\n\u{202e}demo\n\u{1b}[2Jk\u{ad}øre\u{200b}skole \u{e0041}\u{2028}hunter2-Ærø \u{3164}🚗"
        .as_bytes(),
    "~~~\n\u{605}abcdefg\n\u{fff9}\n\u{600}1\u{6dd}\u{70f} \u{110bd}\u{180b}\u{115f}\u{9b}2J".as_bytes(),
    // Found by the fuzzer: text that a mask completes to the secret.
    b"fg\n\xbf\xb9[\n\n+\xff\xff\xff\xff[\nactual",
    // Found by the fuzzer: text that an escape completes to the secret.
    b"\x7f\x7f\x7f\n\xbd\xef\xbf\xbd\\u\n\nac\xb9\n\xff\xff\x03\x85\xffamc",
    // Found by the fuzzer: a limit that leaves room for our words, but not for the sign of the cut.
    b"\x07\0\xff\xff\xffo\0",
    "\u{7f}\u{7f}\u{7f}\nactual\n\nactual actual".as_bytes(),
];

/// Word for foreign text that is empty.
const EMPTY: &str = "(empty)";

/// A phrase becomes one clean line within its limit. Our words stay as they are while there is room, secrets in foreign
/// pieces do not, and a second passage changes nothing.
pub(crate) fn cleaning(data: &[u8]) {
    let (limits, rest) = split_first_line(data);
    let (secret, rest) = split_first_line(rest);
    let (value, rest) = split_first_line(rest);
    let text = String::from_utf8_lossy(rest);
    let mut limits = limits.bytes().map(usize::from).chain(std::iter::repeat(200));
    let mut limit = || limits.next().unwrap_or_default();

    let cleaned = clean(&text);
    assert_clean(&cleaned);
    assert_eq!(clean(&cleaned), cleaned, "cleaned twice");
    assert_eq!(ours(&value), ours(clean(&value)), "our values are cleaned too");

    let redactor = Redactor::default();
    let is_masked = redactor.register(&secret);
    let (whole, part, at) = (limit(), limit(), limit());
    let excerpt = foreign_around(&text, at.min(text.len())).at_most(part);
    let phrase = phrase!("status {}: {} at {}, actual {}", 500, foreign(&*text), ours(&value), excerpt);
    let admitted = phrase.admit(&redactor, whole);
    assert_clean(&admitted);
    assert!(admitted.chars().count() <= whole, "{} > {whole}: {admitted}", admitted.chars().count());
    let words = ["status 500: ", " at ", &clean(&value), ", actual "];
    // Foreign text without a letter becomes our word.
    let room = words.iter().map(|words| words.chars().count()).sum::<usize>() + 2 * EMPTY.len();
    if room <= whole {
        assert!(admitted.starts_with(words[0]), "{admitted}");
        let (_, end) = admitted.rsplit_once(words[3]).unwrap_or_default();
        let ours = words[1..].concat();
        assert!(admitted.contains(&ours), "{ours} in {admitted}");
        assert!(end == EMPTY || end.chars().count() <= part.max(1), "{part}: {end}");
    }

    // A piece that was cut after a space loses it.
    let comparable = |text: &str| text.replace(" …", "…");
    let twice = Phrase::from(&admitted).admit(&NoSecrets, whole);
    assert_eq!(comparable(&twice), comparable(&admitted), "admitted twice");
    let stored = serde_json::to_string(&admitted).expect("a text can be stored");
    let read: Text = serde_json::from_str(&stored).expect("a stored text can be read");
    assert_eq!(&*read, &*clean(&admitted), "stored and read");

    let foreign_only = phrase!("{}", foreign(&*text)).admit(&redactor, whole);
    // Our escapes are made of such characters, and one may complete what the text begins. Secrets with a backslash are left to the
    // property of redaction.
    let is_escape = |c: char| c.is_ascii_hexdigit() || "u{}".contains(c);
    let is_like_escape = secret.contains('\\') || secret.trim().chars().all(is_escape);
    // So may a mask, whole or cut.
    let is_like_mask =
        "[redacted]".contains(secret.trim()) || secret.trim().ends_with('[') || secret.trim().starts_with(']');
    if is_masked && !is_like_mask && !is_like_escape {
        assert!(!foreign_only.contains(secret.trim()), "{secret:?} in {foreign_only}");
    }
    // Learned after the text passed the gate.
    let later = phrase!("status {}", foreign(&*text)).admit(&NoSecrets, whole).masked(&redactor);
    assert_clean(&later);
    assert!(later.chars().count() <= whole.max(40), "{later}");
    // The sign of a cut takes one place.
    assert!(whole <= "status ".len() || later.starts_with("status "), "{later}");

    let subject = Subject::foreign(&text, &redactor);
    assert_eq!(Subject::new(subject.as_str()).as_ref(), Ok(&subject));
}
