//! CSRF token of a page.

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use http::header::CONTENT_TYPE;
use secrecy::SecretString;

use crate::{Response, html::Tags};

/// Maximum number of fields to examine; no real form has more.
const MAX_FIELDS: usize = 1_000;
/// Elements whose values a form sends.
const FIELDS: [&str; 4] = ["input", "button", "textarea", "select"];

/// Value of a form's hidden field, or of `<meta name="csrf-token">` when no form has the field. The redactor masks it from
/// now on.
///
/// # Errors
/// A mismatch of kind `body` when the response is not HTML; of kind `assertion` when the page has no token, with the
/// fields of its form and its start.
pub fn token(response: &Response, field: &str) -> Result<SecretString, Mismatch> {
    let kind = response.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let is_html = |kind: &str| kind.starts_with("text/html") || kind.starts_with("application/xhtml");
    if !kind.is_empty() && !is_html(&kind.to_ascii_lowercase()) {
        return Err(mismatch(response, FailureKind::Body, "an HTML page".into(), foreign(kind).into()));
    }
    let expected = phrase!("a form with the hidden field {}", ours(field));
    match find(&response.text(), field) {
        Found::Token(token) if token.len() > response.limits.token => {
            let expected = phrase!("a hidden field {} of at most {} bytes", ours(field), response.limits.token);
            Err(mismatch(response, FailureKind::Assertion, expected, phrase!("one of {} bytes", token.len())))
        }
        Found::Token(token) => {
            response.redactor.register(&token);
            Ok(SecretString::from(token))
        }
        Found::NoForm => Err(mismatch(response, FailureKind::Assertion, expected, "no form".into())),
        Found::Nothing(actual) => Err(mismatch(response, FailureKind::Assertion, expected, actual)),
    }
}

/// True for a page without any form, as a script fills one in a single-page application, and for an answer without a page.
#[must_use]
pub fn has_no_form(response: &Response) -> bool {
    matches!(find(&response.text(), ""), Found::NoForm)
}

enum Found {
    Token(String),
    /// The page has no form at all.
    NoForm,
    Nothing(Phrase),
}

fn find(page: &str, field: &str) -> Found {
    let (mut has_form, mut in_form, mut is_empty) = (false, false, false);
    let (mut names, mut meta, mut templates) = (Vec::new(), None, 0_usize);
    // Fields may be tied to a form by its id, wherever they are.
    let (mut ids, mut tied) = (Vec::new(), Vec::new());
    for tag in Tags::new(page) {
        if tag.opens("template") {
            templates += 1;
        } else if tag.closes("template") {
            templates = templates.saturating_sub(1);
        } else if templates > 0 {
            // The content of a template is not part of the page.
        } else if tag.opens("form") {
            (has_form, in_form) = (true, true);
            ids.extend(tag.attribute("id").filter(|_| ids.len() < MAX_FIELDS));
        } else if tag.closes("form") {
            in_form = false;
        } else if FIELDS.iter().any(|name| tag.opens(name)) {
            let Some(name) = tag.attribute("name") else { continue };
            if let Some(form) = tag.attribute("form") {
                let value = tag.attribute("value").filter(|value| name == field && !value.trim().is_empty());
                tied.extend(value.filter(|_| tied.len() < MAX_FIELDS).map(|value| (form, value)));
                continue;
            }
            if !in_form {
                continue;
            }
            if name == field
                && let Some(value) = tag.attribute("value")
            {
                if !value.trim().is_empty() {
                    return Found::Token(value.into_owned());
                }
                is_empty = true;
            }
            names.push(name);
            if names.len() > MAX_FIELDS {
                break;
            }
        } else if meta.is_none() && tag.opens("meta") && tag.attribute("name").as_deref() == Some("csrf-token") {
            meta = tag.attribute("content").filter(|content| !content.trim().is_empty());
        }
    }
    let tied = tied.into_iter().find(|(form, _)| ids.contains(form)).map(|(_, value)| value);
    if let Some(token) = tied.or(meta) {
        return Found::Token(token.into_owned());
    }
    if !has_form {
        return Found::NoForm;
    }
    Found::Nothing(match (is_empty, names.is_empty()) {
        (true, _) => phrase!("an empty {}", ours(field)),
        (_, true) => "a form without fields".into(),
        _ if names.len() > MAX_FIELDS => phrase!("more than {} fields", MAX_FIELDS),
        _ => phrase!("a form with {}", foreign(names.join(", "))),
    })
}

fn mismatch(response: &Response, kind: FailureKind, expected: Phrase, actual: Phrase) -> Mismatch {
    Mismatch { kind, expected, actual, evidence: response.excerpt() }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::expect::tests::{response, shown};

    #[test]
    fn token_is_found_as_in_a_browser() {
        for (case, page, found) in [
            ("as Laravel renders it", r#"<form><input type="hidden" name="_token" value="abc123"></form>"#, "abc123"),
            ("another order, other quotes", "<form><input value='abc' type=hidden name=_token></form>", "abc"),
            ("upper case", r#"<FORM><INPUT NAME="_token" VALUE="abc"></FORM>"#, "abc"),
            ("entities", r#"<form><input name="_token" value="a&amp;b&#x2f;"></form>"#, "a&b/"),
            (
                "the first non-empty value",
                r#"<form><input name="_token" value=""></form><form><input name="_token" value="b"></form>"#,
                "b",
            ),
            ("a page without an end", r#"<form><p><input name="_token" value="abc">"#, "abc"),
            ("in a table", r#"<table><form><tr><td><input name="_token" value="abc"></table>"#, "abc"),
            ("in a form within a form", r#"<form><form><input name="_token" value="abc"></form></form>"#, "abc"),
            ("tied to its form", "<form id=f></form><p><input name=_token value=abc form=f>", "abc"),
            ("tied before its form", "<input name=_token value=abc form=f><form id=f></form>", "abc"),
            ("the meta tag", r#"<meta name="csrf-token" content="abc"><form></form>"#, "abc"),
        ] {
            let response = response(200, page);
            let token = token(&response, "_token").unwrap();
            assert_eq!(token.expose_secret(), found, "{case}");
        }
        let response = response(200, r#"<form><input name="_token" value="abcdefgh">"#);
        token(&response, "_token").unwrap();
        assert_eq!(response.redactor.redact("it is abcdefgh"), "it is [redacted]");
    }

    #[test]
    fn page_that_a_script_fills_has_no_form() {
        for (page, expected) in [
            ("<div id=app data-page='{}'></div><script src=/app.js></script>", true),
            ("<template><form></form></template>", true),
            ("", true),
            ("<form></form>", false),
            ("<form><input name=_token value=a></form>", false),
            ("<meta name=csrf-token content=a>", false),
        ] {
            assert_eq!(has_no_form(&response(200, page)), expected, "{page}");
        }
    }

    #[test]
    fn missing_token_lists_the_fields_of_the_form() {
        let input = r#"<input name="_token" value="abc">"#;
        for (case, page, field, actual) in [
            ("no form", "<h1>Hello</h1>".to_owned(), "_token", "no form"),
            ("outside of a form", input.to_owned(), "_token", "no form"),
            (
                "tied to no form",
                "<form id=f></form><input name=_token value=a form=g>".to_owned(),
                "_token",
                "a form without fields",
            ),
            (
                "tied to another form",
                "<form id=f><input name=q><input name=_token value=a form=g></form>".to_owned(),
                "_token",
                "a form with q",
            ),
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
            ("after its form", format!("<form><input name=q></form>{input}"), "_token", "a form with q"),
            (
                "fields without end",
                format!("<form>{}{input}", "<input name=q>".repeat(1_001)),
                "_token",
                "more than 1000 fields",
            ),
        ] {
            let response = response(200, &page);
            let mismatch = shown(token(&response, field).unwrap_err(), &response);
            assert_eq!((mismatch.kind, mismatch.actual.as_str()), (FailureKind::Assertion, actual), "{case}");
        }
        let mut json = response(200, "{}");
        json.headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        assert_eq!(token(&json, "_token").unwrap_err().kind, FailureKind::Body);
    }
}
