//! The CSRF token that a page holds.

use check::{FailureKind, Mismatch};
use http::header::CONTENT_TYPE;
use scraper::{Html, Selector};
use secrecy::SecretString;

use crate::{Response, excerpt::excerpt};

/// The value of a form's hidden field, or of `<meta name="csrf-token">` where no form has the field. It is masked from now
/// on.
///
/// # Errors
/// A mismatch of kind `body` when the answer is no HTML, of kind `assertion` when the page holds no token, with what it
/// holds and its start.
pub fn token(response: &Response, field: &str) -> Result<SecretString, Mismatch> {
    let kind = response.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !kind.is_empty() && !kind.starts_with("text/html") && !kind.starts_with("application/xhtml") {
        return Err(mismatch(response, FailureKind::Body, "an HTML page", kind.to_owned()));
    }
    let page = Html::parse_document(&response.text());
    let expected = format!("a form with the hidden field {field}");
    match find(&page, field) {
        Found::Token(token) => {
            response.redactor.register(&token);
            Ok(SecretString::from(token))
        }
        Found::Nothing(seen) => Err(mismatch(response, FailureKind::Assertion, &expected, seen)),
    }
}

enum Found {
    Token(String),
    Nothing(String),
}

fn find(page: &Html, field: &str) -> Found {
    // The selectors are ours and right; without them nothing is found, which is told.
    let select = |css: &str| -> Vec<scraper::ElementRef<'_>> {
        Selector::parse(css).map(|selector| page.select(&selector).collect()).unwrap_or_default()
    };
    let fields = select("form input[name], form button[name], form textarea[name], form select[name]");
    let own: Vec<&str> = fields
        .iter()
        .filter(|found| found.attr("name") == Some(field))
        .filter_map(|found| found.attr("value"))
        .collect();
    if let Some(token) = own.iter().find(|value| !value.trim().is_empty()) {
        return Found::Token((*token).to_owned());
    }
    let metas = select("meta[name=csrf-token][content]");
    if let Some(token) = metas.iter().filter_map(|meta| meta.attr("content")).find(|value| !value.trim().is_empty()) {
        return Found::Token(token.to_owned());
    }
    let names: Vec<&str> = fields.iter().filter_map(|found| found.attr("name")).collect();
    Found::Nothing(match (select("form").is_empty(), own.is_empty(), names.is_empty()) {
        (true, ..) => "no form".to_owned(),
        (_, false, _) => format!("an empty {field}"),
        (_, _, true) => "a form without fields".to_owned(),
        _ => format!("a form with {}", names.join(", ")),
    })
}

fn mismatch(response: &Response, kind: FailureKind, expected: &str, seen: String) -> Mismatch {
    let redactor = &response.redactor;
    let evidence = (!response.body.is_empty()).then(|| excerpt(&response.text(), redactor));
    Mismatch { kind, expected: excerpt(expected, redactor), seen: excerpt(&seen, redactor), evidence }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::expect::tests::response;

    #[test]
    fn the_token_is_found_as_a_browser_finds_it() {
        for (case, page, found) in [
            ("Laravel's own", r#"<form><input type="hidden" name="_token" value="abc123"></form>"#, "abc123"),
            ("another order, other quotes", "<form><input value='abc' type=hidden name=_token></form>", "abc"),
            ("upper case", r#"<FORM><INPUT NAME="_token" VALUE="abc"></FORM>"#, "abc"),
            ("entities", r#"<form><input name="_token" value="a&amp;b&#x2f;"></form>"#, "a&b/"),
            (
                "the first that is not empty",
                r#"<form><input name="_token" value=""></form><form><input name="_token" value="b"></form>"#,
                "b",
            ),
            ("a page without an end", r#"<form><p><input name="_token" value="abc">"#, "abc"),
            ("the meta tag", r#"<meta name="csrf-token" content="abc"><form></form>"#, "abc"),
        ] {
            let answer = response(200, page);
            let token = token(&answer, "_token").unwrap();
            assert_eq!(token.expose_secret(), found, "{case}");
        }
        let answer = response(200, r#"<form><input name="_token" value="abcdefgh">"#);
        token(&answer, "_token").unwrap();
        assert_eq!(answer.redactor.redact("it is abcdefgh"), "it is [redacted]");
    }

    #[test]
    fn what_is_there_instead_is_told() {
        let input = r#"<input name="_token" value="abc">"#;
        for (case, page, field, seen) in [
            ("no form", "<h1>Hello</h1>".to_owned(), "_token", "no form"),
            ("outside of a form", input.to_owned(), "_token", "no form"),
            ("in a comment", format!("<form><!-- {input} --></form>"), "_token", "a form without fields"),
            ("in a script", format!("<form><script>{input:?}</script></form>"), "_token", "a form without fields"),
            ("in a template", format!("<form><template>{input}</template></form>"), "_token", "a form without fields"),
            ("empty", r#"<form><input name="_token" value=" "></form>"#.to_owned(), "_token", "an empty _token"),
            (
                "other fields",
                r#"<form><input name="email"><input name="q"></form>"#.to_owned(),
                "_token",
                "a form with email, q",
            ),
            ("an odd name", format!("<form>{input}</form>"), "a\"]b[", "a form with _token"),
        ] {
            let mismatch = token(&response(200, &page), field).unwrap_err();
            assert_eq!((mismatch.kind, mismatch.seen.as_str()), (FailureKind::Assertion, seen), "{case}");
        }
        let mut json = response(200, "{}");
        json.headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        assert_eq!(token(&json, "_token").unwrap_err().kind, FailureKind::Body);
    }
}
