//! What the doctor needs to know of a settings file.

use std::collections::BTreeMap;

use settings::Document;
use toml::Value;

use crate::checks;

/// Prefix of a reference to Parameter Store.
const PARAMETER: &str = "ssm:";
/// Prefix of a reference to an environment variable.
const VARIABLE: &str = "env:";

/// A settings file.
#[derive(Clone, Debug)]
pub struct SettingsFacts {
    /// Name of the file.
    pub(super) file: String,
    /// Digest of its values; empty if they cannot be read.
    pub(super) digest: String,
    /// Contents, or the problems of the file.
    pub(super) contents: Result<Contents, String>,
}

/// Contents of a valid settings file.
#[derive(Clone, Debug)]
pub struct Contents {
    pub(super) environment: String,
    /// Host and port of the platform.
    pub(super) platform: Option<(String, u16)>,
    /// References to secrets by check.
    pub(super) references: BTreeMap<String, Vec<Reference>>,
}

/// A reference to a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reference {
    Parameter(String),
    Variable(String),
}

impl SettingsFacts {
    /// Reads the text of a file.
    #[must_use]
    pub fn read(file: &str, text: &str) -> Self {
        let digest = Document::parse(file, text).map(|document| document.digest()).unwrap_or_default();
        let contents = contents(file, text).map_err(|error| format!("{error:#}"));
        Self { file: file.to_owned(), digest, contents }
    }
}

fn contents(file: &str, text: &str) -> anyhow::Result<Contents> {
    let checks = checks::from_text(file, text, &[])?;
    let mut references = BTreeMap::new();
    for check in &checks {
        let mut found = Vec::new();
        check.written().values().for_each(|value| collect(value, &mut found));
        found.sort();
        found.dedup();
        references.insert(check.id().to_owned(), found);
    }
    // `from_text` refuses a file without a check.
    let common = checks.first().map(|check| check.common());
    let url = common.map(|common| &common.base_url);
    Ok(Contents {
        environment: common.map(|common| common.environment.clone()).unwrap_or_default(),
        platform: url.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?))),
        references,
    })
}

fn collect(value: &Value, found: &mut Vec<Reference>) {
    match value {
        Value::String(text) => {
            let reference = match (text.strip_prefix(PARAMETER), text.strip_prefix(VARIABLE)) {
                (Some(name), _) if name.starts_with('/') => Some(Reference::Parameter(name.to_owned())),
                (_, Some(name)) => Some(Reference::Variable(name.to_owned())),
                _ => None,
            };
            found.extend(reference);
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Table(table) => table.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../../infra/layer/settings/production.example.toml");

    #[test]
    fn references_are_listed_by_check() {
        let contents = SettingsFacts::read("example", EXAMPLE).contents.unwrap();
        assert_eq!(contents.environment, "production");
        assert_eq!(contents.platform, Some(("app.justdriving.example".to_owned(), 443)));
        let login = &contents.references["login"];
        let parameter = |name: &str| Reference::Parameter(format!("/just-driving/production/login/{name}"));
        assert_eq!(login, &["ops-token", "password", "totp-seed"].map(parameter));
        assert!(SettingsFacts::read("x", "environment = 3").contents.is_err());
    }
}
