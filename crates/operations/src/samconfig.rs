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

/// Places of the file below a folder.
const PLACES: [&str; 2] = ["infra/samconfig.toml", "samconfig.toml"];

/// The content of the file, by environment.
#[derive(Clone, Debug)]
pub struct Samconfig {
    file: String,
    environments: Table,
}

impl Samconfig {
    /// Finds and reads the file of the project that a folder belongs to: in `infra/`, or directly in the folder or one above.
    /// `None`: there is none.
    ///
    /// # Errors
    /// When the file is unreadable or not valid TOML.
    pub fn find(folder: &Path) -> anyhow::Result<Option<Self>> {
        let candidates = folder.ancestors().flat_map(|folder| PLACES.map(|place| folder.join(place)));
        let Some(file) = candidates.into_iter().find(|file| file.is_file()) else { return Ok(None) };
        let shown = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        let text = std::fs::read_to_string(&file).with_context(|| format!("failed to read {shown}"))?;
        Self::parse(&shown, &text).map(Some)
    }

    /// Returns the name of the file, for messages.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the name of the stack that a `--config-env` name deploys, if the file names one.
    #[must_use]
    pub fn stack_name(&self, config_env: &str) -> Option<&str> {
        let name = |command| self.value(config_env, command, "stack_name");
        name("deploy").or_else(|| name("global"))?.as_str()
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
        bail!("{}: {}", self.file, unknown("environment", environment, &known, ""))
    }

    /// Returns the region that an environment is deployed to, if the file names one.
    #[must_use]
    pub fn region(&self, environment: &str) -> Option<String> {
        let region = |command| self.value(environment, command, "region");
        region("deploy").or_else(|| region("global"))?.as_str().map(str::to_owned)
    }

    /// Returns the template parameters of an environment's stack.
    ///
    /// # Errors
    /// When `parameter_overrides` is not what SAM CLI reads, with its place in the file.
    pub fn parameters(&self, environment: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let command = if self.value(environment, "deploy", OVERRIDES).is_some() { "deploy" } else { "global" };
        let key = format!("{environment}.{command}.parameters.{OVERRIDES}");
        self.overrides(environment).map_err(|rule| anyhow!("{}: {key}: {rule}", self.file))
    }

    /// Returns the template parameters of an environment's stack.
    ///
    /// # Errors
    /// The expected and the found form of `parameter_overrides`.
    pub(crate) fn overrides(&self, environment: &str) -> Result<BTreeMap<String, String>, String> {
        let value = |command| self.value(environment, command, OVERRIDES);
        let Some(found) = value("deploy").or_else(|| value("global")) else { return Ok(BTreeMap::new()) };
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
    fn nearest_file_is_found() {
        let folder = std::env::temp_dir().join(format!("samconfig-{}", std::process::id()));
        let below = folder.join("docs/runbooks");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::create_dir_all(folder.join("infra")).unwrap();
        let text = "[x.global.parameters]\nregion = \"eu-west-1\"\nstack_name = \"mine\"\n";
        std::fs::write(folder.join("infra/samconfig.toml"), text).unwrap();
        let found = Samconfig::find(&folder).unwrap().unwrap();
        assert_eq!(found.file(), "infra/samconfig.toml");
        assert_eq!((found.region("x").as_deref(), found.stack_name("x")), (Some("eu-west-1"), Some("mine")));
        assert_eq!((found.region("y"), found.stack_name("y")), (None, None));
        assert!(Samconfig::find(&below).unwrap().unwrap().file().ends_with("/infra/samconfig.toml"));
        std::fs::write(folder.join("infra/samconfig.toml"), "region =").unwrap();
        let error = Samconfig::find(&folder).unwrap_err().to_string();
        assert_eq!(error, "failed to read infra/samconfig.toml");
        std::fs::remove_dir_all(&folder).unwrap();
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
