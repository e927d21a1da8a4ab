//! Security schemes of an operation.

use serde_json::Value;

use super::document::resolved;
use crate::draft::{Credentials, Draft, Header, Secret};

/// Most schemes of an operation.
const MAX_SCHEMES: usize = 10;
/// Longest name of a scheme. **Units:** bytes.
const LONGEST_NAME: usize = 200;

/// Adds the credentials that the operation requires. Of alternatives it takes the first; an operation that may be called
/// without credentials gets none.
pub(super) fn add(root: &Value, operation: &Value, draft: &mut Draft) {
    let required = operation.get("security").or_else(|| root.get("security")).and_then(Value::as_array);
    let alternatives: Vec<_> = required.into_iter().flatten().filter_map(Value::as_object).collect();
    if alternatives.iter().any(|schemes| schemes.is_empty()) {
        return;
    }
    let Some(schemes) = alternatives.first() else { return };
    for name in schemes.keys().take(MAX_SCHEMES) {
        if name.len() > LONGEST_NAME {
            draft.left_out.push("a security scheme with a very long name".to_owned());
            continue;
        }
        let scheme = root.get("components").and_then(|parts| parts.get("securitySchemes")?.get(name));
        match scheme.and_then(|scheme| resolved(root, scheme)) {
            Some(scheme) => add_scheme(name, scheme, draft),
            None => draft.left_out.push(format!("the security scheme `{name}`, which the document does not describe")),
        }
    }
}

fn add_scheme(name: &str, scheme: &Value, draft: &mut Draft) {
    let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
    let secret = Secret::Named(name.to_owned());
    match (text("type"), text("scheme").to_ascii_lowercase().as_str(), text("in")) {
        ("http", "bearer", _) => draft.auth = Some(Credentials::Bearer(secret)),
        ("http", "basic", _) => {
            let meaning = "`Basic`, a space, and `user:password` in Base64";
            draft.auth = Some(Credentials::Header(secret, meaning));
        }
        ("apiKey", _, "header") => draft.headers.push(Header { name: text("name").to_owned(), value: secret }),
        ("apiKey", _, "cookie") => draft.headers.push(Header { name: "cookie".to_owned(), value: secret }),
        ("oauth2" | "openIdConnect", ..) => {
            draft.auth = Some(Credentials::Bearer(secret));
            draft.left_out.push(format!(
                "the log-in of the security scheme `{name}`, since its client is not in the document; write `auth.oauth2` in \
                 place of `auth.bearer`"
            ));
        }
        ("mutualTLS", ..) => draft.has_certificate = true,
        ("apiKey", _, "query") => draft
            .left_out
            .push(format!("the security scheme `{name}`, since a query cannot refer to a secret; send a header")),
        _ => draft.left_out.push(format!("the security scheme `{name}`, which targets do not know")),
    }
}
