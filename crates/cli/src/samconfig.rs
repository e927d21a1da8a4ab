//! `samconfig.toml`: what SAM CLI is told of each environment.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use toml::{Table, Value};

/// What SAM CLI deploys when it is not told.
const USUAL: &str = "template.yaml";

/// The file, by environments.
pub(crate) struct Samconfig {
    file: String,
    environments: Table,
}

impl Samconfig {
    /// Nothing, where there is no such file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let name = file.display().to_string();
        let text = if file.exists() {
            std::fs::read_to_string(file).with_context(|| format!("failed to read {name}"))?
        } else {
            String::new()
        };
        Self::parse(&name, &text)
    }

    /// What a file of this name says.
    ///
    /// # Errors
    /// When it is no TOML.
    pub(crate) fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let environments = text.parse().with_context(|| format!("failed to read {file}"))?;
        Ok(Self { file: file.to_owned(), environments })
    }

    /// The names of environments: what `--config-env` takes for the functions' stack, those of stacks beside it not.
    pub(crate) fn environments(&self) -> impl Iterator<Item = &str> {
        self.environments.keys().map(String::as_str).filter(|name| self.template(name) == Some(USUAL))
    }

    /// The file name of the template that is deployed by a name, wherever it was built; `None`: nothing is.
    pub(crate) fn template(&self, environment: &str) -> Option<&str> {
        self.environments.get(environment)?.get("deploy")?.get("parameters")?;
        let file = self.value(environment, "deploy", "template_file").and_then(Value::as_str).unwrap_or(USUAL);
        Path::new(file).file_name()?.to_str()
    }

    fn value(&self, environment: &str, command: &str, key: &str) -> Option<&Value> {
        self.environments.get(environment)?.get(command)?.get("parameters")?.get(key)
    }

    /// A typing error would be taken for an environment with the defaults of the templates.
    ///
    /// # Errors
    /// When no functions are deployed by this name, though some are by others.
    pub(crate) fn must_know(&self, environment: &str) -> anyhow::Result<()> {
        if self.environments.is_empty() || self.template(environment) == Some(USUAL) {
            return Ok(());
        }
        let known: Vec<&str> = self.environments().collect();
        bail!("{} has no environment `{environment}`; there are {}", self.file, known.join(", "))
    }

    pub(crate) fn region(&self, environment: &str) -> Option<String> {
        let of = |command| self.value(environment, command, "region");
        of("deploy").or_else(|| of("global"))?.as_str().map(str::to_owned)
    }

    /// The parameters that the stack of an environment is deployed with.
    ///
    /// # Errors
    /// When they are no pairs.
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
    fn what_a_command_is_told_goes_before_what_all_are() {
        let text = "[x.global.parameters]\nregion = \"eu-north-1\"\n[x.deploy.parameters]\nregion = \"eu-west-1\"\n\
                    template_file = \".aws-sam/build/template.yaml\"\n[y.deploy.parameters]\ntemplate_file = \"./alarms.yaml\"\n";
        let samconfig = Samconfig::parse("samconfig.toml", text).unwrap();
        assert_eq!(samconfig.region("x").as_deref(), Some("eu-west-1"));
        assert_eq!((samconfig.template("x"), samconfig.template("y")), (Some("template.yaml"), Some("alarms.yaml")));
        assert!(samconfig.must_know("x").is_ok() && samconfig.must_know("y").is_err());
    }

    #[test]
    fn parameters_are_one_text_or_a_list() {
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
