//! Resolution of names: parameters, mappings, conditions, loops.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::error::TemplateError;
use super::inputs::Inputs;
use super::node::{Node, NodeValue};
use crate::scan::shortened;

/// Variables of the enclosing loops.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    variables: BTreeMap<String, String>,
}

impl Scope {
    fn with(&self, name: &str, value: &str) -> Self {
        let mut inner = self.clone();
        inner.variables.insert(name.to_owned(), value.to_owned());
        inner
    }

    pub(super) fn get(&self, name: &str) -> Option<&String> {
        self.variables.get(name)
    }

    /// Replaces `${Name}` by the value, and `&{Name}` by the value without the characters that logical ids do not allow.
    pub(super) fn substitute(&self, text: &str) -> String {
        self.variables.iter().fold(text.to_owned(), |text, (name, value)| {
            let bare: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
            text.replace(&format!("${{{name}}}"), value).replace(&format!("&{{{name}}}"), &bare)
        })
    }
}

/// A member of a section, after unrolling loops.
pub(super) struct Entry<'n> {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) node: &'n Node,
    pub(super) scope: Scope,
}

/// Resolves names and functions.
pub(super) struct Resolver<'i> {
    pub(super) inputs: &'i Inputs,
    parameters: BTreeMap<String, Value>,
    mappings: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    conditions: BTreeMap<String, bool>,
    resources: BTreeSet<String>,
    /// Size of everything that was resolved. **Units:** bytes, about.
    resolved: Cell<usize>,
}

/// Maximum size of everything that is resolved: mappings that refer to each other, and loops within loops, could grow a small
/// template without end. **Units:** bytes.
const MAX_RESOLVED: usize = 8 << 20;
/// Size of a value without its text.
const VALUE: usize = 32;

const LOOP: &str = "Fn::ForEach";

impl<'i> Resolver<'i> {
    pub(super) fn new(parameters: BTreeMap<String, Value>, inputs: &'i Inputs) -> Self {
        Self {
            inputs,
            parameters,
            mappings: BTreeMap::new(),
            conditions: BTreeMap::new(),
            resources: BTreeSet::new(),
            resolved: Cell::new(0),
        }
    }

    /// Counts something that was resolved.
    fn spend(&self, bytes: usize, node: &Node, path: &str) -> Result<(), TemplateError> {
        self.resolved.set(self.resolved.get().saturating_add(bytes));
        if self.resolved.get() <= MAX_RESOLVED {
            return Ok(());
        }
        let rule =
            format!("expected at most {} MB of resolved values: loops or mappings multiply them", MAX_RESOLVED >> 20);
        Err(node.problem(path, rule))
    }

    pub(super) fn parameters(&self) -> &BTreeMap<String, Value> {
        &self.parameters
    }

    pub(super) fn conditions(&self) -> &BTreeMap<String, bool> {
        &self.conditions
    }

    pub(super) fn mappings(&self) -> Value {
        let to_json = |(name, map): (&String, &BTreeMap<String, Map<String, Value>>)| {
            let entries = map.iter().map(|(key, values)| (key.clone(), Value::Object(values.clone())));
            (name.clone(), Value::Object(entries.collect()))
        };
        Value::Object(self.mappings.iter().map(to_json).collect())
    }

    pub(super) fn name_resources(&mut self, names: impl Iterator<Item = String>) {
        self.resources = names.collect();
    }

    pub(super) fn read_mappings(&mut self, section: &Node) -> Result<(), TemplateError> {
        for (name, map) in section.members("Mappings")? {
            let mut read = BTreeMap::new();
            for (key, values) in map.members(&format!("Mappings.{name}"))? {
                let path = format!("Mappings.{name}.{key}");
                let mut entries = Map::new();
                for (second, value) in values.members(&path)? {
                    let value = self.resolve(value, &format!("{path}.{second}"), &Scope::default())?;
                    entries.insert(second.clone(), value.unwrap_or_default());
                }
                read.insert(key.clone(), entries);
            }
            self.mappings.insert(name.clone(), read);
        }
        Ok(())
    }

    /// Evaluates all conditions. They may refer to each other in any order.
    pub(super) fn read_conditions(&mut self, section: &Node) -> Result<(), TemplateError> {
        let mut pending = self.unroll(section, "Conditions", &Scope::default())?;
        while !pending.is_empty() {
            let before = pending.len();
            let mut first_problem = None;
            let mut next = Vec::new();
            for entry in pending {
                match self.boolean(entry.node, &entry.path, &entry.scope) {
                    Ok(holds) => {
                        self.conditions.insert(entry.name.clone(), holds);
                    }
                    Err(problem) => {
                        first_problem.get_or_insert(problem);
                        next.push(entry);
                    }
                }
            }
            pending = next;
            if let Some(problem) = first_problem.filter(|_| pending.len() == before) {
                return Err(problem);
            }
        }
        Ok(())
    }

    /// Value of a named condition.
    pub(super) fn condition(&self, name: &str, node: &Node, path: &str) -> Result<bool, TemplateError> {
        let known = || self.conditions.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        self.conditions.get(name).copied().ok_or_else(|| {
            node.problem(path, format!("expected a known condition, found `{name}`; known: {}", known()))
        })
    }

    /// Evaluates an expression of conditions.
    pub(super) fn boolean(&self, node: &Node, path: &str, scope: &Scope) -> Result<bool, TemplateError> {
        match self.resolve(node, path, scope)? {
            Some(Value::Bool(holds)) => Ok(holds),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(text == "true"),
            other => Err(node.problem(path, format!("expected a condition, found {}", describe(other.as_ref())))),
        }
    }

    /// Members of a section, with loops unrolled.
    pub(super) fn unroll<'n>(
        &self,
        section: &'n Node,
        path: &str,
        scope: &Scope,
    ) -> Result<Vec<Entry<'n>>, TemplateError> {
        let mut entries: Vec<Entry<'n>> = Vec::new();
        for (key, node) in section.members(path)? {
            let Some(label) = key.strip_prefix(LOOP) else {
                let name = scope.substitute(key);
                let path = format!("{path}.{name}");
                self.spend(VALUE + path.len() + name.len(), node, &path)?;
                entries.push(Entry { name, path, node, scope: scope.clone() });
                continue;
            };
            let path = format!("{path}.{LOOP}{label}");
            let [variable, collection, body] = node.items(&path)? else {
                return Err(node.problem(&path, "expected a variable, a list and a body"));
            };
            let Some(variable) = variable.text() else {
                return Err(variable.problem(&path, "expected the name of a variable"));
            };
            for value in self.collection(collection, &path, scope)? {
                self.spend(VALUE + path.len(), node, &path)?;
                entries.extend(self.unroll(body, section_of(&path), &scope.with(variable, &value))?);
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = entries.iter().find(|entry| !names.insert(&entry.name)) {
            return Err(twice
                .node
                .problem(&twice.path, format!("expected `{}` once, found it more than once", twice.name)));
        }
        Ok(entries)
    }

    /// Values that a loop iterates over.
    fn collection(&self, node: &Node, path: &str, scope: &Scope) -> Result<Vec<String>, TemplateError> {
        let Some(Value::Array(values)) = self.resolve(node, path, scope)? else {
            return Err(node.problem(path, "expected a list to iterate over"));
        };
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            other => {
                Err(node.problem(path, format!("expected a list of strings to iterate over, found {other} in it")))
            }
        };
        values.iter().map(text).collect()
    }

    /// Resolves a node; `None` is `AWS::NoValue`, which removes the property.
    pub(super) fn resolve(&self, node: &Node, path: &str, scope: &Scope) -> Result<Option<Value>, TemplateError> {
        self.spend(VALUE + path.len(), node, path)?;
        match &node.value {
            NodeValue::Scalar(Value::String(text)) => {
                let text = scope.substitute(text);
                self.spend(text.len(), node, path)?;
                Ok(Some(Value::String(text)))
            }
            NodeValue::Scalar(value) => Ok(Some(value.clone())),
            NodeValue::List(items) => {
                let mut list = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    list.extend(self.resolve(item, &format!("{path}[{index}]"), scope)?);
                }
                Ok(Some(Value::Array(list)))
            }
            NodeValue::Table(members) => {
                if let [(name, argument)] = &members[..]
                    && (name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
                    && !name.starts_with(LOOP)
                {
                    let value = self.function(name, argument, path, scope)?;
                    self.spend(value.as_ref().map_or(0, size), node, path)?;
                    return Ok(value);
                }
                let mut table = Map::new();
                for entry in self.unroll(node, path, scope)? {
                    if entry.name.starts_with("Fn::") {
                        let rule = format!("expected `{}` as the only member", entry.name);
                        return Err(entry.node.problem(&entry.path, rule));
                    }
                    if let Some(value) = self.resolve(entry.node, &entry.path, &entry.scope)? {
                        table.insert(entry.name, value);
                    }
                }
                Ok(Some(Value::Object(table)))
            }
        }
    }

    /// Resolves `Ref` of a name.
    pub(super) fn reference(
        &self,
        name: &str,
        node: &Node,
        path: &str,
        scope: &Scope,
    ) -> Result<Option<Value>, TemplateError> {
        if let Some(value) = scope.get(name) {
            return Ok(Some(Value::String(value.clone())));
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        if let Some(pseudo) = name.strip_prefix("AWS::") {
            let inputs = self.inputs;
            let value = match pseudo {
                "NoValue" => return Ok(None),
                "Region" => inputs.region.clone(),
                "AccountId" => inputs.account.clone(),
                "Partition" => "aws".to_owned(),
                "URLSuffix" => "amazonaws.com".to_owned(),
                "StackName" => inputs.stack.clone(),
                "StackId" => {
                    format!("arn:aws:cloudformation:{}:{}:stack/{}/0", inputs.region, inputs.account, inputs.stack)
                }
                "NotificationARNs" => return Ok(Some(vec!["${AWS::NotificationARNs}"].into())),
                other => return Err(node.problem(path, format!("the pseudo parameter AWS::{other} is not supported"))),
            };
            return Ok(Some(Value::String(value)));
        }
        self.require_resource(name, node, path)?;
        Ok(Some(Value::String(format!("${{{name}}}"))))
    }

    /// Resolves an attribute of a resource.
    pub(super) fn attribute(
        &self,
        resource: &str,
        attribute: &str,
        node: &Node,
        path: &str,
    ) -> Result<Value, TemplateError> {
        self.require_resource(resource, node, path)?;
        Ok(Value::String(format!("${{{resource}.{attribute}}}")))
    }

    fn require_resource(&self, name: &str, node: &Node, path: &str) -> Result<(), TemplateError> {
        if self.resources.contains(name) {
            return Ok(());
        }
        Err(node.problem(path, format!("expected a parameter or a resource, found `{name}`")))
    }

    /// Looks up a value of a mapping. `default` replaces a missing key, but not a missing mapping.
    pub(super) fn find_in_map(
        &self,
        keys: [&str; 3],
        default: impl FnOnce() -> Option<Result<Option<Value>, TemplateError>>,
        node: &Node,
        path: &str,
    ) -> Result<Option<Value>, TemplateError> {
        let [map, first, second] = keys;
        let missing = |kind: &str, name: &str, names: Vec<&String>| {
            let known = names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            node.problem(path, format!("expected a known {kind}, found `{name}`; known: {known}"))
        };
        let found = self.mappings.get(map).ok_or_else(|| missing("mapping", map, self.mappings.keys().collect()))?;
        let value = match found.get(first) {
            None => Err(missing("key", first, found.keys().collect())),
            Some(entries) => entries.get(second).ok_or_else(|| missing("key", second, entries.keys().collect())),
        };
        match value {
            Ok(value) => Ok(Some(value.clone())),
            Err(error) => default().unwrap_or(Err(error)),
        }
    }
}

/// Section that contains a loop; the loop's members belong to it.
fn section_of(path: &str) -> &str {
    path.split_once(&format!(".{LOOP}")).map_or(path, |(section, _)| section)
}

/// Formats a value for an error.
pub(super) fn describe(value: Option<&Value>) -> String {
    value.map_or_else(|| "no value".to_owned(), |value| shortened(&value.to_string()))
}

/// Size of a value and all its parts.
fn size(value: &Value) -> usize {
    VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(members) => members.iter().map(|(name, member)| name.len() + size(member)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Converts a scalar to a string.
pub(super) fn scalar_text(node: &Node) -> Option<String> {
    match &node.value {
        NodeValue::Scalar(Value::String(text)) => Some(text.clone()),
        NodeValue::Scalar(Value::Null) => None,
        NodeValue::Scalar(other) => Some(other.to_string()),
        NodeValue::List(_) | NodeValue::Table(_) => None,
    }
}
