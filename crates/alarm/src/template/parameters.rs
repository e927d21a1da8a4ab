//! Parameters of a template.
//!
//! Source: AWS CloudFormation User Guide, "CloudFormation template Parameters syntax" and "Supplied parameter types".

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::TemplateError;
use super::inputs::Inputs;
use super::node::Node;
use super::resolve::scalar_text;

const LIST: &str = "CommaDelimitedList";
const TYPES: &str = "String, Number, CommaDelimitedList, List<Number>, a type of AWS such as AWS::EC2::Subnet::Id, a List<> \
                     of one, or AWS::SSM::Parameter::Value<> of one";

/// Type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterType {
    /// True for a list of values.
    pub is_list: bool,
    /// True for numbers.
    pub is_number: bool,
    /// True when the value is the name of a parameter in Parameter Store, which holds the value that the template sees.
    pub is_stored: bool,
}

impl ParameterType {
    /// Parses a type; `None` when CloudFormation has no such type.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let within = |text: &str, begin: &str| {
            text.strip_prefix(begin).and_then(|rest| rest.strip_suffix('>')).map(|inner| inner.trim().to_owned())
        };
        if let Some(stored) = within(text, "AWS::SSM::Parameter::Value<") {
            return match Self::read(&stored) {
                Some(Self { is_stored: false, is_list, .. }) => {
                    Some(Self { is_list, is_number: false, is_stored: true })
                }
                // The only place for a list of strings that is not written with commas in between.
                None if within(&stored, "List<").as_deref() == Some("String") => {
                    Some(Self { is_list: true, is_number: false, is_stored: true })
                }
                Some(_) | None => None,
            };
        }
        if let Some(item) = within(text, "List<") {
            let item = Self::read(&item)?;
            return (!item.is_list && !item.is_stored && (item.is_number || text.contains("AWS::")))
                .then_some(Self { is_list: true, ..item });
        }
        let is_of_aws = || {
            let names: Vec<&str> = text.strip_prefix("AWS::").map_or(Vec::new(), |rest| rest.split("::").collect());
            let is_name = |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
            (2..=3).contains(&names.len()) && names.iter().all(is_name)
        };
        match text {
            "Number" => Some(Self { is_list: false, is_number: true, is_stored: false }),
            LIST => Some(Self { is_list: true, is_number: false, is_stored: false }),
            _ if text == "String" || is_of_aws() => Some(Self { is_list: false, is_number: false, is_stored: false }),
            _ => None,
        }
    }
}

/// A declared parameter.
pub(super) struct Parameter {
    pub(super) kind: ParameterType,
    pub(super) value: Value,
    /// `AllowedValues`, if there are any.
    pub(super) allowed: Option<Vec<String>>,
}

/// Reads the parameters, each with the given value, or the default.
pub(super) fn parameters(
    section: Option<&Node>,
    inputs: &Inputs,
) -> Result<BTreeMap<String, Parameter>, TemplateError> {
    let declared = match section {
        Some(section) => section.members("Parameters")?,
        None => &[],
    };
    let unknown = inputs.parameters.keys().find(|name| !declared.iter().any(|(own, _)| own == *name));
    if let Some(name) = unknown {
        let known = declared.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let rule = format!("expected a known parameter, found `{name}`; known: {known}");
        return Err(TemplateError { path: "Parameters".to_owned(), line: section.map_or(1, |node| node.line), rule });
    }
    declared.iter().map(|(name, node)| Ok((name.clone(), parameter(name, node, inputs)?))).collect()
}

fn parameter(name: &str, node: &Node, inputs: &Inputs) -> Result<Parameter, TemplateError> {
    let path = format!("Parameters.{name}");
    let members = node.members(&path)?;
    let member = |key: &str| members.iter().find(|(own, _)| own == key).map(|(_, node)| node);
    let kind_path = format!("{path}.Type");
    let Some(written) = member("Type").and_then(scalar_text) else {
        return Err(node.problem(&kind_path, "expected the type of the parameter"));
    };
    let Some(kind) = ParameterType::read(&written) else {
        return Err(node.problem(&kind_path, format!("expected {TYPES}, found `{written}`")));
    };
    let allowed: Option<Vec<String>> = match member("AllowedValues") {
        Some(values) => Some(values.items(&path)?.iter().filter_map(scalar_text).collect()),
        None => None,
    };
    let given = inputs.parameters.get(name).cloned().or_else(|| member("Default").and_then(scalar_text));
    let first_allowed =
        || allowed.as_ref().and_then(|allowed| allowed.first().cloned()).filter(|_| inputs.are_optional);
    let symbolic = |text: String| if kind.is_list { Value::from(vec![text]) } else { Value::String(text) };
    let Some(value) = given.or_else(first_allowed) else {
        if inputs.are_optional {
            return Ok(Parameter { value: symbolic(format!("${{{name}}}")), kind, allowed });
        }
        return Err(node.problem(&path, "expected a value: the parameter has no default"));
    };
    let items: Vec<String> =
        if kind.is_list { value.split(',').map(|item| item.trim().to_owned()).collect() } else { vec![value.clone()] };
    if let Some(allowed) = &allowed
        && let Some(other) = items.iter().find(|item| !allowed.contains(item))
    {
        return Err(node.problem(&path, format!("expected one of {}, found `{other}`", allowed.join(", "))));
    }
    // An empty list is one empty text.
    let is_empty = kind.is_list && value.trim().is_empty();
    if kind.is_number
        && !is_empty
        && let Some(other) = items.iter().find(|item| item.parse::<f64>().is_err())
    {
        return Err(node.problem(&path, format!("expected a number, found `{other}`")));
    }
    let value = match (kind.is_stored, kind.is_list) {
        (true, _) => symbolic(format!("${{ssm:{value}}}")),
        (false, true) => items.into_iter().map(Value::String).collect(),
        (false, false) if kind.is_number => serde_json::from_str(&value).unwrap_or(Value::String(value)),
        (false, false) => Value::String(value),
    };
    Ok(Parameter { kind, value, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_cloudformation_are_read() {
        for (text, is_list, is_number, is_stored) in [
            ("String", false, false, false),
            ("Number", false, true, false),
            ("CommaDelimitedList", true, false, false),
            ("List<Number>", true, true, false),
            ("AWS::EC2::Subnet::Id", false, false, false),
            ("AWS::EC2::KeyPair::KeyName", false, false, false),
            ("AWS::EC2::AvailabilityZone::Name", false, false, false),
            ("AWS::Route53::HostedZone::Id", false, false, false),
            ("AWS::SSM::Parameter::Name", false, false, false),
            ("List<AWS::EC2::Subnet::Id>", true, false, false),
            ("List<AWS::EC2::SecurityGroup::GroupName>", true, false, false),
            ("AWS::SSM::Parameter::Value<String>", false, false, true),
            ("AWS::SSM::Parameter::Value<List<String>>", true, false, true),
            ("AWS::SSM::Parameter::Value<CommaDelimitedList>", true, false, true),
            ("AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", false, false, true),
            ("AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>", true, false, true),
        ] {
            assert_eq!(ParameterType::read(text), Some(ParameterType { is_list, is_number, is_stored }), "{text}");
        }
        for text in [
            "string",
            "Sting",
            "",
            "List<>",
            "List<String>",
            "List<CommaDelimitedList>",
            "List<List<Number>>",
            "List<Number",
            "AWS::EC2",
            "AWS::",
            "AWS::EC2::Subnet::",
            "AWS::SSM::Parameter::Value<>",
            "AWS::SSM::Parameter::Value<AWS::SSM::Parameter::Value<String>>",
            "List<AWS::SSM::Parameter::Value<String>>",
        ] {
            assert_eq!(ParameterType::read(text), None, "{text}");
        }
    }
}
