//! Error messages of a Laravel application.

use check::{Piece, foreign};
use probe::{Response, expect};

/// Maximum length of a server message, in characters.
const MAX_MESSAGE: usize = 120;

/// Error message of the application: `message` and the first of `errors`, or the page's title.
#[must_use]
pub fn server_message(response: &Response) -> Option<Piece> {
    let message = match expect::json(response) {
        Ok(body) => {
            let summary = body["message"].as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
            let error = body["errors"].as_object().and_then(|errors| {
                let (field, texts) = errors.iter().next()?;
                let text = texts.as_str().or_else(|| texts.get(0)?.as_str())?;
                Some(format!("{field}: {text}"))
            });
            let parts: Vec<String> = summary.into_iter().chain(error).collect();
            (!parts.is_empty()).then(|| parts.join("; "))?
        }
        Err(_) => {
            let page = response.text();
            let (_, rest) = page.split_once("<title>")?;
            let (title, _) = rest.split_once("</title>")?;
            (!title.trim().is_empty()).then(|| title.trim().to_owned())?
        }
    };
    Some(foreign(message).at_most(MAX_MESSAGE))
}

#[cfg(test)]
mod tests {
    use check::{NoSecrets, phrase};

    use super::*;
    use crate::tests::response;

    #[test]
    fn error_messages_are_extracted() {
        for (case, body, expected) in [
            ("a message", "{\n    \"message\": \"CSRF token mismatch.\"\n}", Some("CSRF token mismatch.")),
            (
                "errors",
                r#"{"message":"The given data was invalid.","errors":{"email":["Wrong."]}}"#,
                Some("The given data was invalid.; email: Wrong."),
            ),
            ("an empty message, as in a 404", r#"{"message":""}"#, None),
            ("a page", "<html><title>Page Expired</title>", Some("Page Expired")),
            ("nothing", "", None),
            ("a list", "[]", None),
        ] {
            let message =
                server_message(&response(419, body)).map(|message| phrase!("{}", message).admit(&NoSecrets, 200));
            assert_eq!(message.as_deref(), expected, "{case}");
        }
    }
}
