//! The bearer token in the answer to a log-in.

use std::sync::Mutex;

use check::{FailureKind, Mismatch, Phrase, ours, phrase};
use probe::{Response, expect, name_character};
use runtime::Run;
use secrecy::SecretString;

use super::state::{SessionState, lock};
use super::words::possible_tokens;
use crate::names::{Mode, Platform};
use crate::site::Site;

/// Maximum length of a bearer token in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// What an answer holds of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No token.
    Nothing,
    /// A token that can be used.
    Token,
    /// Words that may be a token, in another place or form than expected.
    Unread,
}

/// Takes the token of an answer that may grant one, expected or not. If none can be read, masks the words that may be one.
pub(super) fn find(site: &Site, response: &Response, run: &Run, state: &Mutex<SessionState>) -> Found {
    let may_grant = response.status.is_success() || response.status.is_redirection();
    if site.platform.login.mode != Mode::Token || !may_grant {
        return Found::Nothing;
    }
    if take(site, response, run, state).is_ok() {
        return Found::Token;
    }
    let words = possible_tokens(response);
    words.iter().for_each(|word| run.mask(word));
    if words.is_empty() { Found::Nothing } else { Found::Unread }
}

/// Takes the token of an answer. Later requests send it.
///
/// # Errors
/// A mismatch of kind `assertion` without a token that can be sent.
pub(super) fn take(site: &Site, response: &Response, run: &Run, state: &Mutex<SessionState>) -> Result<(), Mismatch> {
    let token = read(&site.platform, response, |text| run.mask(text))?;
    lock(state).session.authorize(token);
    Ok(())
}

/// Reads the token, and masks it from now on, even if it cannot be used. Errors do not quote it.
///
/// # Errors
/// A mismatch of kind `assertion` without a token that can be sent.
fn read(platform: &Platform, response: &Response, mask: impl Fn(&str)) -> Result<SecretString, Mismatch> {
    let pointer = platform.login.token_pointer.as_str();
    let found = expect::json_found(response, pointer, platform.wrapper.as_str())?;
    found.as_str().into_iter().for_each(mask);
    let actual: Phrase = match found.as_str() {
        None => "not a string".into(),
        Some(token) => match unusable(token) {
            None => return Ok(SecretString::from(token)),
            Some(why) => why,
        },
    };
    let expected = phrase!(
        "a bearer token at {} that a header can hold: at most {} printable ASCII characters",
        ours(pointer),
        MAX_LENGTH
    );
    Err(Mismatch::new(FailureKind::Assertion, expected, actual))
}

/// The reason why a token cannot be sent as it is. Spaces within are sent, and those at either end are lost.
fn unusable(token: &str) -> Option<Phrase> {
    if token.trim().is_empty() {
        return Some(if token.is_empty() { "an empty text".into() } else { "nothing but white space".into() });
    }
    if token.len() > MAX_LENGTH {
        return Some(phrase!("one of {} bytes", token.len()));
    }
    let is_lost = |c: &char| *c == ' ' && (token.starts_with(' ') || token.ends_with(' '));
    let odd = token.chars().find(|c| !c.is_ascii_graphic() && *c != ' ').or_else(|| token.chars().find(is_lost))?;
    let at = if odd == ' ' { " at an end" } else { "" };
    Some(phrase!("one of {} bytes with {}{}", token.len(), ours(name_character(odd)), at))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use check::NoSecrets;
    use probe::Bytes;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::*;
    use crate::tests::answer;

    const TOKEN: &str = "7|Zx9QwErTyUiOpAsDfGhJkLzXcVbNm";

    /// The token, or the description of another value, and the masked texts.
    fn found(value: Value) -> (Result<String, String>, Vec<String>) {
        let response = Response { body: Bytes::from(json!({ "token": value }).to_string()), ..answer(200, &[]) };
        let masked = RefCell::new(Vec::new());
        let read = read(&Platform::default(), &response, |text| masked.borrow_mut().push(text.to_owned()));
        let read = read.map(|token| token.expose_secret().to_owned()).map_err(|mismatch| {
            assert_eq!((mismatch.kind, mismatch.evidence), (FailureKind::Assertion, None));
            mismatch.actual.admit(&NoSecrets, 200).to_string()
        });
        (read, masked.into_inner())
    }

    #[test]
    fn token_is_read_as_it_is() {
        for token in [TOKEN.to_owned(), "a".repeat(MAX_LENGTH), format!("Bearer {TOKEN}"), "~!@#/+=".to_owned()] {
            assert_eq!(found(json!(token)), (Ok(token.clone()), vec![token]));
        }
    }

    #[test]
    fn token_that_cannot_be_sent_is_described_and_masked() {
        for (token, expected) in [
            (String::new(), "an empty text"),
            (" \n".to_owned(), "nothing but white space"),
            ("a".repeat(MAX_LENGTH + 1), "one of 8193 bytes"),
            (format!("{TOKEN}\n"), "one of 32 bytes with a line break (U+000A)"),
            (format!("{TOKEN}\t{TOKEN}"), "one of 63 bytes with a tab (U+0009)"),
            (format!("\0{TOKEN}"), "one of 32 bytes with a control character (U+0000)"),
            (format!("t\u{f8}ken-{TOKEN}"), "one of 38 bytes with the character U+00F8"),
            (format!("{TOKEN} "), "one of 32 bytes with a space (U+0020) at an end"),
            (format!(" {TOKEN}"), "one of 32 bytes with a space (U+0020) at an end"),
        ] {
            assert_eq!(found(json!(token)), (Err(expected.to_owned()), vec![token]));
        }
        for other in [json!(null), json!(12_345), json!({ "plainTextToken": TOKEN }), json!([TOKEN])] {
            assert_eq!(found(other), (Err("not a string".to_owned()), vec![]));
        }
    }
}
