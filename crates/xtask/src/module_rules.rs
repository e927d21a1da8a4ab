//! Tests of the modules in each crate: no circles.
//!
//! A module is a file. It has an arrow to another one if its code names an item of it: in a `use`, in a path, in a macro
//! call or in the text of an attribute. Names are followed through re-exports to the module that defines the item. So a
//! parent that only declares and re-exports its children has no arrow to them, and one that calls them has. Code for tests
//! is left out. Method calls are not seen, and neither are traits that only a `*` brings into scope.

mod arrows;
mod read;

use arrows::{Arrows, arrows, circles};
use read::{Files, read};

use crate::house_rules::{root, rust_files};

#[test]
fn modules_form_no_circle() {
    let crates = crates();
    assert!(crates.len() > 10, "found only {} crates", crates.len());
    let mut found = Vec::new();
    for (name, files) in crates {
        for (name, start) in roots(&name, &files) {
            let arrows = arrows(&read(&name, &start, &files));
            found.extend(circles(&arrows).iter().map(|circle| report(circle, &arrows)));
        }
    }
    assert!(
        found.is_empty(),
        "cut each circle by moving what both sides need into a module of its own\n\n{}",
        found.join("\n\n")
    );
}

#[test]
fn modules_that_use_each_other_form_a_circle() {
    let files = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b.rs", "pub struct B;\nfn f() {\n    super::a::A::new();\n}"),
    ];
    assert_eq!(circles_in(&files), [["x::a", "x::b"]]);
    let arrows = arrows_in(&files);
    assert_eq!(
        report(&circles(&arrows).into_iter().next().unwrap(), &arrows),
        "circle [\"x::a\", \"x::b\"]:\n  x::a -> x::b, src/a.rs:1: crate::b::B\n  \
         x::b -> x::a, src/b.rs:3: super::a::A::new"
    );
}

#[test]
fn longer_circles_are_found() {
    let found = circles_in(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nmod d;"),
        ("a.rs", "use crate::{b::{self, B}, d::D};\npub struct A;"),
        ("b.rs", "use super::c;\npub struct B;\nfn f() { c::f(); }"),
        ("c.rs", "pub fn f() { crate::a::g() }"),
        ("d.rs", "pub struct D;"),
    ]);
    assert_eq!(found, [["x::a", "x::b", "x::c"]]);
}

#[test]
fn re_exports_are_followed() {
    let cases = [
        ("at the root", "mod a;\nmod b;\npub use a::A;\npub(crate) use b::B;", "crate::A", "super::B"),
        ("renamed", "mod a;\nmod b;\npub use {a::A as Other, b as c};", "crate::Other", "crate::c::B"),
        ("glob", "mod a;\nmod b;\npub use {a::*, b::*};", "crate::A", "crate::B"),
        (
            "glob of globs",
            "mod a;\nmod b;\nmod all { pub use super::{a::*, b::*}; }\nuse all::*;",
            "super::A",
            "super::B",
        ),
        ("private", "mod a;\nmod b;\nuse a::A;\npub use b::B;", "super::A", "super::B"),
    ];
    for (name, root, a, b) in cases {
        let file_a = format!("use {b};\npub struct A;");
        let file_b = format!("pub struct B;\nfn f(_: {a}) {{}}");
        let found = circles_in(&[("lib.rs", root), ("a.rs", file_a.as_str()), ("b.rs", file_b.as_str())]);
        assert_eq!(found, [["x::a", "x::b"]], "{name}");
    }
}

#[test]
fn names_from_a_glob_import_are_found() {
    let files = |b| {
        [
            ("lib.rs", "mod a;\nmod b;\npub use a::{A, f};"),
            ("a.rs", "use crate::b::B;\npub struct A;\npub fn f() {}"),
            ("b.rs", b),
        ]
    };
    assert_eq!(circles_in(&files("use super::*;\npub struct B(A);")), [["x::a", "x::b"]]);
    assert_eq!(circles_in(&files("use super::*;\npub struct B;\nfn g() { assert!(f()); }")), [["x::a", "x::b"]]);
    assert_eq!(circles_in(&files("use super::*;\npub struct B;\nfn g() { let f = 1; h(f); }")), NONE);
    assert_eq!(circles_in(&files("pub use super::a::*;\npub struct B;")), [["x::a", "x::b"]]);
}

#[test]
fn a_parent_that_only_re_exports_is_in_no_circle() {
    let found = circles_in(&[
        ("lib.rs", "mod parent;\npub use parent::Child;"),
        ("parent/mod.rs", "mod child;\nmod other;\npub use child::*;\npub(crate) use other::Other;"),
        ("parent/child.rs", "use super::Other;\npub struct Child;"),
        ("parent/other.rs", "pub struct Other;"),
    ]);
    assert_eq!(found, NONE);
}

#[test]
fn a_parent_and_a_child_can_form_a_circle() {
    let child = "use super::Shared;\npub fn f() {}";
    let files = |parent| [("lib.rs", "mod parent;"), ("parent.rs", parent), ("parent/child.rs", child)];
    assert_eq!(circles_in(&files("mod child;\npub use child::f;\npub struct Shared;")), NONE);
    let calls = "mod child;\npub use child::f;\npub struct Shared;\nfn g() { child::f() }";
    assert_eq!(circles_in(&files(calls)), [["x::parent", "x::parent::child"]]);
}

#[test]
fn code_for_tests_is_left_out() {
    for code in [
        "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
        "#[cfg(test)]\nuse crate::a::A;",
        "#[cfg(all(test, unix))]\nfn f(_: crate::a::A) {}",
        "#[test]\nfn f() { crate::a::A; }",
        "fn f() {\n    #[cfg(test)]\n    let a = crate::a::A;\n}",
    ] {
        let b = format!("pub struct B;\n{code}");
        let files = [("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;\npub struct A;"), ("b.rs", b.as_str())];
        assert_eq!(circles_in(&files), NONE, "{code}");
    }
}

#[test]
fn all_kinds_of_code_are_read() {
    for code in [
        "#[cfg(any(test, unix))]\nuse crate::a::A;",
        "#[derive(crate::a::A)]\nstruct C;",
        "#[serde(with = \"crate::a\")]\nstruct C;",
        "#[serde(default = \"crate::a::f\")]\nstruct C;",
        "fn f() { vec![1, super::a::f(2)]; }",
        "macro_rules! m { () => { $crate::a::f() } }",
        "fn f() { use crate::a; a::f(); }",
        "impl crate::a::A for B {}",
        "mod block { use super::super::a::A; }",
        "use crate::a::Generated;",
    ] {
        let b = format!("pub struct B;\n{code}");
        let a = "use crate::b::B;\npub struct A;\npub fn f() {}\nmake! { Generated }";
        assert_eq!(
            circles_in(&[("lib.rs", "mod a;\nmod b;"), ("a.rs", a), ("b.rs", b.as_str())]),
            [["x::a", "x::b"]],
            "{code}"
        );
    }
}

#[test]
fn a_module_and_a_function_can_share_a_name() {
    let found = circles_in(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;\nuse b::a;\nfn f() { a(); }"),
        ("a.rs", "pub struct A;"),
        ("b.rs", "use crate::c::C;\npub fn a() {}"),
        ("c.rs", "use crate::a::A;\npub struct C;"),
    ]);
    assert_eq!(found, NONE);
}

const NONE: [[&str; 0]; 0] = [];

fn circles_in(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    circles(&arrows_in(files)).into_iter().collect()
}

fn arrows_in(files: &[(&str, &str)]) -> Arrows {
    let files = files.iter().map(|(path, text)| (format!("src/{path}"), (*text).to_owned())).collect();
    arrows(&read("x", "src/lib.rs", &files))
}

/// Describes a circle with an example of each arrow.
fn report(circle: &[String], arrows: &Arrows) -> String {
    let inside = arrows.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to));
    let lines = inside.map(|((from, to), example)| format!("\n  {from} -> {to}, {example}"));
    format!("circle {circle:?}:{}", lines.collect::<String>())
}

/// Source files of all crates, by the name of the crate's folder.
fn crates() -> Vec<(String, Files)> {
    let folders = ["crates", "functions"].map(|folder| root().join(folder).read_dir().unwrap());
    let folders = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).chain([root().join("tests")]);
    folders
        .map(|folder| {
            let files = rust_files(&folder.join("src")).into_iter().map(|file| {
                let text = std::fs::read_to_string(&file).unwrap();
                (file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text)
            });
            (folder.file_name().unwrap().to_str().unwrap().to_owned(), files.collect::<Files>())
        })
        .filter(|(_, files)| !files.is_empty())
        .collect()
}

/// Names and files of the library and the binaries of a crate.
fn roots(name: &str, files: &Files) -> Vec<(String, String)> {
    let has_library = files.keys().any(|file| file.ends_with("/src/lib.rs"));
    let root_name = |file: &str| {
        let (_, file) = file.split_once("/src/")?;
        match file.strip_prefix("bin/").unwrap_or(file) {
            "lib.rs" => Some(name.to_owned()),
            "main.rs" if !has_library => Some(name.to_owned()),
            "main.rs" => Some(format!("{name}/main")),
            binary if file.starts_with("bin/") && !binary.contains('/') => {
                Some(format!("{name}/{}", binary.trim_end_matches(".rs")))
            }
            _ => None,
        }
    };
    files.keys().filter_map(|file| Some((root_name(file)?, file.clone()))).collect()
}
