//! Names of the variants of a library's errors, in words.

/// Abbreviations in names of the library, and their words.
pub(crate) const ABBREVIATIONS: [(&str, &str); 12] = [
    ("ccs", "change-cipher-spec message"),
    ("cert", "certificate"),
    ("dh", "Diffie-Hellman"),
    ("ec", "elliptic-curve"),
    ("ech", "encrypted ClientHello"),
    ("ems", "extended master secret"),
    ("kx", "key exchange"),
    ("psk", "pre-shared key"),
    ("quic", "QUIC"),
    ("sct", "certificate timestamp"),
    ("sig", "signature"),
    ("tls", "TLS"),
];

/// Names of the library in words: `UnsolicitedCertExtension` becomes `unsolicited certificate extension`. Details in brackets
/// are left out.
pub(crate) fn words(name: &str) -> String {
    let whole = |word: &str| ABBREVIATIONS.iter().find(|(short, _)| *short == word).map(|(_, whole)| *whole);
    let split = split(name);
    split.split(' ').map(|word| whole(word).unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

/// The parts of such a name, in lower case: `UnknownCA` becomes `unknown ca`.
pub(crate) fn split(name: &str) -> String {
    let name = name.split(['(', '{']).next().unwrap_or_default().trim();
    let letters: Vec<char> = name.chars().collect();
    let mut words = String::new();
    for (i, c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let ends_an_acronym =
            before.is_some_and(|c| c.is_uppercase()) && letters.get(i + 1).is_some_and(|c| c.is_lowercase());
        if c.is_uppercase() && (before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit()) || ends_an_acronym) {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}
