//! Values of a table of properties.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::template::Resource;
use crate::{Actions, MetricId, NotReplayed, TemplateError};

/// Reason for a value that the template does not contain.
const DEPLOYED: &str = "its value is known only after the deployment";
/// Shortest period of the replay. **Units:** seconds.
const MINUTE: f64 = 60.0;
/// Periods below a minute that CloudWatch accepts. **Units:** seconds.
const SHORT_PERIODS: [f64; 3] = [10.0, 20.0, 30.0];

/// Limits of `PutMetricAlarm` and `PutCompositeAlarm`, according to the API reference of CloudWatch.
const MAX_ACTIONS: usize = 5;
const MAX_NAME: usize = 255;
const MAX_DIMENSIONS: usize = 30;

/// A table of properties, its path, and the parts of the alarm found so far that are not replayed.
pub(super) struct Properties<'r> {
    pub(super) resource: &'r Resource,
    pub(super) path: String,
    pub(super) values: &'r Map<String, Value>,
    pub(super) notes: &'r RefCell<Vec<NotReplayed>>,
}

impl<'r> Properties<'r> {
    /// A table within this one.
    pub(super) fn inner(&self, path: &str, values: &'r Map<String, Value>) -> Self {
        Self { resource: self.resource, path: format!("{}{path}.", self.path), values, notes: self.notes }
    }

    pub(super) fn problem(&self, name: &str, rule: impl Into<String>) -> TemplateError {
        self.resource.problem(&format!("{}{name}", self.path), rule)
    }

    /// Records a part that is not replayed.
    pub(super) fn note(&self, name: &str, part: impl Into<String>, reason: &'static str) {
        let property = format!("{}{name}", self.path);
        self.notes.borrow_mut().push(NotReplayed { property, part: part.into(), reason });
    }

    /// Rejects properties that CloudFormation does not know.
    pub(super) fn allow_only(&self, names: &[&str]) -> Result<(), TemplateError> {
        match self.values.keys().find(|name| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.problem(name, format!("expected one of {}", names.join(", ")))),
        }
    }

    /// Rejects properties that cannot be combined with another one.
    pub(super) fn reject(&self, names: &[&str], other: &str) -> Result<(), TemplateError> {
        match names.iter().find(|name| self.values.contains_key(**name)) {
            None => Ok(()),
            Some(name) => Err(self.problem(name, format!("expected none together with {other}"))),
        }
    }

    /// Reads a boolean that defaults to true, also when it is known only after the deployment.
    pub(super) fn is_true(&self, name: &str) -> Result<bool, TemplateError> {
        match self.values.get(name) {
            None => Ok(true),
            Some(Value::Bool(is)) => Ok(*is),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            Some(Value::String(text)) if is_symbolic(text) => Ok(true),
            Some(other) => Err(self.problem(name, format!("expected true or false, found {other}"))),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, TemplateError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.problem(name, format!("expected a string, found {other}"))),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<String, TemplateError> {
        self.text(name)?.ok_or_else(|| self.problem(name, "expected a string, found none"))
    }

    /// Reads a required text with `read`; `None` when it is known only after the deployment.
    pub(super) fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, TemplateError> {
        let text = self.required(name)?;
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None if self.is_unknown(name, &text) => Ok(None),
            None => Err(self.problem(name, format!("expected {expected}, found `{text}`"))),
        }
    }

    /// Reads one of these names.
    pub(super) fn one_of<T>(
        &self,
        name: &str,
        read: fn(&str) -> Option<T>,
        names: &[&str],
    ) -> Result<Option<T>, TemplateError> {
        self.parsed(name, &format!("one of {}", names.join(", ")), read)
    }

    /// True for a value that is known only after the deployment, which is noted.
    fn is_unknown(&self, name: &str, text: &str) -> bool {
        if is_symbolic(text) {
            self.note(name, format!("{name} `{text}`"), DEPLOYED);
        }
        is_symbolic(text)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, TemplateError> {
        let value = self.values.get(name).ok_or_else(|| self.problem(name, "expected a number, found none"))?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite());
        match (number, value.as_str()) {
            (Some(number), _) => Ok(Some(number)),
            (None, Some(text)) if self.is_unknown(name, text) => Ok(None),
            (None, _) => Err(self.problem(name, format!("expected a number, found {value}"))),
        }
    }

    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, TemplateError> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        if number.fract() != 0.0 || !(1.0..=10_000.0).contains(&number) {
            return Err(self.problem(name, format!("expected a whole number of at least 1, found {number}")));
        }
        Ok(Some(number as usize))
    }

    pub(super) fn period(&self, name: &str) -> Result<Option<Duration>, TemplateError> {
        let Some(seconds) = self.number(name)? else { return Ok(None) };
        if SHORT_PERIODS.contains(&seconds) {
            self.note(name, format!("periods of {seconds} s"), "values are replayed by the minute");
        } else if seconds < MINUTE || seconds % MINUTE != 0.0 {
            let rule = format!("expected 10, 20, 30 or a multiple of 60 seconds, found {seconds}");
            return Err(self.problem(name, rule));
        }
        Duration::try_from_secs_f64(seconds).map(Some).map_err(|error| self.problem(name, error.to_string()))
    }

    pub(super) fn metric(&self) -> Result<MetricId, TemplateError> {
        let mut dimensions = BTreeMap::new();
        let listed = match self.values.get("Dimensions") {
            None => &[][..],
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.problem("Dimensions", format!("expected a list, found {other}"))),
        };
        for (index, dimension) in listed.iter().enumerate() {
            let text = |key: &str| match &dimension[key] {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let (Some(name), Some(value)) = (text("Name"), text("Value")) else {
                return Err(self.problem(&format!("Dimensions[{index}]"), "expected Name and Value"));
            };
            let path = format!("Dimensions[{index}].Name");
            self.expect_length(&path, &name)?;
            if dimensions.contains_key(&name) {
                return Err(self.problem(&path, format!("expected a unique name, found `{name}` again")));
            }
            dimensions.insert(name, value);
        }
        if dimensions.len() > MAX_DIMENSIONS {
            let rule = format!("expected at most {MAX_DIMENSIONS} dimensions, found {}", dimensions.len());
            return Err(self.problem("Dimensions", rule));
        }
        Ok(MetricId { namespace: self.required("Namespace")?, name: self.required("MetricName")?, dimensions })
    }

    /// Reads the name of the alarm. Without one, CloudFormation gives it one, which begins with the logical id.
    pub(super) fn alarm_name(&self) -> Result<String, TemplateError> {
        let Some(name) = self.text("AlarmName")? else { return Ok(self.resource.id.clone()) };
        self.expect_length("AlarmName", &name)?;
        Ok(name)
    }

    /// Expects the length of a name. That of a name in `${}` is known only after the deployment.
    fn expect_length(&self, path: &str, name: &str) -> Result<(), TemplateError> {
        let length = name.chars().count();
        if is_symbolic(name) || (1..=MAX_NAME).contains(&length) {
            return Ok(());
        }
        Err(self.problem(path, format!("expected a name of 1 to {MAX_NAME} characters, found {length}")))
    }

    pub(super) fn actions(&self) -> Result<Actions, TemplateError> {
        let list = |name: &str| match self.values.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() > MAX_ACTIONS => {
                Err(self.problem(name, format!("expected at most {MAX_ACTIONS} actions, found {}", items.len())))
            }
            Some(Value::Array(items)) => {
                let text = |item: &Value| item.as_str().map(str::to_owned);
                let texts: Option<Vec<String>> = items.iter().map(text).collect();
                texts.ok_or_else(|| self.problem(name, "expected a list of strings"))
            }
            Some(other) => Err(self.problem(name, format!("expected a list, found {other}"))),
        };
        Ok(Actions {
            enabled: self.is_true("ActionsEnabled")?,
            alarm: list("AlarmActions")?,
            ok: list("OKActions")?,
            insufficient_data: list("InsufficientDataActions")?,
        })
    }
}

/// True for a text with a part that is known only after the deployment: a name in `${}`, or a dynamic reference.
pub(super) fn is_symbolic(text: &str) -> bool {
    text.contains("${") || text.contains("{{resolve:")
}
