//! CloudFormation templates, read as CloudFormation would: parameters, mappings, conditions, intrinsic functions, and the loops
//! of `AWS::LanguageExtensions`.
//!
//! Names of resources stay symbolic, since they are known only once a stack is there: `Ref` of a resource is `${Name}`, an
//! attribute `${Name.Arn}`, an import that is not given `${import:Name}`.

mod functions;
mod node;
mod resolve;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use node::Node;
use resolve::{Resolver, Scope};

/// What a stack is given when it is made.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The values of parameters, as texts; those with a default may be left out.
    pub parameters: BTreeMap<String, String>,
    /// What other stacks export, by its name.
    pub imports: BTreeMap<String, Value>,
    /// The region. Default `eu-north-1`.
    pub region: String,
    /// The account. Default `123456789012`.
    pub account: String,
    /// The stack's name. Default `stack`.
    pub stack: String,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            parameters: BTreeMap::new(),
            imports: BTreeMap::new(),
            region: "eu-north-1".to_owned(),
            account: "123456789012".to_owned(),
            stack: "stack".to_owned(),
        }
    }
}

impl Inputs {
    /// With a parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.parameters.insert(parameter.to_owned(), value.to_owned());
        self
    }
}

/// What is wrong with a template, or not known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Where: `Resources.SlowAlarm.Properties.Period`. Empty when the text is no YAML.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What was expected, and what was seen.
    pub rule: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.rule)
    }
}

/// A template with everything in it resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The values of its parameters; lists as lists.
    pub parameters: BTreeMap<String, Value>,
    /// What its parameters may be, or hold, of those that say it.
    pub allowed: BTreeMap<String, Vec<String>>,
    /// Its mappings.
    pub mappings: Value,
    /// Its conditions.
    pub conditions: BTreeMap<String, bool>,
    /// The resources whose conditions hold, loops unrolled, in the order of the template.
    pub resources: Vec<Resource>,
    /// The outputs whose conditions hold, by name.
    pub outputs: BTreeMap<String, Output>,
    /// Its `Globals`, of AWS SAM.
    pub globals: Value,
    /// Its `Metadata`.
    pub metadata: Value,
}

/// A resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its name in the template.
    pub id: String,
    /// Its type: `AWS::CloudWatch::Alarm`.
    pub kind: String,
    /// Its properties.
    pub properties: Map<String, Value>,
    /// Its `Metadata`.
    pub metadata: Value,
    /// The line it begins at.
    pub line: usize,
}

impl Resource {
    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> String {
        format!("Resources.{}", self.id)
    }

    /// A problem of a property.
    #[must_use]
    pub fn problem(&self, property: &str, rule: impl Into<String>) -> TemplateError {
        TemplateError { path: format!("{}.Properties.{property}", self.path()), line: self.line, rule: rule.into() }
    }
}

/// An output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its value.
    pub value: Value,
    /// The name it is exported by.
    pub export: Option<String>,
}

const SECTIONS: [&str; 12] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
    "Hooks",
];

impl Template {
    /// Reads a template with all that a list parameter may hold: the keys of the mapping of the same name, such as `Checks`.
    ///
    /// # Errors
    /// As [`Template::read`], and when there is no such mapping.
    pub fn read_with_every(text: &str, inputs: &Inputs, list: &str) -> Result<Self, TemplateError> {
        let plain = Self::read(text, inputs)?;
        let Some(mapping) = plain.mappings[list].as_object() else {
            let rule = "expected a mapping of what the parameter of this name may hold, found none".to_owned();
            return Err(TemplateError { line: 1, path: format!("Mappings.{list}"), rule });
        };
        let every: Vec<&str> = mapping.keys().map(String::as_str).collect();
        Self::read(text, &inputs.clone().with(list, &every.join(",")))
    }

    /// Reads a template.
    ///
    /// # Errors
    /// With the path of the first thing that is wrong or not known here.
    pub fn read(text: &str, inputs: &Inputs) -> Result<Self, TemplateError> {
        let root = Node::read(text)?;
        let sections = root.members("")?;
        let mut found: BTreeMap<&str, &Node> = BTreeMap::new();
        for (name, section) in sections {
            if !SECTIONS.contains(&name.as_str()) {
                return Err(section.problem(name, format!("expected one of {}", SECTIONS.join(", "))));
            }
            found.insert(name, section);
        }
        if let Some(hooks) = found.get("Hooks") {
            return Err(hooks.problem("Hooks", "hooks are not known here"));
        }
        let parameters = resolve::parameters(found.get("Parameters").copied(), inputs)?;
        let allowed = resolve::allowed(found.get("Parameters").copied())?;
        let mut resolver = Resolver::new(parameters, inputs);
        if let Some(mappings) = found.get("Mappings") {
            resolver.read_mappings(mappings)?;
        }
        if let Some(conditions) = found.get("Conditions") {
            resolver.read_conditions(conditions)?;
        }
        let Some(resources) = found.get("Resources") else {
            return Err(root.problem("Resources", "expected resources, found none"));
        };
        let entries = there(&resolver, resources, "Resources")?;
        resolver.name_resources(entries.iter().map(|entry| entry.name.clone()));
        let read = entries.iter().map(|entry| resource(&resolver, entry)).collect::<Result<_, _>>()?;
        let mut outputs = BTreeMap::new();
        if let Some(section) = found.get("Outputs") {
            for entry in there(&resolver, section, "Outputs")? {
                outputs.insert(entry.name.clone(), output(&resolver, &entry)?);
            }
        }
        let plain = |name: &str| match found.get(name) {
            Some(node) => resolver.resolve(node, name, &Scope::default()).map(Option::unwrap_or_default),
            None => Ok(Value::Null),
        };
        Ok(Self {
            globals: plain("Globals")?,
            metadata: plain("Metadata")?,
            parameters: resolver.parameters().clone(),
            allowed,
            mappings: resolver.mappings(),
            conditions: resolver.conditions().clone(),
            resources: read,
            outputs,
        })
    }

    /// The resources of a type.
    pub fn resources_of_type<'t>(&'t self, kind: &'t str) -> impl Iterator<Item = &'t Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// A resource by its name.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// What it exports, by name: the imports of other stacks.
    #[must_use]
    pub fn exports(&self) -> BTreeMap<String, Value> {
        let exported = self.outputs.values().filter_map(|output| Some((output.export.clone()?, output.value.clone())));
        exported.collect()
    }
}

/// The members of a section, loops unrolled, whose condition holds: nothing else can be referred to.
fn there<'n>(resolver: &Resolver<'_>, section: &'n Node, path: &str) -> Result<Vec<resolve::Entry<'n>>, TemplateError> {
    let mut there = resolver.unrolled(section, path, &Scope::default())?;
    let mut problem = None;
    there.retain(|entry| match holds(resolver, entry) {
        Ok(holds) => holds,
        Err(error) => {
            problem.get_or_insert(error);
            false
        }
    });
    problem.map_or(Ok(there), Err)
}

fn holds(resolver: &Resolver<'_>, entry: &resolve::Entry<'_>) -> Result<bool, TemplateError> {
    let path = &entry.path;
    let Some((_, condition)) = entry.node.members(path)?.iter().find(|(key, _)| key == "Condition") else {
        return Ok(true);
    };
    let name = resolver.resolve(condition, &format!("{path}.Condition"), &entry.scope)?;
    resolver.condition(name.as_ref().and_then(Value::as_str).unwrap_or_default(), condition, path)
}

fn resource(resolver: &Resolver<'_>, entry: &resolve::Entry<'_>) -> Result<Resource, TemplateError> {
    const KEYS: [&str; 9] = [
        "Type",
        "Properties",
        "Condition",
        "Metadata",
        "DependsOn",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "UpdatePolicy",
        "CreationPolicy",
    ];
    let path = &entry.path;
    let members = entry.node.members(path)?;
    if let Some((key, node)) = members.iter().find(|(key, _)| !KEYS.contains(&key.as_str())) {
        return Err(node.problem(&format!("{path}.{key}"), format!("expected one of {}", KEYS.join(", "))));
    }
    let attribute = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, node)| node);
    let text = |name: &str| match attribute(name) {
        Some(node) => resolver.resolve(node, &format!("{path}.{name}"), &entry.scope),
        None => Ok(None),
    };
    let Some(Value::String(kind)) = text("Type")? else {
        return Err(entry.node.problem(&format!("{path}.Type"), "expected the type of the resource"));
    };
    let properties = match text("Properties")? {
        Some(Value::Object(properties)) => properties,
        None => Map::new(),
        Some(_) => return Err(entry.node.problem(&format!("{path}.Properties"), "expected a table")),
    };
    let metadata = text("Metadata")?.unwrap_or_default();
    Ok(Resource { id: entry.name.clone(), kind, properties, metadata, line: entry.node.line })
}

fn output(resolver: &Resolver<'_>, entry: &resolve::Entry<'_>) -> Result<Output, TemplateError> {
    let path = &entry.path;
    let members = entry.node.members(path)?;
    let attribute = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, node)| node);
    let Some(value) = attribute("Value") else {
        return Err(entry.node.problem(&format!("{path}.Value"), "expected a value, found none"));
    };
    let value = resolver.resolve(value, &format!("{path}.Value"), &entry.scope)?.unwrap_or_default();
    let export = match attribute("Export") {
        Some(node) => resolver.resolve(node, &format!("{path}.Export"), &entry.scope)?,
        None => None,
    };
    let export = export.and_then(|export| export["Name"].as_str().map(str::to_owned));
    Ok(Output { value, export })
}
