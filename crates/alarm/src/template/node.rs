//! Syntax tree of a template: YAML, or JSON, which is also YAML. CloudFormation's short forms are expanded.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Number, Value};

use super::error::TemplateError;

/// Largest template that CloudFormation accepts. **Units:** bytes.
const MAX_BYTES: usize = 1_000_000;
/// Deepest nesting of values.
const MAX_DEPTH: usize = 60;
/// Widest indentation, which bounds the nesting before the text is parsed. **Units:** characters.
const MAX_INDENTATION: usize = 400;

/// A value, and its line.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: NodeValue,
}

#[derive(Clone, Debug)]
pub(super) enum NodeValue {
    /// A string, a number, a boolean or null.
    Scalar(Value),
    List(Vec<Node>),
    /// Members in the order of the text.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Parses the text of a template.
    pub(super) fn read(text: &str) -> Result<Self, TemplateError> {
        let error_at = |line: usize, rule: String| TemplateError { path: String::new(), line, rule };
        if text.len() > MAX_BYTES {
            return Err(error_at(1, format!("expected at most {MAX_BYTES} bytes, found {}", text.len())));
        }
        let indentation = |line: &str| line.find(|c| !" \t-?:".contains(c)).unwrap_or(line.len());
        if let Some((index, _)) = text.lines().enumerate().find(|(_, line)| indentation(line) > MAX_INDENTATION) {
            let rule = format!("expected an indentation of at most {MAX_INDENTATION} characters, found more");
            return Err(error_at(index + 1, rule));
        }
        let documents = MarkedYaml::load_from_str(text)
            .map_err(|error| error_at(error.marker().line(), format!("expected YAML, found {}", error.info())))?;
        let [document] = &documents[..] else {
            return Err(error_at(1, format!("expected one document, found {}", documents.len())));
        };
        Self::from_yaml(document, 1, MAX_DEPTH)
    }

    /// Converts a YAML node. `around` is the line of its parent, since tagged nodes have no position.
    fn from_yaml(yaml: &MarkedYaml<'_>, around: usize, depth: usize) -> Result<Self, TemplateError> {
        let line = Some(yaml.span.start.line()).filter(|line| *line > 0).unwrap_or(around);
        let error_at = |rule: &str| TemplateError { path: String::new(), line, rule: rule.to_owned() };
        let Some(depth) = depth.checked_sub(1) else {
            return Err(error_at("expected a value that is not nested as deeply"));
        };
        let value = match &yaml.data {
            YamlData::Value(scalar) => NodeValue::Scalar(plain(scalar)),
            YamlData::Sequence(items) => {
                NodeValue::List(items.iter().map(|item| Self::from_yaml(item, line, depth)).collect::<Result<_, _>>()?)
            }
            YamlData::Mapping(members) => {
                let mut table: Vec<(String, Self)> = Vec::new();
                let mut keys = BTreeSet::new();
                for (key, value) in members {
                    let at = key.span.start.line();
                    let key = match &key.data {
                        YamlData::Value(scalar) => match plain(scalar) {
                            Value::String(text) => text,
                            other => other.to_string(),
                        },
                        _ => return Err(error_at("expected a string as the name of a member")),
                    };
                    if !keys.insert(key.clone()) {
                        let rule = format!("expected `{key}` once, found it more than once");
                        return Err(TemplateError { path: key, line: at, rule });
                    }
                    table.push((key, Self::from_yaml(value, at, depth)?));
                }
                NodeValue::Table(table)
            }
            YamlData::Tagged(tag, inner) => {
                let inner = Self::from_yaml(inner, line, depth)?;
                return Self::expand(&tag.suffix, inner);
            }
            YamlData::Alias(_) | YamlData::BadValue | YamlData::Representation(..) => {
                return Err(error_at("expected a plain value, found an alias or an invalid value"));
            }
        };
        Ok(Self { line, value })
    }

    /// Expands a short form: `!Sub x` becomes `{Fn::Sub: x}`.
    fn expand(tag: &str, inner: Self) -> Result<Self, TemplateError> {
        let line = inner.line;
        let name = match tag {
            "Ref" | "Condition" => tag.to_owned(),
            "str" => return Ok(inner),
            other => format!("Fn::{other}"),
        };
        let inner = match (&inner.value, tag) {
            (NodeValue::Scalar(Value::String(text)), "GetAtt") => {
                let (resource, attribute) = text.split_once('.').ok_or_else(|| TemplateError {
                    path: String::new(),
                    line,
                    rule: format!("expected a resource and its attribute, as in `Queue.Arn`, found `{text}`"),
                })?;
                let part = |text: &str| Self { line, value: NodeValue::Scalar(Value::from(text)) };
                Self { line, value: NodeValue::List(vec![part(resource), part(attribute)]) }
            }
            _ => inner,
        };
        Ok(Self { line, value: NodeValue::Table(vec![(name, inner)]) })
    }

    /// Error at this node.
    pub(super) fn problem(&self, path: &str, rule: impl Into<String>) -> TemplateError {
        TemplateError { path: path.to_owned(), line: self.line, rule: rule.into() }
    }

    /// Members of a table.
    pub(super) fn members(&self, path: &str) -> Result<&[(String, Self)], TemplateError> {
        match &self.value {
            NodeValue::Table(members) => Ok(members),
            NodeValue::Scalar(Value::Null) => Ok(&[]),
            _ => Err(self.problem(path, "expected a table")),
        }
    }

    /// Items of a list.
    pub(super) fn items(&self, path: &str) -> Result<&[Self], TemplateError> {
        match &self.value {
            NodeValue::List(items) => Ok(items),
            _ => Err(self.problem(path, "expected a list")),
        }
    }

    /// Text of a string; `None` for other values.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}

fn plain(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::Bool(*value),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::FloatingPoint(number) => Number::from_f64(number.0).map_or(Value::Null, Value::Number),
        Scalar::String(text) => Value::from(text.as_ref()),
    }
}
