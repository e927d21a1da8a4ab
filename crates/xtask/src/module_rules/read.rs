//! Reads the modules of a crate, the names they define and the names they mention.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Meta, Token, UseTree, Visibility, punctuated::Punctuated};

/// Files of a crate: path, with `/`, and content.
pub(super) type Files = BTreeMap<String, String>;

/// A module: a file, or a block in a file.
#[derive(Default)]
pub(super) struct Module {
    /// Path of the module, beginning with the name of the crate.
    pub(super) name: String,
    /// Path of the file.
    pub(super) file: String,
    pub(super) parent: Option<usize>,
    /// Module of the file: this one, or for a block the one around it.
    pub(super) home: usize,
    /// Names that the module defines or imports. A name can be a module and a function at once.
    pub(super) names: BTreeMap<String, Vec<Meaning>>,
    /// Identifiers in macro calls between items: the call may define them.
    pub(super) generated: BTreeSet<String>,
    /// Paths imported with `*`.
    pub(super) globs: Vec<Vec<String>>,
    /// Names of local variables and arguments.
    pub(super) variables: BTreeSet<String>,
    pub(super) mentions: Vec<Mention>,
}

/// What a name in a module refers to.
pub(super) enum Meaning {
    Module(usize),
    Item,
    Import(Vec<String>),
}

/// A path in the code of a module.
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// A path in code, or a private import.
    Use,
    /// A path in the text of an attribute, which may be a module.
    Text,
    ReExport,
    /// A re-export with `*`.
    ReExportAll,
}

/// Reads the modules that a root file declares, without those for tests. The first one is the root.
///
/// # Panics
/// When a file is not valid Rust or the file of a module does not exist.
pub(super) fn read(name: &str, root: &str, files: &Files) -> Vec<Module> {
    let mut modules = vec![];
    let folder = root.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    read_file(&mut modules, name.to_owned(), None, root.to_owned(), &folder, files);
    modules
}

/// Reads a file, whose modules are in `folder`, and returns the number of its module.
fn read_file(
    modules: &mut Vec<Module>,
    name: String,
    parent: Option<usize>,
    file: String,
    folder: &str,
    files: &Files,
) -> usize {
    let parsed = syn::parse_file(&files[&file]).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
    let module = Module { name, file, parent, home: modules.len(), ..Module::default() };
    read_items(modules, module, &parsed.items, folder, files)
}

fn read_items(modules: &mut Vec<Module>, module: Module, items: &[Item], folder: &str, files: &Files) -> usize {
    let (number, home) = (modules.len(), module.home);
    let (name, file) = (module.name.clone(), module.file.clone());
    modules.push(module);
    for item in items {
        let Item::Mod(child) = item else { continue };
        if for_tests(&child.attrs) {
            continue;
        }
        let ident = child.ident.to_string();
        let (name, folder_of_child) = (format!("{name}::{ident}"), format!("{folder}{ident}/"));
        let child = if let Some((_, items)) = &child.content {
            let block = Module { name, file: file.clone(), parent: Some(number), home, ..Module::default() };
            read_items(modules, block, items, &folder_of_child, files)
        } else {
            let places = [format!("{folder}{ident}.rs"), format!("{folder_of_child}mod.rs")];
            let place = places.into_iter().find(|place| files.contains_key(place));
            let place = place.unwrap_or_else(|| panic!("{file}: found no file of the module {ident}"));
            read_file(modules, name, Some(number), place, &folder_of_child, files)
        };
        modules[number].names.entry(ident).or_default().push(Meaning::Module(child));
    }
    let mut reader = Reader { module: &mut modules[number] };
    for item in items {
        reader.define(item);
        reader.visit_item(item);
    }
    number
}

/// Recognizes `#[cfg(test)]`, also with further conditions, and test functions.
fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.is_ident("cfg") {
            return attribute.parse_args().is_ok_and(|condition: Meta| needs_test(&condition));
        }
        path.segments.last().is_some_and(|segment| segment.ident == "test")
    })
}

fn needs_test(condition: &Meta) -> bool {
    let Meta::List(list) = condition else { return condition.path().is_ident("test") };
    let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else { return false };
    match list.path.get_ident().map(Ident::to_string).as_deref() {
        Some("all") => parts.iter().any(needs_test),
        Some("any") => parts.iter().all(needs_test),
        _ => false,
    }
}

struct Reader<'a> {
    module: &'a mut Module,
}

impl Reader<'_> {
    fn define(&mut self, item: &Item) {
        let ident = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(ident) => ident,
                None => return self.generate(item.mac.tokens.clone()),
            },
            _ => return,
        };
        self.module.names.entry(ident.to_string()).or_default().push(Meaning::Item);
    }

    fn generate(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => _ = self.module.generated.insert(ident.to_string()),
                TokenTree::Group(group) => self.generate(group.stream()),
                _ => {}
            }
        }
    }

    fn mention(&mut self, path: Vec<String>, at: &Ident, kind: Kind) {
        self.module.mentions.push(Mention { path, line: at.span().start().line, kind });
    }

    /// Reads one branch of a `use` declaration.
    fn import(&mut self, tree: &UseTree, mut path: Vec<String>, exported: bool) {
        let kind = if exported { Kind::ReExport } else { Kind::Use };
        let (ident, alias) = match tree {
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, path.clone(), exported));
            }
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.import(&step.tree, path, exported);
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                let kind = if exported { Kind::ReExportAll } else { Kind::Use };
                self.module.globs.push(path.clone());
                return self.module.mentions.push(Mention { path, line, kind });
            }
            UseTree::Name(name) => (&name.ident, &name.ident),
            UseTree::Rename(rename) => (&rename.ident, &rename.rename),
        };
        if ident != "self" || path.is_empty() {
            path.push(ident.to_string());
        }
        let alias = if alias == "self" { path[path.len() - 1].clone() } else { alias.to_string() };
        self.mention(path.clone(), ident, kind);
        self.module.names.entry(alias).or_default().push(Meaning::Import(path));
    }

    /// Finds paths in the tokens of a macro or an attribute.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == sign);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let start = at;
            at += 1;
            let TokenTree::Ident(first) = token else {
                if let TokenTree::Group(group) = token {
                    self.scan(group.stream());
                }
                continue;
            };
            let mut path = vec![first.to_string()];
            while is(at, ':') && is(at + 1, ':') {
                let Some(TokenTree::Ident(next)) = tokens.get(at + 2) else { break };
                path.push(next.to_string());
                at += 3;
            }
            // Fields, methods and associated items of something else, and the arguments of a macro.
            let after = |back: usize, sign: char| start >= back && is(start - back, sign);
            let part =
                after(1, '.') && !after(2, '.') || after(1, '$') && first != "crate" || after(1, ':') && after(2, ':');
            let call = is(at, '!')
                || matches!(tokens.get(at), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis);
            if !part && (path.len() > 1 || call || starts_upper(&path[0])) {
                self.mention(path, first, Kind::Use);
            }
        }
    }

    /// Finds paths in the texts of an attribute, such as `#[serde(with = "crate::seconds")]`.
    fn scan_texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.scan_texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { continue };
                    let Ok(path) = syn::parse_str::<syn::Path>(&text.value()) else { continue };
                    if path.segments.len() > 1 {
                        let line = literal.span().start().line;
                        self.module.mentions.push(Mention { path: segments(&path), line, kind: Kind::Text });
                    }
                }
                _ => {}
            }
        }
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

pub(super) fn starts_upper(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// Visits nodes of the syntax tree unless they are for tests.
macro_rules! without_tests {
    ($($method:ident: $node:ident,)*) => {
        $(fn $method(&mut self, node: &'ast syn::$node) {
            if !for_tests(&node.attrs) {
                visit::$method(self, node);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for Reader<'_> {
    without_tests! {
        visit_arm: Arm,
        visit_field: Field,
        visit_field_value: FieldValue,
        visit_impl_item_const: ImplItemConst,
        visit_impl_item_fn: ImplItemFn,
        visit_impl_item_type: ImplItemType,
        visit_item_const: ItemConst,
        visit_item_enum: ItemEnum,
        visit_item_fn: ItemFn,
        visit_item_impl: ItemImpl,
        visit_item_macro: ItemMacro,
        visit_item_static: ItemStatic,
        visit_item_struct: ItemStruct,
        visit_item_trait: ItemTrait,
        visit_item_type: ItemType,
        visit_local: Local,
        visit_stmt_macro: StmtMacro,
        visit_trait_item_fn: TraitItemFn,
        visit_variant: Variant,
    }

    /// Leaves modules out: they are read on their own.
    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() && !for_tests(&item.attrs) {
            self.import(&item.tree, vec![], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.mention(segments(path), &path.segments[0].ident, Kind::Use);
        }
        visit::visit_path(self, path);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.module.variables.insert(pattern.ident.to_string());
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.scan(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
            self.scan_texts(list.tokens.clone());
        }
    }
}
