//! Follows each mentioned name to the module that defines it, and finds circles.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{Kind, Meaning, Mention, Module, starts_upper};

/// Arrows between modules, each with an example: file, line and the path in the code.
pub(super) type Arrows = BTreeMap<(String, String), String>;

/// Names that are being looked up: a module and a name in it.
type Pending = Vec<(usize, String)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    /// An item, by the module that defines it.
    Item(usize),
}

/// Finds the arrows from each module to the modules whose items it uses. A re-export of a module below is not a use.
pub(super) fn arrows(modules: &[Module]) -> Arrows {
    let mut arrows = Arrows::new();
    for (number, module) in modules.iter().enumerate() {
        for mention in &module.mentions {
            if is_variable(module, mention) {
                continue;
            }
            for target in resolve(modules, number, &mention.path, &mut vec![]) {
                let to = match target {
                    Target::Item(to) => to,
                    Target::Module(to) if matches!(mention.kind, Kind::Text | Kind::ReExportAll) => to,
                    Target::Module(_) => continue,
                };
                let (from, to) = (module.home, modules[to].home);
                let exported = matches!(mention.kind, Kind::ReExport | Kind::ReExportAll);
                if from == to || exported && is_below(modules, to, from) {
                    continue;
                }
                let example = format!("{}:{}: {}", module.file, mention.line, mention.path.join("::"));
                arrows.entry((modules[from].name.clone(), modules[to].name.clone())).or_insert(example);
            }
        }
    }
    arrows
}

/// Finds the sets of two or more modules that all lead to each other.
pub(super) fn circles(arrows: &Arrows) -> BTreeSet<Vec<String>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in arrows.keys() {
        next.entry(from).or_default().push(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|from| (*from, reached_from(from, &next))).collect();
    let leads_to = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
    let on_circle = reached.keys().filter(|name| leads_to(name, name));
    on_circle
        .map(|name| {
            let others = reached[name].iter().filter(|other| leads_to(other, name));
            others.map(|other| (*other).to_owned()).collect()
        })
        .collect()
}

fn reached_from<'a>(start: &'a str, next: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for to in next.get(name).into_iter().flatten() {
            if reached.insert(*to) {
                open.push(*to);
            }
        }
    }
    reached
}

/// Recognizes a local variable with the name of a function.
fn is_variable(module: &Module, mention: &Mention) -> bool {
    let [name] = mention.path.as_slice() else { return false };
    !starts_upper(name) && module.variables.contains(name)
}

fn is_below(modules: &[Module], number: usize, above: usize) -> bool {
    modules[number].parent.is_some_and(|parent| parent == above || is_below(modules, parent, above))
}

/// Finds what a path in a module names. The result is empty for names of other crates.
fn resolve(modules: &[Module], from: usize, path: &[String], pending: &mut Pending) -> BTreeSet<Target> {
    let (mut start, mut rest) = (None, path);
    while let Some((first, others)) = rest.split_first() {
        start = match (first.as_str(), start) {
            ("crate", None) => Some(0),
            ("self", None) => Some(from),
            ("super", start) => {
                let parent = modules[start.unwrap_or(from)].parent;
                if parent.is_none() {
                    return BTreeSet::new();
                }
                parent
            }
            _ => break,
        };
        rest = others;
    }
    // Only types have items of their own; a function with the name of a module does not.
    let can_lead_on = |name: &str, target: &Target| starts_upper(name) || matches!(target, Target::Module(_));
    let mut found = match (start, rest.split_first()) {
        (Some(start), _) => BTreeSet::from([Target::Module(start)]),
        (None, Some((first, others))) => {
            rest = others;
            let mut found = look_up(modules, from, first, pending);
            found.retain(|target| others.is_empty() || can_lead_on(first, target));
            found
        }
        (None, None) => BTreeSet::new(),
    };
    while let Some((name, others)) = rest.split_first() {
        let mut next = BTreeSet::new();
        for target in found {
            let Target::Module(module) = target else {
                next.insert(target);
                continue;
            };
            let mut inside = look_up(modules, module, name, pending);
            inside.retain(|target| others.is_empty() || can_lead_on(name, target));
            if inside.is_empty() {
                // The code compiles, so a macro defines the name.
                inside.insert(Target::Item(module));
            }
            next.extend(inside);
        }
        (found, rest) = (next, others);
    }
    found
}

/// Finds what a name in a module refers to, through imports and re-exports.
fn look_up(modules: &[Module], number: usize, name: &str, pending: &mut Pending) -> BTreeSet<Target> {
    let module = &modules[number];
    let meanings = module.names.get(name);
    let mut found = BTreeSet::new();
    for meaning in meanings.into_iter().flatten() {
        match meaning {
            Meaning::Module(module) => _ = found.insert(Target::Module(*module)),
            Meaning::Item => _ = found.insert(Target::Item(number)),
            Meaning::Import(_) => {}
        }
    }
    let key = (number, name.to_owned());
    if pending.contains(&key) {
        return found;
    }
    pending.push(key);
    for meaning in meanings.into_iter().flatten() {
        if let Meaning::Import(path) = meaning {
            found.extend(resolve(modules, number, path, pending));
        }
    }
    if meanings.is_none() && module.generated.contains(name) {
        found.insert(Target::Item(number));
    } else if meanings.is_none() {
        for glob in &module.globs {
            for target in resolve(modules, number, glob, pending) {
                if let Target::Module(module) = target {
                    found.extend(look_up(modules, module, name, pending));
                }
            }
        }
    }
    pending.pop();
    found
}
