//! Operations of an OpenAPI document, version 3.0 or 3.1.
//!
//! Typed models of OpenAPI know one of the two versions, and refuse a whole document for one mistake in it. Of an operation, the
//! import reads few members, the same in both versions.

mod document;
mod parameters;
mod security;

use serde_json::Value;

use self::document::resolved;
use crate::draft::{Draft, Drafts, Header, Item, LeftOut, Secret, Status};
use crate::error::ImportError;

const EXPECTED: &str = "an OpenAPI document, version 3.0 or 3.1, in JSON or YAML";
/// Longest URL of a server. **Units:** bytes.
const MAX_URL: usize = 2_048;
/// Longest media type. **Units:** bytes.
const MAX_MEDIA_TYPE: usize = 100;
const SAFE: [&str; 2] = ["get", "head"];
/// Methods of operations that no target is made of.
const OTHERS: [&str; 6] = ["delete", "options", "patch", "post", "put", "trace"];

/// Reads the operations of a document.
pub(crate) fn drafts(text: &str) -> Result<Drafts, ImportError> {
    let malformed = |found: String| ImportError::Malformed { expected: EXPECTED, found };
    let root = document::read(text).map_err(malformed)?;
    let version =
        root.get("openapi").map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned));
    match version {
        Some(version) if version.starts_with("3.") => {}
        Some(_) => return Err(malformed("another version of OpenAPI".to_owned())),
        None if root.get("swagger").is_some() => {
            return Err(malformed("Swagger 2; convert it to OpenAPI 3 first".to_owned()));
        }
        None => return Err(malformed("no member `openapi`".to_owned())),
    }
    let mut drafts = Drafts::default();
    let paths = root.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        let Some(item) = resolved(&root, item) else {
            let reason = "a reference that leads out of the document".to_owned();
            drafts.push(Err(LeftOut { place: path.clone(), reason }));
            continue;
        };
        for method in SAFE.iter().chain(&OTHERS) {
            let Some(operation) = item.get(*method) else { continue };
            if drafts.is_full() {
                drafts.more += 1;
            } else {
                drafts.push(draft(&root, path, item, method, operation));
            }
        }
    }
    Ok(drafts)
}

fn draft(root: &Value, path: &str, item: &Value, method: &str, operation: &Value) -> Item {
    let method = method.to_ascii_uppercase();
    let mut draft = Draft { place: format!("{method} {path}"), method, ..Draft::default() };
    if !SAFE.iter().any(|safe| draft.method.eq_ignore_ascii_case(safe)) {
        let reason = "it may change something; import a curl command of it if its repetition is harmless";
        return Err(draft.refused(reason));
    }
    if operation.get("requestBody").is_some_and(|body| body.get("required") == Some(&Value::Bool(true))) {
        return Err(draft.refused("it requires a body, which targets do not send with this method"));
    }
    match server(root, item, operation) {
        Ok(server) => draft.url = server,
        Err(reason) => return Err(draft.refused(reason)),
    }
    if let Err(reason) = parameters::add(root, item, operation, path, &mut draft) {
        return Err(draft.refused(reason));
    }
    add_response(root, operation, &mut draft);
    security::add(root, operation, &mut draft);
    Ok(draft)
}

/// URL or path of the first server, without a slash at its end.
fn server(root: &Value, item: &Value, operation: &Value) -> Result<String, String> {
    let first = |level: &'_ Value| level.get("servers")?.as_array()?.first().cloned();
    let Some(server) = first(operation).or_else(|| first(item)).or_else(|| first(root)) else {
        return Ok(String::new());
    };
    let mut url = server.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    if url.len() > MAX_URL {
        return Err("its server has a very long URL".to_owned());
    }
    if url.contains(['{', '}']) {
        return Err("its server has a variable without a default".to_owned());
    }
    let url = url.trim_end_matches('/');
    let is_complete = url.is_empty() || url.starts_with('/') || url.contains("://");
    Ok(if is_complete { url.to_owned() } else { format!("/{url}") })
}

/// Adds the lowest status of success, and the media type of its body.
fn add_response(root: &Value, operation: &Value, draft: &mut Draft) {
    let Some(responses) = operation.get("responses").and_then(Value::as_object) else { return };
    let codes = responses.iter().filter_map(|(code, response)| Some((code.parse::<u16>().ok()?, response)));
    let lowest = codes.filter(|(code, _)| (200..400).contains(code)).min_by_key(|(code, _)| *code);
    let any = || responses.iter().find(|(code, _)| code.eq_ignore_ascii_case("2xx")).map(|(_, response)| response);
    let response = match lowest {
        Some((code, response)) if code < 300 => {
            draft.status = (code != 200).then_some(Status::Code(code));
            Some(response)
        }
        other => match any() {
            Some(response) => {
                draft.status = Some(Status::Success);
                Some(response)
            }
            None => {
                if let Some((code, _)) = other {
                    draft.status = Some(Status::Code(code));
                    draft.max_redirects = Some(0);
                }
                None
            }
        },
    };
    let content = response.and_then(|response| resolved(root, response)?.get("content")?.as_object());
    let json = content.and_then(|content| content.keys().find(|media_type| media_type.contains("json")));
    let has_accept = draft.header("accept").is_some();
    if let Some(media_type) =
        json.filter(|media_type| !has_accept && media_type.len() <= MAX_MEDIA_TYPE && !media_type.contains('*'))
    {
        draft.headers.push(Header { name: "accept".to_owned(), value: Secret::Value(media_type.clone()) });
    }
}
