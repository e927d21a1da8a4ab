//! Rules for the values of secrets: what stores and editors add to them, and what can be sent.

use probe::{is_invisible, name_character};
use secrecy::{ExposeSecret, SecretString};

/// Characters that a secret may hold between its first and its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Keys, tokens, seeds and URLs: what a header can hold. Letters beyond ASCII are sent in UTF-8.
    Visible,
    /// Passwords that people type: any but control characters, which no field of a form takes.
    Typed,
    /// Certificates and keys in PEM: several lines of [`Alphabet::Visible`].
    Lines,
}

impl Alphabet {
    /// Alphabet of the secret that a key of the settings or the end of a parameter's name stands for.
    #[must_use]
    pub fn for_name(name: &str) -> Self {
        match name {
            name if name.ends_with("password") => Self::Typed,
            name if ["certificate", "client_certificate.key", "private_key"].iter().any(|end| name.ends_with(end)) => {
                Self::Lines
            }
            _ => Self::Visible,
        }
    }
}

/// Reads a stored value. One line break at the end is not part of the secret: files from which secrets are put into stores end
/// with one. White space at the edges is never meant, and a server would answer as to a wrong secret.
///
/// # Errors
/// What is wrong with the value, and what to do.
pub fn read(stored: SecretString, alphabet: Alphabet) -> Result<SecretString, String> {
    let value = stored.expose_secret();
    let trimmed = value.strip_suffix('\n').map_or(value, |value| value.strip_suffix('\r').unwrap_or(value));
    match mistake(trimmed, alphabet) {
        Some(mistake) => Err(mistake),
        None if trimmed.len() == value.len() => Ok(stored),
        None => Ok(SecretString::from(trimmed)),
    }
}

/// Says what is wrong with a value; of the value, it holds one character.
fn mistake(value: &str, alphabet: Alphabet) -> Option<String> {
    if alphabet == Alphabet::Lines {
        // White space around and within it means nothing.
        let odd = value.chars().find(|c| !c.is_ascii_graphic() && !matches!(c, ' ' | '\t' | '\n' | '\r'))?;
        return Some(format!("the secret holds {}, which no text in PEM has", name_character(odd)));
    }
    const HINT: &str = "store it without; only one line break at the end is removed";
    let (Some(first), Some(last)) = (value.chars().next(), value.chars().next_back()) else {
        return Some("the secret is only a line break".to_owned());
    };
    if is_invisible(first) {
        return Some(format!("the secret starts with {}\n{HINT}", name_character(first)));
    }
    if is_invisible(last) {
        return Some(format!("the secret ends with {}\n{HINT}", name_character(last)));
    }
    let (is_odd, what): (fn(char) -> bool, _) = match alphabet {
        Alphabet::Visible | Alphabet::Lines => (|c| c != ' ' && is_invisible(c), "cannot be sent"),
        Alphabet::Typed => (char::is_control, "nobody can type into a form"),
    };
    let odd = value.chars().find(|c| is_odd(*c))?;
    Some(format!("the secret holds {}, which {what}\nstore it without", name_character(odd)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &str, alphabet: Alphabet) -> Result<String, String> {
        read(SecretString::from(value), alphabet).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn one_line_break_at_the_end_is_removed() {
        for alphabet in [Alphabet::Visible, Alphabet::Typed] {
            for value in ["a k3y", "a k3y\n", "a k3y\r\n"] {
                assert_eq!(said(value, alphabet).as_deref(), Ok("a k3y"), "{value:?}");
            }
        }
    }

    #[test]
    fn white_space_at_the_edges_is_name_character() {
        for alphabet in [Alphabet::Visible, Alphabet::Typed] {
            for (value, expected) in [
                ("k3y ", "the secret ends with a space (U+0020)"),
                (" k3y", "the secret starts with a space (U+0020)"),
                ("k3y \n", "the secret ends with a space (U+0020)"),
                ("k3y\t", "the secret ends with a tab (U+0009)"),
                ("k3y\n\n", "the secret ends with a line break (U+000A)"),
                ("\nk3y", "the secret starts with a line break (U+000A)"),
                ("k3y\r", "the secret ends with a carriage return (U+000D)"),
                ("k3y\u{a0}", "the secret ends with a no-break space (U+00A0)"),
                ("\u{feff}k3y", "the secret starts with a byte order mark (U+FEFF)"),
                ("k3y\u{200b}", "the secret ends with a zero-width space (U+200B)"),
                ("k3y\u{2003}", "the secret ends with an invisible character (U+2003)"),
                ("k3y\u{1}", "the secret ends with a control character (U+0001)"),
                ("   ", "the secret starts with a space (U+0020)"),
                ("\n", "the secret is only a line break"),
                ("\r\n", "the secret is only a line break"),
            ] {
                let error = said(value, alphabet).unwrap_err();
                let first = error.lines().next().unwrap();
                assert_eq!(first, expected, "{value:?}");
                assert!(!error.contains("k3y\n") && !error.contains(value), "{error}");
            }
        }
    }

    #[test]
    fn text_in_pem_has_lines() {
        for value in ["-----BEGIN X-----\nAA==\n-----END X-----\n\n", " a \r\n\tb\r\n"] {
            assert!(said(value, Alphabet::Lines).is_ok(), "{value:?}");
        }
        let error = said("AA\u{0}==", Alphabet::Lines).unwrap_err();
        assert_eq!(error, "the secret holds a control character (U+0000), which no text in PEM has");
        for (name, expected) in [
            ("client/certificate", Alphabet::Lines),
            ("client_certificate.key", Alphabet::Lines),
            ("private_key", Alphabet::Lines),
            ("api_key", Alphabet::Visible),
            ("auth.basic.password", Alphabet::Typed),
        ] {
            assert_eq!(Alphabet::for_name(name), expected, "{name}");
        }
    }

    #[test]
    fn characters_that_cannot_be_sent_are_name_character() {
        for (value, expected) in [
            ("k3\ny", "a line break (U+000A)"),
            ("k3\ty", "a tab (U+0009)"),
            ("k3\u{7f}y", "a control character (U+007F)"),
            ("k3\u{200b}y", "a zero-width space (U+200B)"),
        ] {
            let error = said(value, Alphabet::Visible).unwrap_err();
            assert!(error.starts_with(&format!("the secret holds {expected}, which")), "{error}");
            assert!(!error.contains("k3"), "{error}");
            let typed = said(value, Alphabet::Typed);
            match value.contains(char::is_control) {
                true => {
                    let error = typed.unwrap_err();
                    assert!(
                        error.starts_with(&format!("the secret holds {expected}, which nobody can type")),
                        "{error}"
                    );
                }
                false => assert_eq!(typed.as_deref(), Ok(value), "a password"),
            }
        }
        for value in ["k3\u{e6}y", "k3y-\u{1f600}y", "a k3y"] {
            assert_eq!(said(value, Alphabet::Visible).as_deref(), Ok(value));
        }
    }
}
