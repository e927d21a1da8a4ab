//! Reads `samconfig.toml`, the SAM CLI configuration of each environment.

mod overrides;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use settings::unknown;
use toml::{Table, Value};

use overrides::shortened;

/// The template that SAM CLI deploys when the file names none.
const DEFAULT_TEMPLATE: &str = "template.yaml";

/// The content of the file, by environment.
pub(crate) struct Samconfig {
    file: String,
    environments: Table,
}

impl Samconfig {
    /// Parses the text of a file; `file` is its name in errors.
    ///
    /// # Errors
    /// When the text is not valid TOML.
    pub(crate) fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let environments = text.parse().with_context(|| format!("failed to read {file}"))?;
        Ok(Self { file: file.to_owned(), environments })
    }

    /// Returns the environments: the `--config-env` names that deploy the functions' stack, without those of other
    /// stacks.
    pub(crate) fn environments(&self) -> impl Iterator<Item = &str> {
        self.environments.keys().map(String::as_str).filter(|name| self.template(name) == Some(DEFAULT_TEMPLATE))
    }

    /// Returns the file name, without folders, of the template that a `--config-env` name deploys. `None`: the name
    /// deploys nothing.
    pub(crate) fn template(&self, environment: &str) -> Option<&str> {
        self.environments.get(environment)?.get("deploy")?.get("parameters")?;
        let file =
            self.value(environment, "deploy", "template_file").and_then(Value::as_str).unwrap_or(DEFAULT_TEMPLATE);
        Path::new(file).file_name()?.to_str()
    }

    fn value(&self, environment: &str, command: &str, key: &str) -> Option<&Value> {
        self.environments.get(environment)?.get(command)?.get("parameters")?.get(key)
    }

    /// Rejects an unknown environment, so that a typo does not select the defaults of the templates.
    ///
    /// # Errors
    /// When the file has environments and this is not one of them.
    pub(crate) fn require_environment(&self, environment: &str) -> anyhow::Result<()> {
        if self.environments.is_empty() || self.template(environment) == Some(DEFAULT_TEMPLATE) {
            return Ok(());
        }
        let known: Vec<&str> = self.environments().collect();
        bail!("{}: {}", self.file, unknown("environment", environment, &known, ""))
    }

    /// Returns the region that an environment is deployed to, if the file names one.
    pub(crate) fn region(&self, environment: &str) -> Option<String> {
        let region = |command| self.value(environment, command, "region");
        region("deploy").or_else(|| region("global"))?.as_str().map(str::to_owned)
    }

    /// Returns the template parameters of an environment's stack.
    ///
    /// # Errors
    /// When `parameter_overrides` is not what SAM CLI reads, with its place in the file.
    pub(crate) fn parameters(&self, environment: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let key = format!("{environment}.deploy.parameters.{OVERRIDES}");
        self.overrides(environment).map_err(|rule| anyhow!("{}: {key}: {rule}", self.file))
    }

    /// Returns the template parameters of an environment's stack.
    ///
    /// # Errors
    /// The expected and the found form of `parameter_overrides`.
    pub(crate) fn overrides(&self, environment: &str) -> Result<BTreeMap<String, String>, String> {
        let found = match self.value(environment, "deploy", OVERRIDES) {
            None => return Ok(BTreeMap::new()),
            Some(found) => found,
        };
        let wrong = || format!("expected a list, found {}", shortened(&found.to_string()));
        match found {
            Value::String(text) => overrides::read(text).map(|pairs| pairs.into_iter().collect()),
            Value::Array(items) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                let pairs: Result<Vec<_>, String> = texts.ok_or_else(wrong)?.into_iter().map(overrides::read).collect();
                Ok(pairs?.into_iter().flatten().collect())
            }
            Value::Table(members) => {
                let pair = |(name, value): (&String, &Value)| {
                    let wrong = || {
                        let found = shortened(&value.to_string());
                        format!("{name}: expected a text, a number, a boolean or a list of them, found {found}")
                    };
                    Ok((name.clone(), parameter(value).ok_or_else(wrong)?))
                };
                members.iter().map(pair).collect()
            }
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => Err(wrong()),
        }
    }
}

/// Value of a parameter as SAM CLI passes it on: the items of a list are joined by commas.
fn parameter(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => Some(value.to_string()),
        Value::Array(items) if !items.iter().any(Value::is_array) => {
            Some(items.iter().map(parameter).collect::<Option<Vec<_>>>()?.join(","))
        }
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// The key of the template parameters.
pub(crate) const OVERRIDES: &str = "parameter_overrides";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deploy_parameters_override_global_parameters() {
        let text = "[x.global.parameters]\nregion = \"eu-north-1\"\n[x.deploy.parameters]\nregion = \"eu-west-1\"\n\
                    template_file = \".aws-sam/build/template.yaml\"\n[y.deploy.parameters]\ntemplate_file = \"./alarms.yaml\"\n";
        let samconfig = Samconfig::parse("samconfig.toml", text).unwrap();
        assert_eq!(samconfig.region("x").as_deref(), Some("eu-west-1"));
        assert_eq!((samconfig.template("x"), samconfig.template("y")), (Some("template.yaml"), Some("alarms.yaml")));
        assert!(samconfig.require_environment("x").is_ok() && samconfig.require_environment("y").is_err());
    }

    #[test]
    fn parameters_are_a_string_or_a_list() {
        let samconfig = |value: &str| {
            Samconfig::parse("samconfig.toml", &format!("x.deploy.parameters.parameter_overrides = {value}")).unwrap()
        };
        let pairs = BTreeMap::from([("A", "1"), ("B", "2,3")].map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(samconfig("\"A=1 B=\\\"2,3\\\"\"").parameters("x").unwrap(), pairs);
        assert_eq!(samconfig("[\"A=1\", \"B=2,3\"]").parameters("x").unwrap(), pairs);
        let long = "\"ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2,3\"";
        for value in [
            long,
            "{ A = 1, B = \"2,3\" }",
            "{ A = 1, B = [2, 3] }",
            "{ A = [\"1\"], B = [\"2\", \"3\"] }",
            "[\"A=1 B=2,3\"]",
        ] {
            assert_eq!(samconfig(value).parameters("x").unwrap(), pairs, "{value}");
        }
        let wrong = |value: &str| samconfig(value).parameters("x").unwrap_err().to_string();
        assert!(wrong("[\"A\"]").contains("expected NAME=VALUE, found `A`"));
        assert_eq!(samconfig("{ A = [] }").parameters("x").unwrap(), BTreeMap::from([("A".to_owned(), String::new())]));
        for value in ["[[1]]", "{ B = 1 }", "2026-11-22", "[2026-11-22]"] {
            let error = wrong(&format!("{{ A = {value} }}"));
            let rule = format!(
                "parameter_overrides: A: expected a text, a number, a boolean or a list of them, found {value}"
            );
            assert!(error.contains(&rule), "{error}");
        }
        for value in ["3", "2026-11-22", "[1]"] {
            let error = wrong(value);
            assert!(
                error.contains("samconfig.toml: x.deploy.parameters.parameter_overrides: expected a list"),
                "{error}"
            );
        }
    }
}
