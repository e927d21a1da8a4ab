//! CloudFormation templates, resolved as CloudFormation does: parameters, mappings, conditions, intrinsic functions, and
//! the loops of `AWS::LanguageExtensions`.
//!
//! Names of resources stay symbolic, since they are known only after a stack is deployed: `Ref` of a resource becomes
//! `${Name}`, an attribute `${Name.Arn}`, an import without a value `${import:Name}`, and a value in Parameter Store
//! `${ssm:Name}`.

mod error;
mod functions;
mod inputs;
mod node;
mod parameters;
mod resolve;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use node::Node;
use resolve::{Resolver, Scope};

pub use error::TemplateError;
pub use inputs::Inputs;
pub use parameters::ParameterType;

/// A template, fully resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Values of its parameters; list parameters are lists.
    pub parameters: BTreeMap<String, Value>,
    /// Types of its parameters.
    pub parameter_types: BTreeMap<String, ParameterType>,
    /// `AllowedValues` of the parameters that have them.
    pub allowed: BTreeMap<String, Vec<String>>,
    /// Mappings.
    pub mappings: Value,
    /// Conditions, evaluated.
    pub conditions: BTreeMap<String, bool>,
    /// Resources whose conditions are true, with loops unrolled, in the order of the template.
    pub resources: Vec<Resource>,
    /// Outputs whose conditions are true, by name.
    pub outputs: BTreeMap<String, Output>,
    /// `Globals` of AWS SAM.
    pub globals: Value,
    /// `Metadata` of the template.
    pub metadata: Value,
}

/// One resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Logical id.
    pub id: String,
    /// Type, such as `AWS::CloudWatch::Alarm`.
    pub kind: String,
    /// Properties.
    pub properties: Map<String, Value>,
    /// `Metadata` of the resource.
    pub metadata: Value,
    /// First line.
    pub line: usize,
}

impl Resource {
    /// Path in the template.
    #[must_use]
    pub fn path(&self) -> String {
        format!("Resources.{}", self.id)
    }

    /// Error about a property.
    #[must_use]
    pub fn problem(&self, property: &str, rule: impl Into<String>) -> TemplateError {
        TemplateError { path: format!("{}.Properties.{property}", self.path()), line: self.line, rule: rule.into() }
    }
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Value.
    pub value: Value,
    /// Name of the export.
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
    /// Reads a template with every possible item of a list parameter, taken from the keys of the mapping of the same name,
    /// such as `Checks`.
    ///
    /// # Errors
    /// Those of [`Template::read`], and when the mapping does not exist.
    pub fn read_with_every(text: &str, inputs: &Inputs, list: &str) -> Result<Self, TemplateError> {
        let plain = Self::read(text, inputs)?;
        let Some(mapping) = plain.mappings[list].as_object() else {
            let rule =
                "expected a mapping of the values that the parameter of this name accepts, found none".to_owned();
            return Err(TemplateError { line: 1, path: format!("Mappings.{list}"), rule });
        };
        let every: Vec<&str> = mapping.keys().map(String::as_str).collect();
        Self::read(text, &inputs.clone().with(list, &every.join(",")))
    }

    /// Reads a template.
    ///
    /// # Errors
    /// With the path of the first invalid or unsupported element.
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
        let (mut parameters, mut parameter_types, mut allowed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (name, parameter) in parameters::parameters(found.get("Parameters").copied(), inputs)? {
            parameters.insert(name.clone(), parameter.value);
            parameter_types.insert(name.clone(), parameter.kind);
            if let Some(values) = parameter.allowed {
                allowed.insert(name, values);
            }
        }
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
        let entries = active_entries(&resolver, resources, "Resources")?;
        resolver.name_resources(entries.iter().map(|entry| entry.name.clone()));
        let read = entries.iter().map(|entry| resource(&resolver, entry)).collect::<Result<_, _>>()?;
        let mut outputs = BTreeMap::new();
        if let Some(section) = found.get("Outputs") {
            for entry in active_entries(&resolver, section, "Outputs")? {
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
            parameter_types,
            allowed,
            mappings: resolver.mappings(),
            conditions: resolver.conditions().clone(),
            resources: read,
            outputs,
        })
    }

    /// Resources of one type.
    pub fn resources_of_type<'t>(&'t self, kind: &'t str) -> impl Iterator<Item = &'t Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// Resource with this logical id.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }

    /// Exports by name, for the imports of other stacks.
    #[must_use]
    pub fn exports(&self) -> BTreeMap<String, Value> {
        let exported = self.outputs.values().filter_map(|output| Some((output.export.clone()?, output.value.clone())));
        exported.collect()
    }
}

/// Members of a section whose condition is true, with loops unrolled. Other members cannot be referred to.
fn active_entries<'n>(
    resolver: &Resolver<'_>,
    section: &'n Node,
    path: &str,
) -> Result<Vec<resolve::Entry<'n>>, TemplateError> {
    let mut entries = resolver.unroll(section, path, &Scope::default())?;
    let mut problem = None;
    entries.retain(|entry| match is_active(resolver, entry) {
        Ok(is_active) => is_active,
        Err(error) => {
            problem.get_or_insert(error);
            false
        }
    });
    problem.map_or(Ok(entries), Err)
}

fn is_active(resolver: &Resolver<'_>, entry: &resolve::Entry<'_>) -> Result<bool, TemplateError> {
    let path = &entry.path;
    let Some((_, condition)) = entry.node.members(path)?.iter().find(|(key, _)| key == "Condition") else {
        return Ok(true);
    };
    let name = resolver.resolve(condition, &format!("{path}.Condition"), &entry.scope)?;
    resolver.condition(name.as_ref().and_then(Value::as_str).unwrap_or_default(), condition, path)
}

fn resource(resolver: &Resolver<'_>, entry: &resolve::Entry<'_>) -> Result<Resource, TemplateError> {
    const KEYS: [&str; 11] = [
        "Type",
        "Properties",
        "Condition",
        "Metadata",
        "DependsOn",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "UpdatePolicy",
        "CreationPolicy",
        // Of AWS SAM.
        "Connectors",
        "IgnoreGlobals",
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
