#![doc = include_str!("../README.md")]

mod curl;
mod draft;
mod error;
mod format;
mod har;
mod openapi;
mod secrets;
mod targets;
mod written;

use url::Url;

pub use error::{ImportError, MAX_SIZE};
pub use format::Format;
pub use targets::Imported;

/// Imports a text. Requests to `base_url` are written as paths below it.
///
/// # Errors
/// When the text is too long or not of its format.
pub fn import(text: &str, format: Option<Format>, base_url: Option<&Url>) -> Result<Imported, ImportError> {
    if text.len() > MAX_SIZE {
        return Err(ImportError::TooLarge);
    }
    if base_url.is_some_and(|url| !is_base(url)) {
        return Err(ImportError::BaseUrl);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let drafts = match format.map_or_else(|| Format::detect(text), Ok)? {
        Format::Curl => curl::drafts(text)?,
        Format::Har => har::drafts(text)?,
        Format::OpenApi => openapi::drafts(text)?,
    };
    Ok(targets::write(drafts, base_url))
}

fn is_base(url: &Url) -> bool {
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    is_bare && is_anonymous && settings::check_requestable(url).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAGMENTS: [&str; 40] = [
        "curl ",
        "curl https://a.example/",
        "https://",
        "a.example",
        "/",
        "?",
        "&",
        "token=",
        "-H ",
        "-d ",
        "-u ",
        "-b ",
        "-X ",
        "--json ",
        "'",
        "\"",
        "$'",
        "\\",
        "\n",
        "\r",
        "\u{85}",
        "\u{202e}",
        "\u{0}",
        "\\n",
        "\\u0000",
        "\\xff",
        "#",
        "[check.login]",
        "\"\"\"",
        "'''",
        "x: ",
        "authorization: Bearer ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        "null",
        "=",
        "ø",
    ];

    fn hostile() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..30).prop_map(|parts| parts.concat())
    }

    /// Only targets are in the output, and nothing in it is hidden.
    fn assert_contained(imported: &Imported) {
        let visible = |c: char| c == '\n' || !check::is_interpreted(c);
        assert!(imported.toml.chars().all(visible), "{:?}", imported.toml);
        let document: toml_edit::DocumentMut = imported.toml.parse().unwrap();
        let targets = document.get("check").map_or(0, |check| {
            assert_eq!(check.as_table().unwrap().len(), 1, "{}", imported.toml);
            assert_eq!(check["availability"].as_table().unwrap().len(), 1, "{}", imported.toml);
            check["availability"]["targets"].as_array_of_tables().unwrap().len()
        });
        assert!(document.len() <= 1, "{}", imported.toml);
        assert_eq!(targets, imported.targets, "{}", imported.toml);
    }

    proptest! {
        #[test]
        fn any_command_stays_in_its_place(text in hostile()) {
            if let Ok(imported) = import(&format!("curl https://a.example/ {text}"), Some(Format::Curl), None) {
                assert_contained(&imported);
            }
        }

        #[test]
        fn any_text_of_a_har_file_stays_in_its_place(url in hostile(), name in hostile(), value in hostile()) {
            let request = serde_json::json!({
                "method": "POST", "url": format!("https://a.example/{url}"), "headers": [{"name": name, "value": value}],
                "postData": {"mimeType": name, "text": value},
            });
            let entry = serde_json::json!({"_resourceType": "xhr", "request": request, "response": {"status": 200}});
            let har = serde_json::json!({"log": {"entries": [entry]}}).to_string();
            assert_contained(&import(&har, None, None).unwrap());
        }

        #[test]
        fn any_text_of_a_document_stays_in_its_place(path in hostile(), name in hostile(), value in hostile()) {
            let parameters = serde_json::json!([
                {"name": name, "in": "query", "example": value}, {"name": value, "in": "header", "example": name},
            ]);
            let operation = serde_json::json!({"parameters": parameters, "security": [{name.clone(): []}]});
            let paths = serde_json::json!({format!("/{path}"): {"get": operation}});
            let document = serde_json::json!({"openapi": "3.1.0", "paths": paths}).to_string();
            assert_contained(&import(&document, None, None).unwrap());
        }
    }

    #[test]
    fn shared_parts_take_no_more_than_their_share() {
        let long = "x".repeat(1_000_000);
        for (urls, left_out) in [(50, 50), (200, 1)] {
            let many: String = (0..urls).map(|number| format!(" https://a.example/{number}")).collect();
            let imported = import(&format!("curl{many} -d {long}"), None, None).unwrap();
            assert_eq!((imported.targets, imported.left_out), (0, left_out), "{urls} URLs");
        }
        let parameters = serde_json::json!([{"$ref": "#/long"}]);
        let paths: serde_json::Map<String, serde_json::Value> = (0..1_500)
            .map(|number| (format!("/{number}"), serde_json::json!({"get": {"parameters": parameters}})))
            .collect();
        let parameter = serde_json::json!({"name": "a", "in": "query", "example": long});
        let document = serde_json::json!({"openapi": "3.0.0", "paths": paths, "long": parameter}).to_string();
        let imported = import(&document, None, None).unwrap();
        assert_eq!((imported.targets, imported.left_out), (0, 1_001), "the last comment counts the rest");
        assert!(imported.toml.len() < 200_000, "{}", imported.toml.len());
    }
}
