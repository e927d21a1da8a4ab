//! Properties that hold for all secrets and texts.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use proptest::prelude::*;

use super::{CUT_BOTH, CUT_START, encodings, redact, redactor};
use crate::redact::{Cut, MASK, Redact};

/// Secrets with Danish letters and characters that encoders change. Some are long, some have characters beyond Latin-1.
fn secrets() -> impl Strategy<Value = String> {
    let texts = |letters: &str, length: &str| {
        proptest::string::string_regex(&format!("[{letters}-][{letters} -]{length}[{letters}-]")).unwrap()
    };
    let letters = "a-zA-Z0-9æøåÆØÅ+/=_.:;!?#<>'\"$%&\\\\";
    prop_oneof![
        4 => texts(letters, "{6,38}"),
        2 => texts(&format!("{letters}€łЖ字🚗"), "{6,38}"),
        1 => texts(letters, "{63,120}"),
    ]
}

/// Texts made of parts of escapes.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,40}", "[%&\\\\;#xuDd8-9a-cA-C0=+/æÆ\u{ad}\u{1f697}\n ]{0,80}", any::<String>()]
}

proptest! {
    // Each case tries more than a hundred encodings.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encoded_secrets_do_not_survive(secret in secrets(), before in texts(), after in texts()) {
        let redactor = redactor(&[&secret]);
        // After the start of another escape, the encoded secret would mean something else.
        let before = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "\\%&#{".contains(c));
        for (encoding, encoded) in encodings::all(&secret) {
            let redacted = redactor.redact(&format!("before {encoded} after"));
            if secret.len() <= 64 {
                prop_assert_eq!(redacted, format!("before {MASK} after"), "{}: {:?}", encoding, encoded);
            } else {
                // What is masked around an anchor may be too much, if the encoding changes the length.
                let (start, end) = redacted.split_once(MASK).unwrap_or((&encoded, ""));
                prop_assert!("before ".starts_with(start), "{}: {:?}", encoding, redacted);
                prop_assert!(" after".ends_with(end), "{}: {:?}", encoding, redacted);
            }
            let redacted = redactor.redact(&format!("{before}{encoded}{after}"));
            prop_assert!(redacted.contains(MASK), "{}: {:?}", encoding, encoded);
            prop_assert!(!redacted.contains(&encoded), "{}: {:?} in {:?}", encoding, encoded, redacted);
        }
    }

    #[test]
    fn beginnings_of_cut_secrets_do_not_survive(secret in secrets(), whole in 4..8_usize, part in 0..20_usize) {
        for (encoding, spell) in encodings::SPELLINGS {
            let mut encoded: Vec<String> = secret.chars().map(spell).collect();
            let cut: String = encoded[whole].chars().take(part.min(encoded[whole].chars().count() - 1)).collect();
            encoded.truncate(whole);
            let text = format!("before {}{cut}", encoded.concat());
            prop_assert_eq!(redact(&secret, &text, Cut::END), format!("before {MASK}"), "{}: {:?}", encoding, text);
        }
        for (charset, bytes) in encodings::charsets(&secret) {
            let encoded = STANDARD_NO_PAD.encode(bytes);
            let text = format!("before {}", &encoded[..encoded.len().min(12 + part)]);
            prop_assert_eq!(redact(&secret, &text, Cut::END), format!("before {MASK}"), "{}: {:?}", charset, text);
        }
    }

    #[test]
    fn ends_of_cut_secrets_do_not_survive(secret in secrets(), whole in 4..8_usize, part in 0..20_usize) {
        for (encoding, spell) in encodings::SPELLINGS {
            let encoded: Vec<String> = secret.chars().rev().take(whole + 1).map(spell).collect();
            let length = encoded[whole].chars().count();
            let cut: String = encoded[whole].chars().skip(length - part.min(length - 1)).collect();
            let rest: String = encoded[..whole].iter().rev().map(String::as_str).collect();
            let text = format!("{cut}{rest} after");
            prop_assert_eq!(redact(&secret, &text, CUT_START), format!("{MASK} after"), "{}: {:?}", encoding, text);
        }
        for (charset, bytes) in encodings::charsets(&secret) {
            let encoded = STANDARD_NO_PAD.encode(bytes);
            let text = format!("{} after", &encoded[encoded.len().saturating_sub(14 + part)..]);
            prop_assert_eq!(redact(&secret, &text, CUT_START), format!("{MASK} after"), "{}: {:?}", charset, text);
        }
    }

    #[test]
    fn any_text_can_be_redacted(known in prop::collection::vec(texts(), 0..4), text in texts(), cut in 0..4) {
        let redactor = crate::Redactor::default();
        for secret in &known {
            redactor.register(secret);
        }
        let cut = [Cut::NONE, Cut::END, CUT_START, CUT_BOTH][usize::try_from(cut).unwrap()];
        let text = format!("{text}{}", known.concat());
        let redacted = Redact::redact(&redactor, &text, cut);
        prop_assert!(std::str::from_utf8(redacted.as_bytes()).is_ok());
        for secret in known.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= 4 && !MASK.contains(*secret)) {
            prop_assert!(!redacted.contains(secret), "{:?} in {:?}", secret, redacted);
        }
    }
}
