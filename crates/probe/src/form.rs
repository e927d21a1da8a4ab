//! Form to log in of a page: its CSRF token, and what a browser sends with it.

mod body;
mod fields;

use std::borrow::Cow;
use std::fmt;

use check::{FailureKind, Mismatch, Phrase, foreign, ours, phrase};
use http::StatusCode;
use secrecy::SecretString;
use url::{Position, Url};

use crate::Response;
use crate::csp::{self, Source};
use crate::html::Tags;
use body::Content;
use fields::{Enctype, Field, Form, Kind, MAX_FIELDS, Page};

/// Maximum length of the values that a form sends by itself, in bytes.
const MAX_VALUES: usize = 64 * 1024;

/// The form to find on a page.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Name of the hidden field with the token.
    pub token_field: &'a str,
    /// Name of the field for the e-mail address.
    pub email_field: &'a str,
    /// Name of the field for the password.
    pub password_field: &'a str,
    /// URL that the form is sent to; `None` for the first form with the password's field, or else with the token's.
    pub action: Option<&'a Url>,
    /// URL to which the password is sent: of several forms with its field, the one with this action comes first.
    pub sent_to: Option<&'a Url>,
    /// True when a browser sends the form, without a script: by POST, to `sent_to`, with fields for the token, the e-mail address
    /// and the password.
    pub is_sent_by_browser: bool,
}

/// A form with its token.
#[derive(Clone)]
pub struct Filled {
    /// CSRF token.
    pub token: SecretString,
    /// What a browser sends; `None` for a page without a form.
    content: Option<Content>,
}

/// The form with the hidden field for the token. `<meta name="csrf-token">` counts when the form has none. The redactor masks the
/// token from now on.
///
/// # Errors
/// A mismatch of kind `body` when the response is not HTML; of kind `assertion` when the page has no token, with the
/// fields of its form and its start, and when the values of its inputs are too long.
pub fn read(response: &Response, wanted: &Wanted<'_>) -> Result<Filled, Mismatch> {
    if let Some(actual) = why_no_page(response) {
        return Err(mismatch(response, FailureKind::Body, "an HTML page".into(), actual));
    }
    let text = response.text();
    let page = Page::read(&text);
    let field = ours(wanted.token_field);
    match find(&page, response, wanted) {
        Ok((token, _)) if token.len() > response.limits.token => {
            let expected = phrase!("a hidden field {} of at most {} bytes", field, response.limits.token);
            Err(mismatch(response, FailureKind::Assertion, expected, phrase!("one of {} bytes", token.len())))
        }
        Ok((token, form)) => {
            let content = form.map(|form| Content::read(form, response.encoding()));
            let length = content.as_ref().map_or(0, Content::len).saturating_sub(token.len());
            if length > MAX_VALUES {
                let expected = phrase!("a form with inputs of at most {} bytes", MAX_VALUES);
                return Err(mismatch(response, FailureKind::Assertion, expected, phrase!("{} bytes", length)));
            }
            response.redactor.register(token);
            Ok(Filled { token: SecretString::from(token), content })
        }
        Err(actual) => {
            let to = wanted.action.map(|url| phrase!(" to {}", ours(url))).unwrap_or_default();
            let typed = phrase!(" and the fields {} and {}", ours(wanted.email_field), ours(wanted.password_field));
            let typed = Some(typed).filter(|_| wanted.is_sent_by_browser).unwrap_or_default();
            let expected = phrase!("a form{} with the hidden field {}{}", to, field, typed);
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
    if wanted.action.is_none() && !wanted.is_sent_by_browser && why_no_page(response).is_some() {
        return Ok(None);
    }
    let text = response.text();
    let page = Page::read(&text);
    let has_log_in = page.forms.iter().any(|form| has_password(form, wanted) || has_token_field(form, wanted));
    if !has_log_in && !page.can_be_filled {
        let actual = match text.trim().is_empty() {
            true => "a blank page".into(),
            false => phrase!("{} bytes without a form, a script, or an element with an id", response.body.len()),
        };
        let expected = "a page with a form to log in, or one that a script fills";
        return Err(mismatch(response, FailureKind::Assertion, expected.into(), actual));
    }
    let is_posted = |form: &Form<'_>| has_password(form, wanted) && form.is_posted();
    if let Some(to) = wanted.sent_to.filter(|_| !wanted.is_sent_by_browser && !page.forms.iter().any(is_posted)) {
        let policies = policies(&page, response);
        let policies: Vec<_> = policies.iter().map(|(source, policy)| (*source, policy.as_ref())).collect();
        let forbidding = csp::forbidding_requests(&policies, &response.url, &csp::upgraded(&policies, to.clone()));
        if let Some(directive) = forbidding {
            let expected = phrase!("a page whose script can send the log-in to {}", ours(to.path()));
            let actual =
                phrase!("one that browsers keep from it, by the Content-Security-Policy {}", foreign(directive));
            return Err(mismatch(response, FailureKind::Assertion, expected, actual));
        }
    }
    let is_by_script = !wanted.is_sent_by_browser && wanted.action.is_none();
    if is_by_script && (page.meta.is_none() && !has_log_in || has_script_form(&page, wanted)) {
        return Ok(None);
    }
    read(response, wanted).map(Some)
}

/// Says why a browser does not show an answer as a page.
fn why_no_page(response: &Response) -> Option<Phrase> {
    let kind = response.content_type();
    let quoted = || response.quoted_type().unwrap_or_else(|| "no Content-Type".into());
    let first = |name| response.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let begins = |name, end: char, word: &str| {
        first(name)
            .is_some_and(|text| text.split(end).next().is_some_and(|found| found.trim().eq_ignore_ascii_case(word)))
    };
    if response.status == StatusCode::NO_CONTENT {
        Some(response.quoted_type().unwrap_or_else(|| "no page".into()))
    } else if !kind.is_page() {
        Some(quoted())
    } else if begins("content-disposition", ';', "attachment") {
        Some("a file to download, by its Content-Disposition".into())
    } else if kind.is_missing() && begins("x-content-type-options", ',', "nosniff") {
        Some(phrase!("{} and X-Content-Type-Options: nosniff, so that browsers show the source", quoted()))
    } else {
        None
    }
}

/// Value of the first `input` element with this name, as a hidden field has it. `None` without one.
#[must_use]
pub fn field_value(response: &Response, name: &str) -> Option<String> {
    let page = response.text();
    let mut inputs = Tags::new(&page).filter(|tag| tag.opens("input"));
    let input = inputs.find(|tag| tag.attribute("name").is_some_and(|found| found == name))?;
    Some(input.attribute("value").unwrap_or_default().into_owned())
}

/// Value of `<meta name="csrf-token">`, as scripts read it. The redactor masks it from now on. `None` without one.
///
/// # Errors
/// A mismatch of kind `assertion` for a token that no header can hold.
pub fn meta_token(response: &Response) -> Result<Option<SecretString>, Mismatch> {
    let page = response.text();
    let Some(token) = Page::read(&page).meta else { return Ok(None) };
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

/// Content type and body in which a browser sends a form after the user has typed these values into the fields with these names.
/// Without a form, the values alone.
#[must_use]
pub fn form_body(form: Option<&Filled>, typed: &[(&str, &str)]) -> (String, Vec<u8>) {
    match form.and_then(|form| form.content.as_ref()) {
        Some(content) => content.body(typed),
        None => body::urlencoded(typed, encoding_rs::UTF_8),
    }
}

impl<'a> Wanted<'a> {
    /// The form with this field for the token, and Laravel's fields for the e-mail address and the password.
    #[must_use]
    pub const fn with_token(token_field: &'a str) -> Self {
        let (email_field, password_field) = ("email", "password");
        Self { token_field, email_field, password_field, action: None, sent_to: None, is_sent_by_browser: false }
    }
}

/// Omits the values, which are secrets.
impl fmt::Debug for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filled").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Finds the token of the wanted form, and the form unless the page has none.
///
/// # Errors
/// Why there is no such token.
fn find<'p, 'a>(
    page: &'p Page<'a>,
    response: &Response,
    wanted: &Wanted<'_>,
) -> Result<(&'p str, Option<&'p Form<'a>>), Phrase> {
    let base = &page.base(&response.url);
    let leads_to = |form: &Form<'_>| form.leads_to(&response.url, base);
    let leading = |forms: &[&'p Form<'a>], to: &Url| {
        let there = forms.iter().filter(|form| leads_to(form).is_some_and(|url| is_same_place(&url, to)));
        there.min_by_key(|form| leads_to(form).is_none_or(|url| query(&url) != query(to))).copied()
    };
    let form = if let Some(action) = wanted.action {
        Some(leading(&page.forms.iter().collect::<Vec<_>>(), action).ok_or_else(|| {
            let actions: Vec<_> = page.forms.iter().filter_map(leads_to).map(|url| url.path().to_owned()).collect();
            match actions.is_empty() {
                true => "no form".into(),
                false => phrase!("forms with the actions {}", foreign(actions.join(", "))),
            }
        })?)
    } else {
        let with_password: Vec<_> = page.forms.iter().filter(|form| has_password(form, wanted)).collect();
        let with_token = |form: &&Form<'_>| token(form, wanted).is_some();
        let best = wanted.sent_to.and_then(|to| leading(&with_password, to));
        let best = best.or_else(|| with_password.iter().copied().find(with_token));
        let best = best.or_else(|| with_password.first().copied());
        best.or_else(|| page.forms.iter().find(with_token)).or(page.forms.first())
    };
    let in_head = page.meta.as_deref().filter(|_| !wanted.is_sent_by_browser);
    if let Some(form) = form.filter(|_| wanted.is_sent_by_browser)
        && let Some(actual) = why_not_sent(form, page, response, wanted.sent_to)
    {
        return Err(actual);
    }
    let Some(form) = form else { return in_head.map(|token| (token, None)).ok_or_else(|| "no form".into()) };
    let token = token(form, wanted).or(in_head).ok_or(wanted.token_field);
    let typed = [wanted.email_field, wanted.password_field];
    let can_be_filled = |field: &&Field<'_>| field.kind.is_typed() && (!field.is_readonly || page.has_script);
    let cannot_be_filled = |name: &&str| !form.fields.iter().filter(can_be_filled).any(|field| field.is_sent_as(name));
    let unfilled = typed.into_iter().find(|name| wanted.is_sent_by_browser && cannot_be_filled(name));
    match (token, unfilled) {
        (Ok(token), None) => Ok((token, Some(form))),
        (Err(name), _) | (Ok(_), Some(name)) => Err(why_missing(form, name, wanted, page.is_cut)),
    }
}

/// Content security policies of a page.
fn policies<'p>(page: &'p Page<'_>, response: &'p Response) -> Vec<(Source, Cow<'p, str>)> {
    let headers = response.headers.get_all("content-security-policy").iter();
    let headers = headers.map(|line| (Source::Header, String::from_utf8_lossy(line.as_bytes())));
    headers.chain(page.policies.iter().map(|policy| (Source::Page, Cow::Borrowed(policy.as_ref())))).collect()
}

/// True for a page whose scripts send no `Referer`: its last known Referrer-Policy is `no-referrer`, in a header or in a `meta`
/// element (<https://www.w3.org/TR/referrer-policy/>).
#[must_use]
pub fn withholds_referrer(response: &Response) -> bool {
    const OTHERS: [&str; 10] = [
        "no-referrer-when-downgrade",
        "same-origin",
        "origin",
        "strict-origin",
        "origin-when-cross-origin",
        "strict-origin-when-cross-origin",
        "unsafe-url",
        "always",
        "default",
        "origin-when-crossorigin",
    ];
    if why_no_page(response).is_some() {
        return false;
    }
    let text = response.text();
    let headers = response.headers.get_all("referrer-policy").iter().filter_map(|line| line.to_str().ok());
    let header = headers.flat_map(|line| line.split(',')).map(|policy| policy.trim().to_ascii_lowercase());
    let page = Page::read(&text).referrer.into_iter().map(|policy| policy.trim().to_ascii_lowercase());
    let mut known = header.chain(page).filter_map(|policy| match policy.as_str() {
        "no-referrer" | "never" => Some(true),
        other => OTHERS.contains(&other).then_some(false),
    });
    known.next_back().unwrap_or(false)
}

/// Says why a browser would not send a form to the page's host and this URL, with the password in the body.
fn why_not_sent(form: &Form<'_>, page: &Page<'_>, response: &Response, sent_to: Option<&Url>) -> Option<Phrase> {
    if !form.is_posted() {
        return Some("a form whose method is not POST, so that browsers put the password into the URL".into());
    }
    if form.enctype() == Enctype::Plain {
        return Some("a form with the enctype text/plain, which platforms do not read".into());
    }
    let here = &response.url;
    let Some(to) = form.leads_to(here, &page.base(here)) else { return Some("a form whose action is no URL".into()) };
    if to.host() != here.host() {
        let host = foreign(to.host_str().unwrap_or_default());
        return Some(phrase!("a form that is sent to another host, {}", host));
    }
    let policies = policies(page, response);
    let policies: Vec<_> = policies.iter().map(|(source, policy)| (*source, policy.as_ref())).collect();
    let to = csp::upgraded(&policies, to);
    if here.scheme() == "https" && to.scheme() == "http" {
        return Some(phrase!("a form that browsers do not send without encryption, to {}", foreign(to)));
    }
    if let Some(directive) = csp::forbidding(&policies, here, &to) {
        let has_form = directive.to_ascii_lowercase().contains("allow-forms");
        let verb = if has_form { "send without cookies" } else { "do not send" };
        let (verb, directive) = (ours(verb), foreign(directive));
        return Some(phrase!(
            "a form that browsers {} to {}, by the Content-Security-Policy {}",
            verb,
            foreign(to),
            directive
        ));
    }
    let expected = sent_to.filter(|url| !is_destination(&to, url))?;
    if !is_server_of(&to, expected) {
        return Some(phrase!("a form to {}, not to {} as the check sends it", foreign(to), ours(expected)));
    }
    Some(phrase!(
        "a form to {}, not to `platform.login.path`, {}\nset it to the action of the form if users can log in with it",
        foreign(&to[Position::BeforePath..Position::AfterQuery]),
        ours(&expected[Position::BeforePath..Position::AfterQuery])
    ))
}

/// Says why a browser sends no field of a form with this name.
fn why_missing(form: &Form<'_>, name: &str, wanted: &Wanted<'_>, is_cut: bool) -> Phrase {
    let field = form.fields.iter().find(|field| field.name == name);
    let names = || form.fields.iter().map(|field| &*field.name).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    match field {
        Some(field) if field.is_disabled => phrase!("a disabled {}, which browsers do not send", ours(name)),
        Some(_) if name == wanted.token_field => phrase!("an empty {}", ours(name)),
        Some(_) => phrase!("a field {} that users cannot fill", ours(name)),
        None if is_cut => phrase!("more than {} fields", MAX_FIELDS),
        None if names().is_empty() => "a form without fields".into(),
        None => phrase!("a form with {}", foreign(names().join(", "))),
    }
}

/// Value of the token's field in a form.
fn token<'f>(form: &'f Form<'_>, wanted: &Wanted<'_>) -> Option<&'f str> {
    let fields = form.fields.iter().filter(|field| field.is_sent_as(wanted.token_field));
    fields.filter_map(|field| field.values.first()).map(|value| &**value).find(|value| !value.trim().is_empty())
}

fn has_token_field(form: &Form<'_>, wanted: &Wanted<'_>) -> bool {
    form.fields.iter().any(|field| field.name == wanted.token_field)
}

fn has_password(form: &Form<'_>, wanted: &Wanted<'_>) -> bool {
    form.fields.iter().any(|field| field.kind == Kind::Password || field.name == wanted.password_field)
}

/// True for a page whose form to log in is sent by a script: a browser would put the password into the URL, since the form's
/// method is not POST. Such a form has no hidden token.
fn has_script_form(page: &Page<'_>, wanted: &Wanted<'_>) -> bool {
    let is_for_users =
        |form: &Form<'_>| has_token_field(form, wanted) || has_password(form, wanted) && form.is_posted();
    page.forms.iter().any(|form| has_password(form, wanted)) && !page.forms.iter().any(is_for_users)
}

/// True when two URLs differ in the scheme, port, query or fragment at most. Behind a proxy that ends TLS, a page may name
/// another scheme.
fn is_same_place(one: &Url, other: &Url) -> bool {
    one.host() == other.host() && one.path() == other.path()
}

/// True when a form leads to a URL, or to the same one with `https` and its default port.
fn is_destination(form: &Url, to: &Url) -> bool {
    is_server_of(form, to) && is_same_place(form, to) && query(form) == query(to)
}

/// True for a form to the scheme and port of a URL, or to the default port of `https`.
fn is_server_of(form: &Url, to: &Url) -> bool {
    let is_upgrade = form.scheme() == "https" && to.scheme() == "http";
    form.port() == to.port() && form.scheme() == to.scheme() || is_upgrade && form.port().is_none()
}

/// Query of a URL; empty without one.
fn query(url: &Url) -> &str {
    url.query().unwrap_or_default()
}

fn mismatch(response: &Response, kind: FailureKind, expected: Phrase, actual: Phrase) -> Mismatch {
    Mismatch { kind, expected, actual, evidence: response.excerpt() }
}

#[cfg(test)]
mod tests;
