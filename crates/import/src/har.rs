//! Requests of a HAR file (HTTP Archive 1.2), as browsers save them.

use std::collections::BTreeSet;

use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::draft::{Draft, Drafts, Header, LeftOut, Secret, Status};
use crate::error::ImportError;

const EXPECTED: &str = "a HAR file, with `log.entries`";
const FORM: &str = "application/x-www-form-urlencoded";

/// Headers with which a browser describes itself, its cache and the page, and those of its session.
const BROWSER_HEADERS: [&str; 16] = [
    "accept-encoding",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "dnt",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
];

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
    response: Response,
    /// Type of the request in Chrome's files.
    #[serde(rename = "_resourceType")]
    resource_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    cookies: Vec<serde::de::IgnoredAny>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: Option<String>,
    text: Option<String>,
    params: Option<Vec<Pair>>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    status: i64,
    #[serde(default)]
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    mime_type: String,
}

/// Reads the documents and the requests of scripts, each once.
pub(crate) fn drafts(text: &str) -> Result<Drafts, ImportError> {
    let har: Har = serde_json::from_str(text).map_err(|error| {
        // Its message may quote the file.
        let kind = if error.is_data() { "JSON of another form" } else { "JSON with a mistake" };
        let found = format!("{kind} on line {}, column {}", error.line(), error.column());
        ImportError::Malformed { expected: EXPECTED, found }
    })?;
    let mut drafts = Drafts::default();
    let mut seen = BTreeSet::new();
    for (index, entry) in har.log.entries.into_iter().enumerate() {
        if !entry.is_imported() {
            continue;
        }
        let body = entry.request.post_data.as_ref().and_then(|data| data.text.clone());
        let identity = (entry.request.method.clone(), entry.request.url.clone(), body, entry.response.status);
        if seen.insert(identity) {
            drafts.push(entry.draft(format!("entry {}", index + 1)));
        }
    }
    Ok(drafts)
}

impl Entry {
    /// True for documents and requests of scripts; not for images, styles, and what is not HTTP.
    fn is_imported(&self) -> bool {
        let is_http = Url::parse(&self.request.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let destination = self.request.header("sec-fetch-dest");
        let is_wanted = match (&self.resource_type, destination) {
            (Some(resource), _) => matches!(resource.as_str(), "document" | "xhr" | "fetch"),
            (None, Some(destination)) => matches!(destination, "document" | "empty" | "iframe"),
            (None, None) => {
                let media_type = self.response.content.mime_type.to_ascii_lowercase();
                ["html", "json", "xml"].iter().any(|part| media_type.contains(part)) && !media_type.contains("svg")
            }
        };
        is_http && is_wanted
    }

    fn draft(self, place: String) -> Result<Draft, LeftOut> {
        let mut draft = Draft { place, method: self.request.method.to_ascii_uppercase(), ..Draft::default() };
        let status = match u16::try_from(self.response.status) {
            // The browser's cache had the rest.
            Ok(304) => 200,
            Ok(status @ 200..400) => status,
            _ => return Err(draft.refused(format!("its status was {}", self.response.status))),
        };
        draft.status = (status != 200).then_some(Status::Code(status));
        draft.max_redirects = (status >= 300).then_some(0);
        if self.request.header("cookie").is_some() || !self.request.cookies.is_empty() {
            draft.left_out.push("the cookies of the browser, since they belong to its session".to_owned());
        }
        let Request { url, headers, post_data, .. } = self.request;
        draft.url = url;
        for Pair { name, value } in headers {
            let lower = name.to_ascii_lowercase();
            let is_browsers = lower.starts_with(':') || lower.starts_with("sec-");
            if !is_browsers && !BROWSER_HEADERS.contains(&lower.as_str()) {
                draft.headers.push(Header { name, value: Secret::Value(value) });
            }
        }
        if let Some(data) = post_data {
            match data.body() {
                Ok(body) => draft.body = Some((body, FORM)),
                Err(reason) => return Err(draft.refused(reason)),
            }
            let media_type = data.mime_type.filter(|media_type| !media_type.is_empty());
            if let Some(media_type) = media_type.filter(|_| draft.header("content-type").is_none()) {
                let value = Secret::Value(media_type);
                draft.headers.push(Header { name: "content-type".to_owned(), value });
            }
        }
        Ok(draft)
    }
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    }
}

impl PostData {
    fn body(&self) -> Result<String, &'static str> {
        if self.mime_type.as_ref().is_some_and(|media_type| media_type.to_ascii_lowercase().starts_with("multipart/")) {
            return Err("a multipart form, which targets do not send");
        }
        let params = self.params.as_deref().unwrap_or_default();
        if let Some(text) = self.text.as_ref().filter(|text| !text.is_empty() || params.is_empty()) {
            return Ok(text.clone());
        }
        // The names and values of some browsers are encoded, as they were sent.
        let decoded = |text: &str| form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
        let mut form = form_urlencoded::Serializer::new(String::new());
        for Pair { name, value } in params {
            form.append_pair(&decoded(name).unwrap_or_default(), &decoded(value).unwrap_or_default());
        }
        Ok(form.finish())
    }
}
