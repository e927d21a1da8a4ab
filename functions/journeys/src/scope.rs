//! Names of the values that the texts of a step may use.

use std::collections::{BTreeMap, BTreeSet};

use requests::Place;
use settings::Section;

use crate::parts::{Part, names, parts};
use crate::values::BUILT_IN;

/// Names of a journey, seen from one of its steps.
pub(crate) struct Scope {
    /// Values that are there from the beginning.
    known: BTreeSet<String>,
    /// Values that a step takes from its answer, with the position of the step.
    captured: BTreeMap<String, usize>,
    position: usize,
}

impl Scope {
    /// Collects the names of a journey, and reports those that are there twice. `captures` are the names by step.
    pub(crate) fn new<V, S>(
        section: &Section<'_>,
        values: &BTreeMap<String, V>,
        secrets: &BTreeMap<String, S>,
        captures: &[Vec<String>],
    ) -> Self {
        let mut known: BTreeSet<String> = BUILT_IN.into_iter().map(str::to_owned).collect();
        let again = |name: &str| format!("expected a unique name, found `{name}` again");
        let tables = values.keys().map(|name| ("values", name)).chain(secrets.keys().map(|name| ("secrets", name)));
        for (table, name) in tables {
            if !known.insert(name.clone()) {
                section.table(table).problem(name, again(name));
            }
        }
        let mut captured = BTreeMap::new();
        for (position, names) in captures.iter().enumerate() {
            for name in names {
                if known.contains(name) || captured.contains_key(name) {
                    section.item("steps", position).table("capture").problem(name, again(name));
                }
                captured.entry(name.clone()).or_insert(position);
            }
        }
        Self { known, captured, position: 0 }
    }

    /// Moves on to the step at this position.
    pub(crate) const fn begin(&mut self, position: usize) {
        self.position = position;
    }

    /// Checks a text of the step, and adds the names of its values to `uses`.
    pub(crate) fn visit(
        &self,
        section: &Section<'_>,
        key: &str,
        place: Place,
        text: &str,
        uses: &mut BTreeSet<String>,
    ) {
        match place {
            Place::Query | Place::Header | Place::Form | Place::Json | Place::Expectation => {
                let Some(parts) = section.parsed(key, parts(text)) else { return };
                let is_typed = matches!(place, Place::Json | Place::Expectation);
                for part in &parts {
                    match part {
                        Part::Text(_) => {}
                        Part::Number(name) if !is_typed || parts.len() > 1 => {
                            let rule = "expected `:number` only as a whole text of JSON";
                            section.problem(key, format!("{rule}, found `{{{name}:number}}`"));
                        }
                        Part::Value(name) | Part::Number(name) => self.use_name(section, key, name, uses),
                    }
                }
            }
            Place::Name | Place::Expression | Place::PlainBody => {
                let is_known = |name: &&str| self.known.contains(*name) || self.captured.contains_key(*name);
                if let Some(name) = names(text).find(is_known) {
                    let place = match place {
                        Place::Name => "a name",
                        Place::PlainBody => "a body of plain text",
                        _ => "an expression",
                    };
                    section.problem(key, format!("expected no value in {place}, found `{{{name}}}`"));
                }
            }
        }
    }

    fn use_name(&self, section: &Section<'_>, key: &str, name: &str, uses: &mut BTreeSet<String>) {
        let is_captured = match self.captured.get(name) {
            Some(source) if *source < self.position => true,
            Some(_) if !self.known.contains(name) => {
                let rule = "expected a value of an earlier step";
                section.problem(key, format!("{rule}, found `{{{name}}}`, which is captured later"));
                return;
            }
            _ => false,
        };
        if is_captured || self.known.contains(name) {
            uses.insert(name.to_owned());
            return;
        }
        let earlier = self.captured.iter().filter(|(_, position)| **position < self.position).map(|(name, _)| name);
        let known: Vec<&str> = self.known.iter().chain(earlier).map(String::as_str).collect();
        let near = settings::suggestion(name, &known);
        section.problem(key, format!("expected the name of a value, found `{{{name}}}`{near}"));
    }
}
