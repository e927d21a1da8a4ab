//! Byte strings in which a secret appears after decoding.

use std::collections::BTreeSet;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use url::Host;

use super::escape::{with_single_spaces, without_invisible};

/// Minimum length of a secret in bytes. Masking every `no` or `200` would destroy the texts and protect nothing.
pub(super) const MIN_LENGTH: usize = 4;

/// Length up to which a secret is searched as a whole, in characters of one byte.
const WHOLE: usize = 64;

/// Length of the first and last part by which a longer secret is searched.
const ANCHOR: usize = 32;

/// Maximum length of a label in a host name.
const LABEL: usize = 63;

/// Extent of a secret around the end of a pattern that was found.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    pub(super) before: usize,
    pub(super) after: usize,
}

/// Makes texts comparable: letters of any case, and a space as in forms.
pub(super) fn fold(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if *byte == b' ' { b'+' } else { byte.to_ascii_lowercase() }).collect()
}

/// Folded patterns of a secret.
pub(super) fn patterns(secret: &str) -> Vec<(Vec<u8>, Reach)> {
    let mut patterns = Vec::new();
    for text in texts(secret).into_iter().filter(|text| text.len() >= MIN_LENGTH) {
        patterns.extend(anchors(&fold(text.as_bytes()), 1));
        if let Some(latin1) = text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>() {
            // Both byte orders of UTF-16 contain the bytes of Latin-1 with zeros between them.
            let wide: Vec<u8> = latin1.iter().flat_map(|byte| [0, *byte]).skip(1).collect();
            patterns.extend(anchors(&fold(&wide), 2));
            patterns.extend(anchors(&fold(&latin1), 1));
        } else {
            for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let wide: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
                patterns.extend(anchors(&fold(&wide), 2));
            }
        }
    }
    patterns
}

/// Texts that a program may make of a secret.
fn texts(secret: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::from([secret.to_ascii_lowercase()]);
    if secret.contains(char::is_whitespace) {
        texts.insert(with_single_spaces(secret).to_ascii_lowercase());
    }
    if secret.chars().any(char::is_control) || !secret.is_ascii() {
        texts.insert(without_invisible(secret).to_ascii_lowercase());
    }
    if !secret.is_ascii() {
        for text in [secret, &with_single_spaces(secret), &without_invisible(secret)] {
            texts.insert(ComposingNormalizerBorrowed::new_nfc().normalize(text).to_ascii_lowercase());
            texts.insert(DecomposingNormalizerBorrowed::new_nfd().normalize(text).to_ascii_lowercase());
        }
        for cased in texts.clone() {
            texts.insert(cased.to_lowercase());
            texts.insert(cased.to_uppercase().to_ascii_lowercase());
        }
        // The secret as bytes of Latin-1, read as UTF-8.
        texts.insert(secret.replace(|c: char| !c.is_ascii(), "\u{fffd}").to_ascii_lowercase());
        if secret.chars().count() <= LABEL
            && let Ok(Host::Domain(name)) = Host::parse(secret)
        {
            texts.insert(name);
        }
    }
    texts
}

/// The pattern itself, or its ends if it is long.
fn anchors(pattern: &[u8], unit: usize) -> Vec<(Vec<u8>, Reach)> {
    let (length, anchor) = (pattern.len(), ANCHOR * unit);
    if length <= WHOLE * unit {
        return vec![(pattern.to_vec(), Reach { before: length, after: 0 })];
    }
    vec![
        (pattern[..anchor].to_vec(), Reach { before: anchor, after: length - anchor }),
        (pattern[length - anchor..].to_vec(), Reach { before: length, after: 0 }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_patterns_are_searched_by_their_ends() {
        let whole: Vec<u8> = (0..200).collect();
        for (length, unit, anchor) in [(64, 1, None), (65, 1, Some(32)), (128, 2, None), (130, 2, Some(64))] {
            let pattern = &whole[..length];
            let found: Vec<_> = anchors(pattern, unit)
                .into_iter()
                .map(|(part, Reach { before, after })| (part, before, after))
                .collect();
            let expected = match anchor {
                None => vec![(pattern.to_vec(), length, 0)],
                Some(anchor) => vec![
                    (pattern[..anchor].to_vec(), anchor, length - anchor),
                    (pattern[length - anchor..].to_vec(), length, 0),
                ],
            };
            assert_eq!(found, expected, "{length} bytes");
        }
    }
}
