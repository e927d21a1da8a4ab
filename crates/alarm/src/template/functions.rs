//! Intrinsic functions.

use serde_json::Value;

use super::error::TemplateError;
use super::node::{Node, NodeValue};
use super::resolve::{Resolver, Scope, describe};

impl Resolver<'_> {
    /// Evaluates a function; `None` is `AWS::NoValue`.
    pub(super) fn function(
        &self,
        name: &str,
        argument: &Node,
        path: &str,
        scope: &Scope,
    ) -> Result<Option<Value>, TemplateError> {
        let path = &format!("{path}.{name}");
        match name {
            "Ref" => {
                let name = self.string(argument, path, scope)?;
                self.reference(&name, argument, path, scope)
            }
            "Condition" => {
                let name = self.string(argument, path, scope)?;
                self.condition(&name, argument, path).map(|holds| Some(Value::Bool(holds)))
            }
            "Fn::GetAtt" => {
                let [resource, attribute] = self.arguments(argument, path)?;
                let (resource, attribute) = (self.string(resource, path, scope)?, self.string(attribute, path, scope)?);
                self.attribute(&resource, &attribute, argument, path).map(Some)
            }
            "Fn::Sub" => self.sub(argument, path, scope).map(|text| Some(Value::String(text))),
            "Fn::Join" => {
                let [separator, items] = self.arguments(argument, path)?;
                let separator = self.string(separator, path, scope)?;
                let items = self.list(items, path, scope)?;
                let texts: Result<Vec<String>, _> = items
                    .iter()
                    .map(|item| text(item).ok_or_else(|| not_a_string(argument, path, Some(item))))
                    .collect();
                Ok(Some(Value::String(texts?.join(&separator))))
            }
            "Fn::Split" => {
                let [separator, whole] = self.arguments(argument, path)?;
                let (separator, whole) = (self.string(separator, path, scope)?, self.string(whole, path, scope)?);
                Ok(Some(whole.split(&separator).map(Value::from).collect()))
            }
            "Fn::Select" => {
                let [index, items] = self.arguments(argument, path)?;
                let index = self.resolve(index, path, scope)?;
                let index = index.as_ref().and_then(text).and_then(|text| text.parse::<usize>().ok());
                let items = self.list(items, path, scope)?;
                if let Some(index) = index.filter(|index| *index >= items.len())
                    && let Some(whole) = items.iter().filter_map(Value::as_str).find(|item| item.contains("${"))
                {
                    // The items of a list that is known only after the deployment.
                    return Ok(Some(Value::String(format!("${{{index} of {}}}", bare(whole)))));
                }
                let Some(item) = index.and_then(|index| items.get(index)) else {
                    let rule = format!("expected an index within the list of {}", items.len());
                    return Err(argument.problem(path, rule));
                };
                Ok(Some(item.clone()))
            }
            "Fn::FindInMap" => {
                let (keys, default) = match argument.items(path)? {
                    [keys @ .., last] if keys.len() == 3 => (keys, Some(last)),
                    keys => (keys, None),
                };
                let [map, first, second] = keys else {
                    let rule = format!("expected a mapping and two keys, found {} arguments", keys.len());
                    return Err(argument.problem(path, rule));
                };
                let string = |node| self.string(node, path, scope);
                let (map, first, second) = (string(map)?, string(first)?, string(second)?);
                let default = || {
                    let default = default?;
                    Some(default.members(path).and_then(|members| match members {
                        [(key, value)] if key == "DefaultValue" => self.resolve(value, path, scope),
                        _ => Err(default.problem(path, "expected only DefaultValue")),
                    }))
                };
                self.find_in_map([&map, &first, &second], default, argument, path)
            }
            "Fn::If" => {
                let [condition, then, otherwise] = self.arguments(argument, path)?;
                let name = self.string(condition, path, scope)?;
                let chosen = if self.condition(&name, condition, path)? { then } else { otherwise };
                self.resolve(chosen, path, scope)
            }
            "Fn::Equals" => {
                let [one, other] = self.arguments(argument, path)?;
                let (one, other) = (self.resolve(one, path, scope)?, self.resolve(other, path, scope)?);
                // CloudFormation compares strings: `true` equals "true".
                let as_text =
                    |value: &Option<Value>| value.as_ref().map(|value| text(value).unwrap_or(value.to_string()));
                Ok(Some(Value::Bool(as_text(&one) == as_text(&other))))
            }
            "Fn::Not" => {
                let [condition] = self.arguments(argument, path)?;
                Ok(Some(Value::Bool(!self.boolean(condition, path, scope)?)))
            }
            "Fn::And" | "Fn::Or" => {
                let holds: Result<Vec<bool>, _> =
                    argument.items(path)?.iter().map(|node| self.boolean(node, path, scope)).collect();
                let holds = holds?;
                let joined =
                    if name == "Fn::And" { holds.iter().all(|holds| *holds) } else { holds.iter().any(|holds| *holds) };
                Ok(Some(Value::Bool(joined)))
            }
            "Fn::ImportValue" => {
                let name = self.string(argument, path, scope)?;
                let symbolic = || Value::String(format!("${{import:{name}}}"));
                Ok(Some(self.inputs.imports.get(&name).cloned().unwrap_or_else(symbolic)))
            }
            "Fn::Length" => {
                let items = self.list(argument, path, scope)?;
                Ok(Some(Value::from(items.len())))
            }
            "Fn::ToJsonString" => {
                let value = self.resolve(argument, path, scope)?.unwrap_or_default();
                Ok(Some(Value::String(value.to_string())))
            }
            // Known only after the deployment, or not worth computing for an audit of alarms.
            "Fn::Base64" => {
                let text = self.string(argument, path, scope)?;
                Ok(Some(Value::String(format!("${{base64:{}}}", bare(&text)))))
            }
            "Fn::GetAZs" => {
                let region = self.string(argument, path, scope)?;
                let region = if region.is_empty() { &self.inputs.region } else { &region };
                Ok(Some(vec![format!("${{zones:{}}}", bare(region))].into()))
            }
            "Fn::Cidr" => {
                let [block, ..] = argument.items(path)? else {
                    return Err(argument.problem(path, "expected a block and a count, found none"));
                };
                let block = self.string(block, path, scope)?;
                Ok(Some(vec![format!("${{blocks:{}}}", bare(&block))].into()))
            }
            other => Err(argument.problem(path, format!("the function {other} is not supported"))),
        }
    }

    /// Arguments of a function that takes exactly `N`.
    fn arguments<'n, const N: usize>(&self, node: &'n Node, path: &str) -> Result<[&'n Node; N], TemplateError> {
        let items = node.items(path)?;
        let parts: Vec<&Node> = items.iter().collect();
        parts.try_into().map_err(|_| node.problem(path, format!("expected {N} arguments, found {}", items.len())))
    }

    /// Resolves an argument to a string.
    fn string(&self, node: &Node, path: &str, scope: &Scope) -> Result<String, TemplateError> {
        let value = self.resolve(node, path, scope)?;
        value.as_ref().and_then(text).ok_or_else(|| not_a_string(node, path, value.as_ref()))
    }

    fn list(&self, node: &Node, path: &str, scope: &Scope) -> Result<Vec<Value>, TemplateError> {
        match self.resolve(node, path, scope)? {
            Some(Value::Array(items)) => Ok(items),
            other => Err(node.problem(path, format!("expected a list, found {}", describe(other.as_ref())))),
        }
    }

    /// Substitutes the names in `${}`; `${!x}` becomes `${x}`.
    fn sub(&self, node: &Node, path: &str, scope: &Scope) -> Result<String, TemplateError> {
        let (template, own) = match &node.value {
            NodeValue::List(items) => match &items[..] {
                [template, own] => (template, own.members(path)?),
                _ => return Err(node.problem(path, "expected a string and a table of names")),
            },
            _ => (node, &[][..]),
        };
        let Some(raw) = template.text() else {
            return Err(template.problem(path, "expected a string"));
        };
        let raw = scope.substitute(raw);
        let mut result = String::new();
        let mut rest = raw.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                return Err(template.problem(path, format!("expected `}}` after `${{{after}`")));
            };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let value = match own.iter().find(|(key, _)| key == name) {
                Some((_, node)) => self.resolve(node, &format!("{path}.{name}"), scope)?,
                None => match name.split_once('.') {
                    Some((resource, attribute)) => Some(self.attribute(resource, attribute, template, path)?),
                    None => self.reference(name, template, path, scope)?,
                },
            };
            let value = value.as_ref().and_then(text).ok_or_else(|| not_a_string(template, path, value.as_ref()))?;
            result.push_str(&value);
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// Converts a scalar to a string.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Removes the marks of symbolic names from a text that becomes part of another one.
fn bare(text: &str) -> String {
    text.replace("${", "").replace('}', "")
}

fn not_a_string(node: &Node, path: &str, value: Option<&Value>) -> TemplateError {
    node.problem(path, format!("expected a string, found {}", describe(value)))
}
