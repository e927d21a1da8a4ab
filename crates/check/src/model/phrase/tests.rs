use super::*;
use crate::model::redact::NoSecrets;

/// Masks the word `secret`, and its remains where a text was cut.
struct Masks(&'static str);

impl Redact for Masks {
    fn redact(&self, text: &str, cut: Cut) -> String {
        let mut masked = text.replace(self.0, "[redacted]");
        for length in (4..self.0.len()).rev() {
            if cut.end && masked.ends_with(&self.0[..length]) {
                masked.truncate(masked.len() - length);
                masked.push_str("[redacted]");
            }
        }
        masked
    }
}

#[test]
fn words_of_ours_are_never_masked() {
    let phrase = phrase!("status {}: {}", 500, foreign("the status of status"));
    assert_eq!(phrase.admit(&Masks("status"), 200), "status 500: the [redacted] of [redacted]");
    let host = phrase!("no answer from {}", ours("status.example"));
    assert_eq!(host.admit(&Masks("status"), 200), "no answer from status.example");
}

#[test]
fn foreign_text_stays_in_its_line_and_shows_what_it_hides() {
    for (case, text, expected) in [
        ("a short text stays", "Kør forsigtigt", "Kør forsigtigt"),
        ("white space folds", " <html>\r\n\t<title>b\u{a0}\u{2028} c\n", "<html> <title>b c"),
        ("escape sequences are escaped", "\u{1b}[2Jx\0", "\\u{1b}[2Jx\\u{0}"),
        ("direction marks are escaped", "a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
        ("so are the isolates", "\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
        ("and tags", "a\u{e0041}", "a\\u{e0041}"),
        ("and fillers of other scripts", "\u{3164}\u{115f}\u{180e}", "\\u{3164}\\u{115f}\\u{180e}"),
        ("and the soft hyphen", "se\u{ad}cret", "se\\u{ad}cret"),
        ("and second control characters", "a\u{9b}2Jb\u{7f}", "a\\u{9b}2Jb\\u{7f}"),
        ("other scripts stay", "教習所 Führerschein 🚗", "教習所 Führerschein 🚗"),
    ] {
        let text = phrase!("actual {}", foreign(text)).admit(&NoSecrets, 200);
        assert_eq!(text, format!("actual {expected}").as_str(), "{case}");
    }
}

#[test]
fn empty_foreign_text_leaves_no_gap() {
    for (phrase, expected) in [
        (phrase!("signed by {}, no authority", foreign("")), "signed by (empty), no authority"),
        (phrase!("an unreadable Retry-After: {}", foreign(" \t")), "an unreadable Retry-After: (empty)"),
        (phrase!("of {}", phrase!("{}", foreign("").at_most(5))), "of (empty)"),
        (phrase!("a form{}", ""), "a form"),
        (phrase!("a form{}", Phrase::default()), "a form"),
        (phrase!("a form{}", ours("")), "a form"),
    ] {
        assert_eq!(phrase.admit(&NoSecrets, 200), expected);
    }
}

#[test]
fn words_of_ours_keep_their_line_breaks() {
    assert_eq!(phrase!("no {}\ncreate it", foreign("a\nb")).admit(&NoSecrets, 200), "no a b\ncreate it");
}

#[test]
fn foreign_text_is_shortened_before_our_words() {
    let long = "ø".repeat(400);
    let text = phrase!("status {}, not {}", foreign(&long), foreign("short")).admit(&NoSecrets, 40);
    assert_eq!(text, format!("status {}…, not short", "ø".repeat(12)).as_str());
    assert!(text.chars().count() <= 40);
    let text = phrase!("{} of {} here", foreign(&long), foreign(&long)).admit(&NoSecrets, 40);
    assert_eq!(text, format!("{}… of {}… here", "ø".repeat(14), "ø".repeat(15)).as_str());
    let text = phrase!("{}", foreign(&long).at_most(5)).admit(&NoSecrets, 40);
    assert_eq!(text, "øøøø…");
    let text = phrase!("{}", ours(&long)).admit(&NoSecrets, 40);
    assert_eq!(text.chars().count(), 40);
    assert_eq!(phrase!("all {} gone", foreign("x")).admit(&NoSecrets, 0), "");
}

#[test]
fn secret_at_a_cut_is_masked() {
    // The window ends within the secret, and white space folds to nothing.
    let text = format!("{}secret", " ".repeat(WINDOW - 5));
    assert_eq!(phrase!("{}", foreign(&text)).admit(&Masks("secret"), 200), "[redacted]…");
    // The excerpt is shortened within a secret that is learned later.
    let text = phrase!("{}", foreign("the secret")).admit(&NoSecrets, 9);
    assert_eq!(text, "the secr…");
    assert_eq!(text.masked(&Masks("secret")), "the [redacted]…");
}

#[test]
fn foreign_text_fills_exactly_its_room() {
    let (start, both) = (Cut { start: true, end: false }, Cut { start: true, end: true });
    for (case, foreign, cut, room, expected) in [
        ("whole", "abcd", Cut::NONE, 4, "abcd"),
        ("one too many", "abcd", Cut::NONE, 3, "ab…"),
        ("no room for a letter", "abcd", Cut::NONE, 1, ""),
        ("no room", "abcd", Cut::NONE, 0, ""),
        ("cut at its start", "abcd", start, 5, "…abcd"),
        ("cut at its start, one too many", "abcd", start, 4, "…ab…"),
        ("cut at its end", "abcd", Cut::END, 5, "abcd…"),
        ("cut at its end, one too many", "abcd", Cut::END, 4, "abc…"),
        ("cut at both ends", "abcd", both, 6, "…abcd…"),
        ("cut at both ends, one too many", "abcd", both, 5, "…abc…"),
        ("empty", " ", both, 5, ""),
    ] {
        let mut text = Text::own("at ");
        let added = text.push_foreign(foreign, cut, room);
        assert_eq!((text.as_str(), added), (&*format!("at {expected}"), expected.chars().count()), "{case}");
    }
}

#[test]
fn texts_are_cut_to_a_number_of_characters() {
    for (whole, limit, expected) in
        [("", 0, ""), ("æ", 0, ""), ("æø", 0, ""), ("æ", 1, "æ"), ("æø", 1, "…"), ("æøå", 3, "æøå"), ("æøåb", 3, "æø…")]
    {
        let mut text = phrase!("{}", foreign(whole)).admit(&NoSecrets, 10);
        text.cut(limit);
        assert_eq!(text, expected, "{whole:?} to {limit}");
    }
}

#[test]
fn cut_through_our_words_does_not_cut_the_foreign_text_before() {
    let mut text = phrase!("{} and more {}", foreign("the secr"), foreign("at last")).admit(&NoSecrets, 100);
    text.cut(9);
    assert_eq!(text.masked(&Masks("secret")), "the secr…");
    let mut text = phrase!("{}", foreign("the secret")).admit(&NoSecrets, 100);
    text.cut(9);
    assert_eq!(text.masked(&Masks("secret")), "the [redacted]…");
}

#[test]
fn foreign_text_of_16_kilobytes_is_looked_at() {
    for (spaces, expected) in [(16_381, "end"), (16_382, "en…"), (16_384, "")] {
        let text = phrase!("{}", foreign(" ".repeat(spaces) + "end")).admit(&NoSecrets, 100);
        assert_eq!(text, expected, "after {spaces} spaces");
    }
}

#[test]
fn foreign_text_is_not_in_debug_output() {
    let phrase = phrase!("{} of {}", foreign("secret"), ours("status.example"));
    let expected = r#"Phrase([6 bytes of foreign text, " of ", "status.example"])"#;
    assert_eq!(format!("{phrase:?}"), expected);
}

#[test]
fn texts_equal_what_they_show() {
    let text = phrase!("a {}", foreign("b")).admit(&NoSecrets, 100);
    let (same, other) = ("a b".to_owned(), "a c".to_owned());
    assert!(text == Text::own("a b") && text == *same && text == same.as_str() && text == same);
    assert!(text != Text::own("a c") && text != *other && text != other.as_str() && text != other);
    assert_eq!(format!("{text:?} {text:>5} {}", text.len()), "\"a b\"   a b 3");
}

#[test]
fn quoted_text_keeps_its_words_and_its_cuts() {
    let text = phrase!("{}/{}", ours("https://status.example"), foreign("status ".repeat(20))).admit(&NoSecrets, 40);
    let quoted = phrase!("GET {}", &text).admit(&Masks("status"), 100);
    assert_eq!(quoted, "GET https://status.example/[redacted] [redacted] st…");
}

#[test]
fn later_secrets_are_masked_in_foreign_pieces_only() {
    let text = phrase!("status {} at {}", foreign("status"), ours("status.example")).admit(&NoSecrets, 200);
    assert_eq!(text.masked(&Masks("status")), "status [redacted] at status.example");
}

#[test]
fn excerpt_around_a_position_begins_before_it() {
    let text = format!("{}needle{}", "å".repeat(100), "b".repeat(20_000));
    let at = text.find("needle").unwrap_or_default();
    let excerpt = phrase!("{}", foreign_around(&text, at)).admit(&NoSecrets, 100);
    assert!(excerpt.starts_with(&format!("…{}needleb", "å".repeat(60))), "{excerpt}");
    assert!(excerpt.ends_with("b…"), "{excerpt}");
    let start = phrase!("{}", foreign_around("needle", 0)).admit(&NoSecrets, 100);
    assert_eq!(start, "needle");
}

#[test]
fn text_read_back_is_clean_and_bounded() {
    let stored = serde_json::to_string(&format!("a\u{1b}[2J\nb{}", "c".repeat(5_000))).unwrap_or_default();
    let text: Text = serde_json::from_str(&stored).unwrap_or_default();
    assert!(text.starts_with("a\\u{1b}[2J\nbccc"), "{text}");
    assert_eq!(text.chars().count(), 2_000);
}

#[test]
fn holes_of_a_sentence_are_counted() {
    for (words, holes) in [
        ("", 0),
        ("{", 0),
        ("a{", 0),
        ("}", 0),
        ("a}", 0),
        ("{ }", 0),
        ("{a}", 0),
        ("{}", 1),
        ("{{}}", 1),
        ("{} a {}", 2),
    ] {
        assert_eq!(Phrase::holes(words), holes, "{words}");
    }
}

#[test]
fn phrases_are_joined_with_words_between_them() {
    let list = Phrase::list(["a", "b"].map(|name| Phrase::from(foreign(name))), ", ");
    assert_eq!(phrase!("found {}", list).admit(&NoSecrets, 200), "found a, b");
    assert!(Phrase::list([], ", ").is_empty() && phrase!("{}", foreign("")).is_empty());
    assert!(!phrase!("a").is_empty() && !phrase!("{}", foreign("a")).is_empty());
    assert_eq!(phrase!("{}{}", &Subject::own("web"), 7_u16).admit(&NoSecrets, 100), "web7");
}
