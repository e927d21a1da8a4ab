//! A template as it is written: YAML, or JSON, which is YAML too, with CloudFormation's short forms in their long ones.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Number, Value};

use super::TemplateError;

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Written,
}

#[derive(Clone, Debug)]
pub(super) enum Written {
    /// A text, a number, a boolean or nothing.
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the text.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Reads the text of a template.
    pub(super) fn read(text: &str) -> Result<Self, TemplateError> {
        let broken = |line: usize, rule: String| TemplateError { path: String::new(), line, rule };
        let documents = MarkedYaml::load_from_str(text)
            .map_err(|error| broken(error.marker().line(), format!("expected YAML, found {}", error.info())))?;
        let [document] = &documents[..] else {
            return Err(broken(1, format!("expected one document, found {}", documents.len())));
        };
        Self::from_yaml(document, 1)
    }

    /// `around` is the line of what it stands in: what has a tag has no place of its own.
    fn from_yaml(yaml: &MarkedYaml<'_>, around: usize) -> Result<Self, TemplateError> {
        let line = Some(yaml.span.start.line()).filter(|line| *line > 0).unwrap_or(around);
        let broken = |rule: &str| TemplateError { path: String::new(), line, rule: rule.to_owned() };
        let value = match &yaml.data {
            YamlData::Value(scalar) => Written::Scalar(plain(scalar)),
            YamlData::Sequence(items) => {
                Written::List(items.iter().map(|item| Self::from_yaml(item, line)).collect::<Result<_, _>>()?)
            }
            YamlData::Mapping(members) => {
                let mut table: Vec<(String, Self)> = Vec::new();
                for (key, value) in members {
                    let at = Some(key.span.start.line()).filter(|line| *line > 0).unwrap_or(line);
                    let key = match &key.data {
                        YamlData::Value(Scalar::String(key)) => key.to_string(),
                        YamlData::Value(scalar) => match plain(scalar) {
                            Value::String(text) => text,
                            other => other.to_string(),
                        },
                        _ => return Err(broken("expected a text as the name of a member")),
                    };
                    if table.iter().any(|(own, _)| *own == key) {
                        let rule = format!("expected `{key}` once, found it twice");
                        return Err(TemplateError { path: key, line: at, rule });
                    }
                    table.push((key, Self::from_yaml(value, at)?));
                }
                Written::Table(table)
            }
            YamlData::Tagged(tag, inner) => {
                let inner = Self::from_yaml(inner, line)?;
                return Self::long(&tag.suffix, inner);
            }
            YamlData::Alias(_) | YamlData::BadValue | YamlData::Representation(..) => {
                return Err(broken("expected a plain value, found what is none"));
            }
        };
        Ok(Self { line, value })
    }

    /// A short form in its long one: `!Sub x` is `{Fn::Sub: x}`.
    fn long(tag: &str, inner: Self) -> Result<Self, TemplateError> {
        let line = inner.line;
        let name = match tag {
            "Ref" | "Condition" => tag.to_owned(),
            "str" => return Ok(inner),
            other => format!("Fn::{other}"),
        };
        let inner = match (&inner.value, tag) {
            (Written::Scalar(Value::String(text)), "GetAtt") => {
                let (resource, attribute) = text.split_once('.').ok_or_else(|| TemplateError {
                    path: String::new(),
                    line,
                    rule: format!("expected a resource and its attribute, as in `Queue.Arn`, found `{text}`"),
                })?;
                let part = |text: &str| Self { line, value: Written::Scalar(Value::from(text)) };
                Self { line, value: Written::List(vec![part(resource), part(attribute)]) }
            }
            _ => inner,
        };
        Ok(Self { line, value: Written::Table(vec![(name, inner)]) })
    }

    /// A problem here.
    pub(super) fn problem(&self, path: &str, rule: impl Into<String>) -> TemplateError {
        TemplateError { path: path.to_owned(), line: self.line, rule: rule.into() }
    }

    /// Its members, when it is a table.
    pub(super) fn members(&self, path: &str) -> Result<&[(String, Self)], TemplateError> {
        match &self.value {
            Written::Table(members) => Ok(members),
            Written::Scalar(Value::Null) => Ok(&[]),
            _ => Err(self.problem(path, "expected a table")),
        }
    }

    /// Its items, when it is a list.
    pub(super) fn items(&self, path: &str) -> Result<&[Self], TemplateError> {
        match &self.value {
            Written::List(items) => Ok(items),
            _ => Err(self.problem(path, "expected a list")),
        }
    }

    /// Its text, when it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Written::Scalar(Value::String(text)) => Some(text),
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
