//! Keys of a request, and what is said about them.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use percent_encoding::percent_decode_str;
use toml_edit::{Array, InlineTable, Item, Table, Value, value};
use url::{Position, Url, form_urlencoded};

use crate::draft::{Credentials, Draft, Header, LeftOut, Secret, Status};
use crate::secrets::{Secrets, is_secret_name, secret_in_body};
use crate::written::{json, text};

/// Methods of targets.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Headers that the client sends with a value of its own and the same meaning.
const OWN_HEADERS: [&str; 5] = ["accept-encoding", "connection", "content-length", "keep-alive", "transfer-encoding"];
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain; charset=utf-8";

/// Request in the keys of a target.
pub(super) struct Request {
    /// Keys without `id` and `deadline`.
    pub(super) table: Table,
    pub(super) method: String,
    /// Path of the URL, decoded.
    pub(super) path: String,
    pub(super) deadline: Option<Duration>,
    /// Variables that references name, and the meaning of their values.
    pub(super) variables: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
    pub(super) left_out: Vec<String>,
}

impl Request {
    /// Converts a draft. URLs below `base_url` become paths; paths of the draft are joined to `base`.
    pub(super) fn new(
        mut draft: Draft,
        base_url: Option<&Url>,
        base: Option<&Url>,
        secrets: &mut Secrets,
    ) -> Result<Self, LeftOut> {
        mask_all(&draft, secrets);
        let mut url = match absolute(&draft.url, base) {
            Ok(url) => url,
            Err(reason) => return Err(draft.refused(reason)),
        };
        url.set_fragment(None);
        if !METHODS.contains(&draft.method.as_str()) {
            let reason = format!("expected one of the methods {}", METHODS.join(", "));
            return Err(draft.refused(reason));
        }
        take_user(&mut url, &mut draft);
        let mut request = Self {
            table: Table::new(),
            method: draft.method.clone(),
            path: percent_decode_str(url.path()).decode_utf8_lossy().into_owned(),
            deadline: draft.deadline,
            variables: Vec::new(),
            notes: Vec::new(),
            left_out: std::mem::take(&mut draft.left_out),
        };
        request.drop_secret_parameters(&mut url, secrets);
        request.put_url(&url, draft.url.starts_with('/'), base_url);
        if draft.method != Method::GET.as_str() {
            request.table.insert("method", value(&draft.method));
        }
        if matches!(draft.method.as_str(), "POST" | "PUT" | "PATCH" | "DELETE") {
            request.notes.push("Sent in every run: keep it only if its repetition is harmless.".to_owned());
        }
        if let Some(redirects) = draft.max_redirects {
            request.table.insert("max_redirects", value(i64::from(redirects)));
        }
        let content_type = match request.put_body(&draft) {
            Ok(content_type) => content_type,
            Err(reason) => return Err(draft.refused(reason)),
        };
        if let Err(reason) = request.put_headers(&mut draft, &url, content_type, secrets) {
            return Err(draft.refused(reason));
        }
        request.put_credentials(draft.auth.take(), secrets);
        if draft.has_certificate {
            request.put_certificate(secrets);
        }
        if let Some(status) = draft.status {
            let statuses: Array = match status {
                Status::Success => ["2xx"].into_iter().collect(),
                Status::Code(code) => [i64::from(code)].into_iter().collect(),
            };
            request.put("expect", "status", statuses);
        }
        Ok(request)
    }

    /// Writes a key of a table behind the name of the table and a dot.
    fn put(&mut self, table: &str, key: &str, value: impl Into<Value>) {
        let dotted = || {
            let mut table = Table::new();
            table.set_dotted(true);
            Item::Table(table)
        };
        if let Some(table) = self.table.entry(table).or_insert_with(dotted).as_table_mut() {
            table.insert(key, toml_edit::value(value));
        }
    }

    fn reference(&mut self, secrets: &mut Secrets, kind: &str, secret: &Secret, meaning: &str) -> String {
        let variable = secrets.variable(kind, secret);
        let reference = format!("env:{variable}");
        self.variables.push((variable, meaning.to_owned()));
        reference
    }

    fn drop_secret_parameters(&mut self, url: &mut Url, secrets: &mut Secrets) {
        let Some(query) = url.query() else { return };
        let mut kept = Vec::new();
        for piece in query.split('&') {
            let parsed = form_urlencoded::parse(piece.as_bytes()).next();
            match parsed.filter(|(name, value)| is_secret_name(name) && !value.is_empty()) {
                None => kept.push(piece),
                Some((name, value)) => {
                    secrets.mask(&value);
                    self.left_out.push(format!(
                        "the parameter `{name}` of the query, since a query cannot refer to a secret; send it in a header of \
                         `secret_headers`"
                    ));
                }
            }
        }
        let kept = kept.join("&");
        url.set_query(Some(kept.as_str()).filter(|kept| !kept.is_empty()));
    }

    fn put_url(&mut self, url: &Url, is_path: bool, base_url: Option<&Url>) {
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let is_below = is_path || base_url.is_some_and(|base| base.origin() == url.origin());
        // A path with two slashes at its beginning would name another host.
        if is_below && !path.starts_with("//") {
            self.table.insert("path", value(text(path)));
        } else {
            self.table.insert("url", value(text(url.as_str())));
        }
    }

    /// Writes the body. Returns the content type that a header has to name.
    fn put_body(&mut self, draft: &Draft) -> Result<Option<String>, String> {
        let header = draft.header("content-type").map(|header| header.value.text().trim().to_owned());
        let Some((body, default)) = draft.body.as_ref().filter(|(body, _)| !body.is_empty()) else {
            return Ok(header);
        };
        if matches!(draft.method.as_str(), "GET" | "HEAD") {
            return Err(format!("a {} with a body, which targets do not send", draft.method));
        }
        let media_type = header.unwrap_or_else(|| (*default).to_owned());
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if let Some(name) = secret_in_body(body, essence == FORM) {
            let reason = "since a body cannot refer to a secret; `login` checks logging in";
            return Err(format!("a body with the secret `{name}`, {reason}"));
        }
        // A signature covers the bytes of the body, so that they must not change.
        let is_signed = draft.headers.iter().any(|header| header.name.to_ascii_lowercase().contains("signature"));
        let own_type = if let Some(json) = json_body(body, &essence).filter(|_| !is_signed) {
            self.put("body", "json", json);
            JSON
        } else if let Some(form) = form_body(body, &essence) {
            self.put("body", "form", form);
            FORM
        } else {
            self.put("body", "text", text(body));
            TEXT
        };
        Ok(Some(media_type).filter(|media_type| !media_type.eq_ignore_ascii_case(own_type)))
    }

    fn put_headers(
        &mut self,
        draft: &mut Draft,
        url: &Url,
        content_type: Option<String>,
        secrets: &mut Secrets,
    ) -> Result<(), String> {
        if let Some(content_type) = content_type {
            self.put("headers", "content-type", text(&content_type));
        }
        let mut seen: Vec<String> = vec!["content-type".to_owned()];
        for Header { name, value: secret } in std::mem::take(&mut draft.headers) {
            let lower = name.to_ascii_lowercase();
            if lower == "content-type" || OWN_HEADERS.contains(&lower.as_str()) {
                continue;
            }
            if lower == "host" && secret.text().trim() == &url[Position::BeforeHost..Position::AfterPort] {
                continue;
            }
            if settings::check_header_name(&lower).is_err() {
                let is_name = http::HeaderName::try_from(&lower).is_ok();
                let reason = if is_name { "which the client sets itself" } else { "which is not the name of a header" };
                self.left_out.push(format!("the header `{name}`, {reason}"));
                continue;
            }
            if seen.contains(&lower) {
                self.left_out.push(format!("the second header `{name}`, since a target sends each once"));
                continue;
            }
            seen.push(lower.clone());
            if lower == "authorization" {
                draft.auth = Some(credentials(secret));
            } else if is_secret_name(&name) || matches!(secret, Secret::Named(_)) {
                let meaning = format!("the value of the header `{name}`");
                let reference = self.reference(secrets, &lower, &secret, &meaning);
                self.put("secret_headers", &lower, reference);
            } else if let Secret::Value(plain) = secret {
                self.put("headers", &lower, text(plain.trim()));
            } else {
                return Err(format!("a variable of the shell in the header `{name}`; fill it in first"));
            }
        }
        Ok(())
    }

    fn put_credentials(&mut self, auth: Option<Credentials>, secrets: &mut Secrets) {
        match auth {
            None => {}
            Some(Credentials::Bearer(token)) => {
                let reference =
                    self.reference(secrets, "bearer_token", &token, "the token of the request, without `Bearer`");
                self.put("auth", "bearer", reference);
            }
            Some(Credentials::Basic(user, password)) => {
                let reference =
                    self.reference(secrets, "basic_password", &password, "the password of Basic authorization");
                let mut basic = InlineTable::new();
                basic.insert("user", text(&user));
                basic.insert("password", Value::from(reference));
                self.put("auth", "basic", basic);
            }
            Some(Credentials::Header(whole, meaning)) => {
                let reference = self.reference(secrets, "authorization", &whole, meaning);
                self.put("secret_headers", "authorization", reference);
            }
        }
    }

    fn put_certificate(&mut self, secrets: &mut Secrets) {
        let unknown = Secret::Value(String::new());
        for (key, kind, meaning) in [
            ("certificate", "client_certificate", "the client's certificate in PEM"),
            ("key", "client_key", "the private key of the client's certificate in PEM, without a password"),
        ] {
            let reference = self.reference(secrets, kind, &unknown, meaning);
            self.put("client_certificate", key, reference);
        }
    }
}

/// Masks every value of the draft that may be secret in comments, before the first comment.
fn mask_all(draft: &Draft, secrets: &mut Secrets) {
    for header in draft.headers.iter().filter(|header| is_secret_name(&header.name)) {
        secrets.mask(header.value.text());
    }
}

fn absolute(written: &str, base: Option<&Url>) -> Result<Url, String> {
    let parsed = match base {
        Some(base) if written.starts_with('/') => base.join(written),
        _ => Url::parse(written),
    };
    let url = parsed.map_err(|error| format!("its URL is not valid: {error}"))?;
    settings::check_requestable(&url).map_err(|rule| format!("expected a URL {rule}"))?;
    Ok(url)
}

/// Moves user and password out of the URL.
fn take_user(url: &mut Url, draft: &mut Draft) {
    let decoded = |part: &str| {
        let part = part.replace('+', "%2B");
        form_urlencoded::parse(part.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    let user = decoded(url.username());
    let password = url.password().map(decoded);
    if user.is_empty() && password.is_none() {
        return;
    }
    if draft.auth.is_none() {
        draft.auth = Some(Credentials::from_pair(&user, &Secret::Value(password.unwrap_or_default())));
    }
    // Neither fails for http and https.
    let _ = (url.set_username(""), url.set_password(None));
}

/// Credentials of the header `Authorization`.
fn credentials(value: Secret) -> Credentials {
    let whole = "the value of the header `Authorization`";
    let Some((scheme, rest)) = value.text().trim().split_once(' ') else { return Credentials::Header(value, whole) };
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Credentials::Bearer(value.with(rest)),
        "basic" => {
            let decoded = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            match decoded.as_deref().and_then(|pair| pair.split_once(':')) {
                Some((user, password)) => Credentials::from_pair(user, &Secret::Value(password.to_owned())),
                None => Credentials::Header(value, whole),
            }
        }
        _ => Credentials::Header(value, whole),
    }
}

fn json_body(body: &str, essence: &str) -> Option<Value> {
    let is_json = essence == JSON || essence.ends_with("+json");
    json(&serde_json::from_str(body).ok().filter(|_| is_json)?)
}

/// Fields of a form, if the same bytes are sent for them.
fn form_body(body: &str, essence: &str) -> Option<InlineTable> {
    let fields: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let sent = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    let is_same = essence == FORM && sent == body;
    let has_plain_names = !fields.keys().any(|name| name.chars().any(check::is_interpreted));
    (is_same && has_plain_names).then(|| fields.iter().map(|(name, field)| (name.as_str(), text(field))).collect())
}
