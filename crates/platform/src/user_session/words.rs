//! Words that may be tokens, in an answer whose token could not be read.

use probe::Response;

/// Length from which a word may be a token. Shorter ones can be guessed.
const MIN_LENGTH: usize = 16;
/// Largest number of words in one answer: beyond it, an answer is a page and not a token.
const MAX_WORDS: usize = 64;

/// Finds the words of an answer that may be tokens: in the target of its redirect and in its body.
pub(super) fn possible_tokens(response: &Response) -> Vec<String> {
    selected(response.header("location").unwrap_or_default(), &response.text())
}

/// The target comes first, so that a long body cannot crowd it out.
fn selected(target: &str, body: &str) -> Vec<String> {
    words(target).chain(words(body)).take(MAX_WORDS).map(str::to_owned).collect()
}

/// Runs of characters that tokens consist of, `%` for encoded ones included, with a digit or a capital letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "|._~+-=%".contains(c);
    text.split(move |c| !is_part(c)).filter(|word| {
        word.len() >= MIN_LENGTH && word.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_body_does_not_crowd_out_the_redirect() {
        let body = (0..100).map(|number| format!("class-name-of-a-page-{number} ")).collect::<String>();
        let found = selected("/magic/7%7CZx9QwErTyUiOpAsDfGhJkLz", &body);
        assert_eq!((found.len(), found[0].as_str()), (MAX_WORDS, "7%7CZx9QwErTyUiOpAsDfGhJkLz"));
    }

    #[test]
    fn tokens_are_found_in_every_form() {
        const TOKEN: &str = "7|Zx9QwErTyUiOpAsDfGhJkLzXcVbNm0123456789";
        for text in [
            TOKEN.to_owned(),
            format!("{{\"result\":\"{TOKEN}\"}}"),
            format!("<script>window.token='{TOKEN}'</script>"),
            format!("Your token is {TOKEN}, keep it"),
            format!("/magic/{TOKEN}?a=b"),
        ] {
            assert_eq!(words(&text).collect::<Vec<_>>(), [TOKEN], "{text}");
        }
        assert_eq!(words("a plain-sentence-in-lower-case and Short1").count(), 0);
    }
}
