//! Form to log in of a page: its CSRF token, and the fields that a browser sends with it.

use std::borrow::Cow;

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use secrecy::SecretString;
use url::Url;

use crate::Response;
use crate::html::{Tag, Tags};

/// Maximum number of fields to examine; no real form has more.
const MAX_FIELDS: usize = 1_000;
/// Maximum length of the values that a form sends by itself, in bytes.
const MAX_VALUES: usize = 64 * 1024;
/// Elements whose values a form sends.
const FIELDS: [&str; 4] = ["input", "button", "textarea", "select"];
/// Types of `input` that a browser sends only when they are clicked or filled.
const UNSENT: [&str; 5] = ["submit", "button", "image", "reset", "file"];

/// The form to find on a page.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Name of the hidden field with the token.
    pub token_field: &'a str,
    /// Name of the field for the password.
    pub password_field: &'a str,
    /// URL that the form is sent to; `None` for the first form with the password's field, or else with the token's.
    pub action: Option<&'a Url>,
    /// URL to which the password is sent: of several forms with its field, the one with this action comes first.
    pub sent_to: Option<&'a Url>,
}

/// What a browser sends of a form, besides what the user types.
#[derive(Clone, Debug)]
pub struct Filled {
    /// CSRF token.
    pub token: SecretString,
    /// Names and values of the other inputs as the page has them. Texts of `textarea` and `select` are left out.
    pub inputs: Vec<(String, String)>,
}

/// The form with the hidden field for the token. `<meta name="csrf-token">` counts when the form has none. The redactor masks the
/// token from now on.
///
/// # Errors
/// A mismatch of kind `body` when the response is not HTML; of kind `assertion` when the page has no token, with the
/// fields of its form and its start, and when the values of its inputs are too long.
pub fn read(response: &Response, wanted: &Wanted<'_>) -> Result<Filled, Mismatch> {
    if !is_page(response) {
        let kind = response.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        return Err(mismatch(response, FailureKind::Body, "an HTML page".into(), foreign(kind).into()));
    }
    let field = ours(wanted.token_field);
    let found = Page::read(&response.text(), wanted).find(&response.url, wanted);
    match found {
        Found::Token(token, _) if token.len() > response.limits.token => {
            let expected = phrase!("a hidden field {} of at most {} bytes", field, response.limits.token);
            Err(mismatch(response, FailureKind::Assertion, expected, phrase!("one of {} bytes", token.len())))
        }
        Found::Token(token, inputs) => {
            let length: usize = inputs.iter().map(|(name, value)| name.len() + value.len()).sum();
            if length > MAX_VALUES {
                let expected = phrase!("a form with inputs of at most {} bytes", MAX_VALUES);
                return Err(mismatch(response, FailureKind::Assertion, expected, phrase!("{} bytes", length)));
            }
            response.redactor.register(&token);
            Ok(Filled { token: SecretString::from(token), inputs })
        }
        Found::Nothing(actual) => {
            let action = wanted.action.map(|url| phrase!(" and the action {}", ours(url)));
            let expected = phrase!("a form with the hidden field {}{}", field, action.unwrap_or_default());
            Err(mismatch(response, FailureKind::Assertion, expected, actual))
        }
    }
}

/// Expects an answer without a form to be a page that a script can fill, and not a blank one or one with a message only. Answers
/// other than pages hold.
///
/// # Errors
/// A mismatch of kind `assertion`, with the start of the page.
pub fn filled_by_script(response: &Response) -> Result<(), Mismatch> {
    if response.status == StatusCode::NO_CONTENT || !is_page(response) {
        return Ok(());
    }
    let page = response.text();
    // A framework finds its place by an id; its script may be loaded by other means than `script`.
    let is_filled = |tag: Tag<'_>| tag.opens("script") || tag.opens("form") || tag.attribute("id").is_some();
    if Tags::new(&page).any(is_filled) {
        return Ok(());
    }
    let actual = match page.trim().is_empty() {
        true => "a blank page".into(),
        false => phrase!("{} bytes without a form, a script, or an element with an id", response.body.len()),
    };
    let expected = "a page with a form to log in, or one that a script fills";
    Err(mismatch(response, FailureKind::Assertion, expected.into(), actual))
}

/// True for HTML, and without a content type, as browsers guess it.
fn is_page(response: &Response) -> bool {
    let kind = response.header(CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
    kind.is_empty() || kind.starts_with("text/html") || kind.starts_with("application/xhtml")
}

/// True for a page without a form to log in, such as one that a script fills, and for an answer without a page. A search form is
/// none.
#[must_use]
pub fn has_no_form(response: &Response, wanted: &Wanted<'_>) -> bool {
    let page = response.text();
    let page = Page::read(&page, wanted);
    let is_wanted = |form: &Form<'_>| form.has_password || form.has_token_field();
    wanted.action.is_none() && page.meta.is_none() && !page.forms.iter().any(is_wanted)
}

/// True for a page whose form to log in is sent by a script: a browser would put the password into the URL, since the form's
/// method is not POST. Such a form has no hidden token.
#[must_use]
pub fn has_script_form(response: &Response, wanted: &Wanted<'_>) -> bool {
    let page = response.text();
    let page = Page::read(&page, wanted);
    let is_for_users = |form: &Form<'_>| form.has_token_field() || form.has_password && form.is_posted;
    wanted.action.is_none() && page.forms.iter().any(|form| form.has_password) && !page.forms.iter().any(is_for_users)
}

/// Value of `<meta name="csrf-token">`, as scripts read it. The redactor masks it from now on. `None` without one, and for one
/// that no header can hold.
#[must_use]
pub fn meta_token(response: &Response) -> Option<SecretString> {
    let page = response.text();
    let token = Page::read(&page, &Wanted::with_token("")).meta?;
    if token.len() > response.limits.token || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    response.redactor.register(&token);
    Some(SecretString::from(token.into_owned()))
}

enum Found {
    /// The token, and the other inputs.
    Token(String, Vec<(String, String)>),
    Nothing(Phrase),
}

/// Forms of a page, and the token in its head.
#[derive(Default)]
struct Page<'a> {
    forms: Vec<Form<'a>>,
    meta: Option<Cow<'a, str>>,
    /// URL that the page names as the one its links are relative to.
    base: Option<Cow<'a, str>>,
    /// True when the page has more fields than are read.
    is_cut: bool,
}

#[derive(Default)]
struct Form<'a> {
    id: Option<Cow<'a, str>>,
    action: Option<Cow<'a, str>>,
    /// True when a browser sends the fields in the body.
    is_posted: bool,
    fields: Vec<Cow<'a, str>>,
    inputs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    has_password: bool,
    has_empty_token: bool,
    token: Option<Cow<'a, str>>,
}

/// A field of a form.
struct Field<'a> {
    name: Cow<'a, str>,
    value: Option<Cow<'a, str>>,
    is_password: bool,
    is_sent: bool,
}

impl<'a> Wanted<'a> {
    /// The form with this field for the token, and Laravel's field for the password.
    #[must_use]
    pub const fn with_token(token_field: &'a str) -> Self {
        Self { token_field, password_field: "password", action: None, sent_to: None }
    }
}

impl<'a> Page<'a> {
    fn read(page: &'a str, wanted: &Wanted<'_>) -> Self {
        let mut read = Self::default();
        let (mut in_form, mut templates, mut count) = (false, 0_usize, 0_usize);
        // Fields may be tied to a form by its id, wherever they are.
        let mut tied = Vec::new();
        for tag in Tags::new(page) {
            if tag.opens("template") {
                templates += 1;
            } else if tag.closes("template") {
                templates = templates.saturating_sub(1);
            } else if templates > 0 {
                // The content of a template is not part of the page.
            } else if tag.opens("form") && !in_form {
                in_form = true;
                let [id, action] = ["id", "action"].map(|name| tag.attribute(name));
                let is_posted =
                    tag.attribute("method").is_some_and(|method| method.trim().eq_ignore_ascii_case("post"));
                read.forms.push(Form { id, action, is_posted, ..Form::default() });
                count += 1;
            } else if tag.closes("form") {
                in_form = false;
            } else if FIELDS.iter().any(|name| tag.opens(name)) {
                let Some(name) = tag.attribute("name") else { continue };
                let field = Field::read(&tag, name, wanted);
                match (tag.attribute("form"), read.forms.last_mut()) {
                    (Some(form), _) => tied.push((form, field)),
                    (None, Some(form)) if in_form => form.add(field, wanted),
                    _ => continue,
                }
                count += 1;
            } else if read.meta.is_none() && tag.opens("meta") && tag.attribute("name").as_deref() == Some("csrf-token")
            {
                read.meta = tag.attribute("content").filter(|content| !content.trim().is_empty());
            } else if read.base.is_none() && tag.opens("base") {
                read.base = tag.attribute("href");
            }
            if count > MAX_FIELDS {
                read.is_cut = true;
                break;
            }
        }
        for (id, field) in tied {
            if let Some(form) = read.forms.iter_mut().find(|form| form.id.as_ref() == Some(&id)) {
                form.add(field, wanted);
            }
        }
        read
    }

    /// Finds the token of the wanted form.
    fn find(&self, here: &Url, wanted: &Wanted<'_>) -> Found {
        let here = &self.base.as_ref().and_then(|base| here.join(base.trim()).ok()).unwrap_or_else(|| here.clone());
        let form = if let Some(action) = wanted.action {
            let leads_there = |form: &&Form<'_>| form.leads_to(here).is_some_and(|url| is_same_place(&url, action));
            let Some(form) = self.forms.iter().find(leads_there) else {
                let actions = self.forms.iter().filter_map(|form| form.leads_to(here)).map(|url| url.path().to_owned());
                let actions: Vec<String> = actions.collect();
                return Found::Nothing(match actions.is_empty() {
                    true => "no form".into(),
                    false => phrase!("forms with the actions {}", foreign(actions.join(", "))),
                });
            };
            Some(form)
        } else {
            let with_password = || self.forms.iter().filter(|form| form.has_password);
            let with_token = |form: &&Form<'_>| form.token.is_some();
            let is_sent_there = |form: &&Form<'_>| {
                wanted.sent_to.is_some_and(|to| form.leads_to(here).is_some_and(|url| is_same_place(&url, to)))
            };
            let best = with_password().find(is_sent_there).or_else(|| with_password().find(with_token));
            let best = best.or_else(|| with_password().next());
            best.or_else(|| self.forms.iter().find(with_token)).or(self.forms.first())
        };
        if let Some(token) = form.and_then(|form| form.token.as_ref()).or(self.meta.as_ref()) {
            let is_other = |(name, _): &&(Cow<'_, str>, Cow<'_, str>)| name != wanted.token_field;
            let inputs = form.into_iter().flat_map(|form| &form.inputs).filter(is_other);
            let inputs = inputs.map(|(name, value)| (name.to_string(), value.to_string())).collect();
            return Found::Token(token.clone().into_owned(), inputs);
        }
        let Some(form) = form else { return Found::Nothing("no form".into()) };
        Found::Nothing(match form {
            Form { has_empty_token: true, .. } => phrase!("an empty {}", ours(wanted.token_field)),
            _ if self.is_cut => phrase!("more than {} fields", MAX_FIELDS),
            Form { fields, .. } if fields.is_empty() => "a form without fields".into(),
            Form { fields, .. } => phrase!("a form with {}", foreign(fields.join(", "))),
        })
    }
}

impl<'a> Field<'a> {
    fn read(tag: &Tag<'a>, name: Cow<'a, str>, wanted: &Wanted<'_>) -> Self {
        let kind = tag.attribute("type").unwrap_or_default().to_ascii_lowercase();
        let value = tag.attribute("value");
        let is_choice = kind == "checkbox" || kind == "radio";
        Self {
            is_password: tag.opens("input") && (kind == "password" || name == wanted.password_field),
            is_sent: tag.opens("input")
                && !UNSENT.contains(&kind.as_str())
                && tag.attribute("disabled").is_none()
                && (!is_choice || tag.attribute("checked").is_some()),
            value: if is_choice { Some(value.unwrap_or(Cow::Borrowed("on"))) } else { value },
            name,
        }
    }
}

impl<'a> Form<'a> {
    fn add(&mut self, field: Field<'a>, wanted: &Wanted<'_>) {
        self.has_password |= field.is_password;
        if field.name == wanted.token_field && self.token.is_none() {
            self.token = field.value.clone().filter(|value| !value.trim().is_empty());
            self.has_empty_token = self.token.is_none();
        }
        if field.is_sent {
            self.inputs.push((field.name.clone(), field.value.unwrap_or_default()));
        }
        self.fields.push(field.name);
    }

    const fn has_token_field(&self) -> bool {
        self.token.is_some() || self.has_empty_token
    }

    /// URL that the form is sent to.
    fn leads_to(&self, here: &Url) -> Option<Url> {
        here.join(self.action.as_deref().unwrap_or_default().trim()).ok()
    }
}

/// True when two URLs differ in the scheme, query or fragment at most. Behind a proxy that ends TLS, a page may name another
/// scheme.
fn is_same_place(one: &Url, other: &Url) -> bool {
    one.host() == other.host() && one.path() == other.path()
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
            (
                "the form with the password",
                "<form><input name=_token value=a></form><form><input name=password><input name=_token value=abc></form>",
                "abc",
            ),
            (
                "the first of two with a password",
                "<form><input name=password></form><form><input name=password><input name=_token value=abc></form>",
                "abc",
            ),
            (
                "the meta tag next to another form's token",
                "<meta name=csrf-token content=abc><form><input name=_token value=a></form><form><input name=password></form>",
                "abc",
            ),
            ("the meta tag", r#"<meta name="csrf-token" content="abc"><form></form>"#, "abc"),
        ] {
            let response = response(200, page);
            let form = read(&response, &Wanted::with_token("_token")).unwrap();
            assert_eq!(form.token.expose_secret(), found, "{case}");
        }
        let response = response(200, r#"<form><input name="_token" value="abcdefgh">"#);
        read(&response, &Wanted::with_token("_token")).unwrap();
        assert_eq!(response.redactor.redact("it is abcdefgh"), "it is [redacted]");
    }

    #[test]
    fn form_is_chosen_by_its_action() {
        let page = "<form action=/search><input name=_token value=a></form>\
                    <form action='https://a.dk/student/login?next=1'><input name=_token value=b></form>\
                    <form method=post><input name=password><input name=_token value=c></form>";
        for (action, found) in [
            ("/student/login", Ok("b")),
            ("/search", Ok("a")),
            ("/api/me", Ok("c")),
            ("/teacher/login", Err("forms with the actions /search, /student/login, /api/me")),
        ] {
            let mut response = response(200, page);
            response.url = "http://a.dk/api/me".parse().unwrap();
            let action = response.url.join(action).unwrap();
            let wanted = Wanted { action: Some(&action), ..Wanted::with_token("_token") };
            let form = read(&response, &wanted).map_err(|mismatch| shown(mismatch, &response).actual.to_string());
            let token = form.as_ref().map(|form| form.token.expose_secret()).map_err(String::as_str);
            assert_eq!(token, found, "{action}");
        }
    }

    #[test]
    fn form_that_leads_to_the_log_in_comes_first() {
        let forms = "<form method=post action=login><input name=password><input name=_token value=a></form>\
                     <form method=post action=student/login><input name=password><input name=_token value=b></form>";
        for (head, found) in [("", "b"), ("<base href=/student/>", "a"), ("<base href='https://a.dk/x/'>", "a")] {
            let mut response = response(200, format!("{head}{forms}").leak());
            response.url = "https://a.dk/sign-in".parse().unwrap();
            let to = "http://a.dk/student/login".parse().unwrap();
            let wanted = Wanted { sent_to: Some(&to), ..Wanted::with_token("_token") };
            assert_eq!(read(&response, &wanted).unwrap().token.expose_secret(), found, "{head}");
        }
    }

    #[test]
    fn inputs_are_those_that_a_browser_sends() {
        let page = "<form method=post><input type=hidden name=_token value=t><input type=hidden name=tenant value='a &amp; b'>\
                    <input type=hidden name=trap><input name=email value=me><input type=password name=password>\
                    <input type=checkbox name=remember><input type=checkbox name=terms checked>\
                    <input type=radio name=role value=1><input type=radio name=role value=2 checked>\
                    <input name=off value=1 disabled><input type=submit name=go value=Go><input type=file name=photo>\
                    <button name=action value=in>In</button></form><input type=hidden name=outside value=1>";
        let form = read(&response(200, page), &Wanted::with_token("_token")).unwrap();
        let inputs: Vec<(&str, &str)> =
            form.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("tenant", "a & b"), ("trap", ""), ("email", "me"), ("password", ""), ("terms", "on"), ("role", "2")];
        assert_eq!(inputs, expected);

        let long = format!("<form><input name=_token value=t><input name=state value={}>", "x".repeat(MAX_VALUES));
        let response = response(200, long.leak());
        let refused = read(&response, &Wanted::with_token("_token")).unwrap_err();
        assert_eq!(shown(refused, &response).actual, format!("{} bytes", MAX_VALUES + "state".len()));
    }

    #[test]
    fn page_without_a_form_can_be_filled_by_a_script() {
        for (page, expected) in [
            ("<div id=app data-page='{}'></div>", None),
            ("<script type=module src=/app.js></script>", None),
            ("<form><input type=password></form>", None),
            ("", Some("a blank page")),
            (" \n", Some("a blank page")),
            ("<h1>Something went wrong</h1>", Some("29 bytes without a form, a script, or an element with an id")),
            ("<!-- <script></script> -->", Some("26 bytes without a form, a script, or an element with an id")),
        ] {
            let mut response = response(200, page);
            let found = filled_by_script(&response).map_err(|mismatch| shown(mismatch, &response).actual.to_string());
            assert_eq!(found.err().as_deref(), expected, "{page}");
            response.status = StatusCode::NO_CONTENT;
            assert!(filled_by_script(&response).is_ok(), "{page}");
        }
    }

    #[test]
    fn page_that_a_script_fills_has_no_form() {
        for (page, expected) in [
            ("<div id=app data-page='{}'></div><script src=/app.js></script>", true),
            ("<template><form></form></template>", true),
            ("", true),
            ("<form></form>", true),
            ("<form><input name=q></form>", true),
            ("<form><input name=password></form>", false),
            ("<form><input name=secret type=Password></form>", false),
            ("<form id=f></form><input name=password form=f>", false),
            ("<form><input name=_token></form>", false),
            ("<form><input name=_token value=a></form>", false),
            ("<meta name=csrf-token content=a>", false),
        ] {
            assert_eq!(has_no_form(&response(200, page), &Wanted::with_token("_token")), expected, "{page}");
        }
    }

    #[test]
    fn form_without_post_is_sent_by_a_script() {
        for (page, expected) in [
            ("<form><input type=email><input type=password></form>", false),
            ("<form><input type=email name=email><input type=password name=secret></form>", true),
            ("<form method=get action=/login><input name=password></form>", true),
            ("<form method=POST><input name=password></form>", false),
            ("<form><input name=password><input name=_token value=a></form>", false),
            ("<form><input name=password><input name=_token value=''></form>", false),
            ("<form method=post><input name=q></form><form><input name=password></form>", true),
            ("<form><input name=q></form>", false),
            ("", false),
        ] {
            assert_eq!(has_script_form(&response(200, page), &Wanted::with_token("_token")), expected, "{page}");
        }
    }

    #[test]
    fn token_of_the_head_is_read() {
        let long = format!("<meta name=csrf-token content={}>", "a".repeat(100_000));
        for (page, expected) in [
            ("<meta name=csrf-token content=abc><div id=app></div>", Some("abc")),
            ("<meta name=csrf-token content='a b'>", None),
            ("<meta name=csrf-token content='æ'>", None),
            ("<meta name=csrf-token content=''>", None),
            ("<form><input name=_token value=a></form>", None),
            (long.as_str(), None),
        ] {
            let token = meta_token(&response(200, page));
            assert_eq!(token.as_ref().map(|token| token.expose_secret()), expected, "{page:.60}");
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
            let mismatch = shown(read(&response, &Wanted::with_token(field)).unwrap_err(), &response);
            assert_eq!((mismatch.kind, mismatch.actual.as_str()), (FailureKind::Assertion, actual), "{case}");
        }
        let mut json = response(200, "{}");
        json.headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        assert_eq!(read(&json, &Wanted::with_token("_token")).unwrap_err().kind, FailureKind::Body);
    }
}
