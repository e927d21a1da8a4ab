//! Reads `samconfig.toml`, the SAM CLI configuration of each environment.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use toml::{Table, Value};

/// The template that SAM CLI deploys when the file names none.
const DEFAULT_TEMPLATE: &str = "template.yaml";

/// The content of the file, by environment.
pub(crate) struct Samconfig {
    file: String,
    environments: Table,
}

impl Samconfig {
    /// Reads the file. A missing file has no environments.
    ///
    /// # Errors
    /// When the file is unreadable or invalid.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let name = file.display().to_string();
        let text = if file.exists() {
            std::fs::read_to_string(file).with_context(|| format!("failed to read {name}"))?
        } else {
            String::new()
        };
        Self::parse(&name, &text)
    }

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
        bail!("{}: expected one of the environments {}, found `{environment}`", self.file, known.join(", "))
    }

    /// Returns the region that an environment is deployed to, if the file names one.
    pub(crate) fn region(&self, environment: &str) -> Option<String> {
        let region = |command| self.value(environment, command, "region");
        region("deploy").or_else(|| region("global"))?.as_str().map(str::to_owned)
    }

    /// Returns the template parameters of an environment's stack.
    ///
    /// # Errors
    /// When `parameter_overrides` does not consist of NAME=VALUE pairs.
    pub(crate) fn parameters(&self, environment: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let key = "parameter_overrides";
        let pairs: Vec<&str> = match self.value(environment, "deploy", key) {
            None => Vec::new(),
            Some(Value::String(text)) => text.split_whitespace().collect(),
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            Some(other) => {
                bail!("{}: {environment}.deploy.parameters.{key}: expected a list, found {other}", self.file)
            }
        };
        pairs
            .into_iter()
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => Ok((name.to_owned(), value.trim_matches('"').to_owned())),
                None => {
                    bail!("{}: {environment}.deploy.parameters.{key}: expected NAME=VALUE, found `{pair}`", self.file)
                }
            })
            .collect()
    }
}

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
        let wrong = |value: &str| samconfig(value).parameters("x").unwrap_err().to_string();
        assert!(wrong("[\"A\"]").contains("expected NAME=VALUE, found `A`"));
        assert!(wrong("3").contains("expected a list, found 3"));
    }
}
