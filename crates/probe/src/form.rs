//! Form to log in of a page: its CSRF token, and the fields that a browser sends with it.

use std::borrow::Cow;

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use http::StatusCode;
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
    /// True when a browser sends the form, without a script: by POST, to the page's own host, with the token in a field.
    pub is_sent_by_browser: bool,
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
        let kind = response.quoted_type().unwrap_or_else(|| "no page".into());
        return Err(mismatch(response, FailureKind::Body, "an HTML page".into(), kind));
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

/// The form to log in, where the page has one and needs one; `None` for a page that a script fills or whose form a script sends,
/// and for an answer without a page, such as one that only sets cookies.
///
/// # Errors
/// Those of [`read`], and a mismatch of kind `assertion` for a page that nobody can use to log in: a blank one, or one with a
/// message only.
pub fn log_in_form(response: &Response, wanted: &Wanted<'_>) -> Result<Option<Filled>, Mismatch> {
    if wanted.action.is_none() && !is_page(response) {
        return Ok(None);
    }
    let text = response.text();
    let page = Page::read(&text, wanted);
    if !page.has_log_in() && !page.can_be_filled {
        let actual = match text.trim().is_empty() {
            true => "a blank page".into(),
            false => phrase!("{} bytes without a form, a script, or an element with an id", response.body.len()),
        };
        let expected = "a page with a form to log in, or one that a script fills";
        return Err(mismatch(response, FailureKind::Assertion, expected.into(), actual));
    }
    let is_by_script = !wanted.is_sent_by_browser && wanted.action.is_none();
    if is_by_script && (page.meta.is_none() && !page.has_log_in() || page.has_script_form()) {
        return Ok(None);
    }
    read(response, wanted).map(Some)
}

/// True for an answer that a browser shows as a page.
fn is_page(response: &Response) -> bool {
    response.content_type().is_page() && response.status != StatusCode::NO_CONTENT
}

/// Value of `<meta name="csrf-token">`, as scripts read it. The redactor masks it from now on. `None` without one.
///
/// # Errors
/// A mismatch of kind `assertion` for a token that no header can hold.
pub fn meta_token(response: &Response) -> Result<Option<SecretString>, Mismatch> {
    let page = response.text();
    let Some(token) = Page::read(&page, &Wanted::with_token("")).meta else { return Ok(None) };
    response.redactor.register(&token);
    let most = response.limits.token;
    let actual: Phrase = if token.len() > most {
        phrase!("one of {} bytes", token.len())
    } else if let Some(odd) = token.chars().find(|c| !c.is_ascii_graphic()) {
        phrase!("one of {} bytes with the character U+{}", token.len(), ours(format_args!("{:04X}", u32::from(odd))))
    } else {
        return Ok(Some(SecretString::from(token.into_owned())));
    };
    let expected = phrase!(
        "a token in <meta name=\"csrf-token\"> that a header can hold: at most {} printable ASCII characters, no spaces",
        most
    );
    Err(Mismatch::new(FailureKind::Assertion, expected, actual))
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
    /// True for a page with a script, or with an element by whose id a script of another kind may find its place.
    can_be_filled: bool,
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
    has_disabled_token: bool,
    token: Option<Cow<'a, str>>,
}

/// A field of a form.
struct Field<'a> {
    name: Cow<'a, str>,
    value: Option<Cow<'a, str>>,
    is_password: bool,
    is_sent: bool,
    is_disabled: bool,
}

impl<'a> Wanted<'a> {
    /// The form with this field for the token, and Laravel's field for the password.
    #[must_use]
    pub const fn with_token(token_field: &'a str) -> Self {
        Self { token_field, password_field: "password", action: None, sent_to: None, is_sent_by_browser: false }
    }
}

impl<'a> Page<'a> {
    fn read(page: &'a str, wanted: &Wanted<'_>) -> Self {
        let mut read = Self::default();
        let (mut in_form, mut templates, mut disabled, mut count) = (false, 0_usize, 0_usize, 0_usize);
        // Fields may be tied to a form by its id, wherever they are.
        let mut tied = Vec::new();
        for tag in Tags::new(page) {
            if tag.opens("template") {
                templates += 1;
            } else if tag.closes("template") {
                templates = templates.saturating_sub(1);
            } else if templates > 0 {
                // The content of a template is not part of the page.
                continue;
            }
            read.can_be_filled |= tag.attribute("id").is_some() || is_script(&tag);
            if tag.opens("fieldset") && (disabled > 0 || tag.attribute("disabled").is_some()) {
                disabled += 1;
            } else if tag.closes("fieldset") {
                disabled = disabled.saturating_sub(1);
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
                let mut field = Field::read(&tag, name, wanted);
                field.is_disabled |= disabled > 0;
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

    /// True for a page with a form to log in. A search form is none.
    fn has_log_in(&self) -> bool {
        self.forms.iter().any(|form| form.has_password || form.has_token_field())
    }

    /// True for a page whose form to log in is sent by a script: a browser would put the password into the URL, since the form's
    /// method is not POST. Such a form has no hidden token.
    fn has_script_form(&self) -> bool {
        let is_for_users = |form: &Form<'_>| form.has_token_field() || form.has_password && form.is_posted;
        self.forms.iter().any(|form| form.has_password) && !self.forms.iter().any(is_for_users)
    }

    /// Finds the token of the wanted form.
    fn find(&self, page: &Url, wanted: &Wanted<'_>) -> Found {
        let here = &self.base.as_ref().and_then(|base| page.join(base.trim()).ok()).unwrap_or_else(|| page.clone());
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
        let in_head = self.meta.as_ref().filter(|_| !wanted.is_sent_by_browser);
        if let Some(form) = form.filter(|_| wanted.is_sent_by_browser)
            && let Some(actual) = form.why_not_sent(page, here)
        {
            return Found::Nothing(actual);
        }
        if let Some(token) = form.and_then(|form| form.token.as_ref()).or(in_head) {
            let is_other = |(name, _): &&(Cow<'_, str>, Cow<'_, str>)| name != wanted.token_field;
            let inputs = form.into_iter().flat_map(|form| &form.inputs).filter(is_other);
            let inputs = inputs.map(|(name, value)| (name.to_string(), value.to_string())).collect();
            return Found::Token(token.clone().into_owned(), inputs);
        }
        let Some(form) = form else { return Found::Nothing("no form".into()) };
        Found::Nothing(match form {
            Form { has_empty_token: true, .. } => phrase!("an empty {}", ours(wanted.token_field)),
            Form { has_disabled_token: true, .. } => {
                phrase!("a disabled {}, which browsers do not send", ours(wanted.token_field))
            }
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
                && (!is_choice || tag.attribute("checked").is_some()),
            is_disabled: tag.attribute("disabled").is_some(),
            value: if is_choice { Some(value.unwrap_or(Cow::Borrowed("on"))) } else { value },
            name,
        }
    }
}

impl<'a> Form<'a> {
    fn add(&mut self, field: Field<'a>, wanted: &Wanted<'_>) {
        self.has_password |= field.is_password;
        if field.name == wanted.token_field && field.is_disabled {
            self.has_disabled_token = true;
        } else if field.name == wanted.token_field && self.token.is_none() {
            self.token = field.value.clone().filter(|value| !value.trim().is_empty());
            self.has_empty_token = self.token.is_none();
        }
        if field.is_sent && !field.is_disabled {
            self.inputs.push((field.name.clone(), field.value.unwrap_or_default()));
        }
        self.fields.push(field.name);
    }

    const fn has_token_field(&self) -> bool {
        self.token.is_some() || self.has_empty_token || self.has_disabled_token
    }

    /// Says why a browser would not send the form to the page's host, with the password in the body. Its action is relative to
    /// `here`.
    fn why_not_sent(&self, page: &Url, here: &Url) -> Option<Phrase> {
        if !self.is_posted {
            return Some("a form whose method is not POST, so that browsers put the password into the URL".into());
        }
        let to = self.leads_to(here);
        match to.as_ref().map(|to| to.host() == page.host()) {
            Some(true) => None,
            Some(false) => to.map(|to| {
                phrase!("a form that is sent to another host, {}", foreign(to.host_str().unwrap_or_default()))
            }),
            None => Some("a form whose action is no URL".into()),
        }
    }

    /// URL that the form is sent to.
    fn leads_to(&self, here: &Url) -> Option<Url> {
        here.join(self.action.as_deref().unwrap_or_default().trim()).ok()
    }
}

/// True for a script that a browser runs, as opposed to data.
fn is_script(tag: &Tag<'_>) -> bool {
    let kind = tag.attribute("type").unwrap_or_default().to_ascii_lowercase();
    tag.opens("script") && (kind.is_empty() || kind == "module" || kind.contains("javascript"))
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
mod tests;
