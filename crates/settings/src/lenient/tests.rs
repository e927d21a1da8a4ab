use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::checked_values::{Name, Path, Statuses};
use crate::problem::key_path;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Outer {
    count: u8,
    ratio: Option<f64>,
    kind: Option<Kind>,
    path: Option<Path>,
    statuses: Option<Statuses>,
    names: Vec<Name>,
    any: Option<Value>,
    headers: BTreeMap<String, String>,
    items: Vec<Inner>,
    inner: Inner,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Inner {
    id: Option<String>,
    path: Option<Path>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Get,
    Head,
}

fn outer(text: &str) -> (Outer, Vec<(String, String)>) {
    let (value, mismatches) = read(DeTable::parse(text).unwrap(), &[], &[]);
    (value, mismatches.into_iter().map(|mismatch| (key_path(&mismatch.path), mismatch.rule)).collect())
}

fn rules(text: &str) -> Vec<String> {
    outer(text).1.into_iter().map(|(key, rule)| format!("{key}: {rule}")).collect()
}

#[test]
fn right_values_are_read() {
    let text = "count = 255\nratio = 1\nkind = 'HEAD'\npath = '/a'\nstatuses = [200]\nnames = ['a']\n\
        any = [1, -2, 0.5, true, 'a', { b = 9223372036854775807 }]\nheaders = { a = 'b' }\nitems = [{ id = 'a' }]\n\
        inner.path = '/b'";
    let (read, mismatches) = outer(text);
    assert_eq!(mismatches, []);
    assert_eq!((read.count, read.ratio, read.kind), (255, Some(1.0), Some(Kind::Head)));
    assert_eq!((read.path.unwrap().as_str(), read.statuses.unwrap().as_slice()), ("/a", &[200][..]));
    assert_eq!(read.names[0].as_str(), "a");
    assert_eq!(read.any.unwrap(), serde_json::json!([1, -2, 0.5, true, "a", { "b": i64::MAX }]));
    assert_eq!((read.headers["a"].as_str(), read.items[0].id.as_deref()), ("b", Some("a")));
    assert_eq!(read.inner.path.unwrap().as_str(), "/b");
}

#[test]
fn wrong_values_are_reported_once_and_left_out() {
    for (text, expected) in [
        ("count = 256", &["count: expected a whole number of 0 to 255, found integer `256`"][..]),
        ("count = -1", &["count: expected a whole number of 0 to 255, found integer `-1`"]),
        ("count = 'a'", &["count: expected a whole number of 0 to 255, found string \"a\""]),
        ("ratio = nan", &["ratio: expected a finite number, found nan"]),
        ("ratio = -inf", &["ratio: expected a finite number, found -inf"]),
        ("kind = 'POST'", &["kind: expected `GET` or `HEAD`, found `POST`"]),
        ("kind = 1", &["kind: expected a string, found an integer"]),
        ("path = 1", &["path: expected a string, found integer `1`"]),
        ("path = 'a'", &["path: expected a path that begins with one `/`, found `a`"]),
        ("inner.path = 'a'", &["inner.path: expected a path that begins with one `/`, found `a`"]),
        ("inner = 1", &["inner: expected a table, found integer `1`"]),
        ("[[inner]]", &["inner: expected a table, found a list of tables"]),
        ("statuses = ['200']", &["statuses: expected a whole number of 0 to 65535, found string \"200\""]),
        ("statuses = [99]", &["statuses: expected at least one status of 200 to 599, found [99]"]),
        (
            "names = ['', ' ']",
            &["names: expected a text, found a blank one", "names: expected a text, found a blank one"],
        ),
        (
            "names = [1, 'a', 2]",
            &["names: expected a string, found integer `1`", "names: expected a string, found integer `2`"],
        ),
        ("any = { a = [2026-11-22] }", &["any.a: expected a text in quotes, found a date without quotes"]),
        ("any = [nan]", &["any: expected a finite number, found nan"]),
        ("headers = { a = 1, b = 'c' }", &["headers.a: expected a string, found integer `1`"]),
        (
            "items = [{ id = 1 }, 2, { od = 'a' }]",
            &[
                "items[0].id: expected a string, found integer `1`",
                "items[1]: expected a table, found integer `2`",
                "items[2].od: unknown key \"od\"; known: id, path",
            ],
        ),
        ("items = { id = 'a' }", &["items: expected a list, found a table"]),
    ] {
        assert_eq!(rules(text), expected, "{text}");
    }
    let (read, _) =
        outer("count = 'a'\nratio = nan\nkind = 'POST'\npath = 1\nnames = ['a', 1]\nitems = [1, { id = 'b' }]");
    assert_eq!((read.count, read.ratio, read.kind, read.names.len()), (0, None, None, 1));
    assert!(read.path.is_none() && read.items[0].id.is_none() && read.items[1].id.is_some());
}

#[test]
fn ten_thousand_mistakes_are_all_found_in_linear_time() {
    let repeated = |one: &dyn Fn(usize) -> String| (0..10_000).map(one).collect::<String>();
    for text in [
        repeated(&|i| format!("key{i} = 1\n")),
        format!("headers = {{ {} }}", repeated(&|i| format!("h{i} = 1, "))),
        format!("items = [{}]", repeated(&|_| "{ id = 1 }, ".to_owned())),
        format!("any = [{}]", repeated(&|_| "nan, ".to_owned())),
    ] {
        assert_eq!(outer(&text).1.len(), 10_000);
    }
    // Those of the types' own rules are found one by one, up to a bound.
    let (read, mismatches) = outer(&format!("names = [{}]", repeated(&|_| "'', ".to_owned())));
    assert_eq!((read.names.len(), mismatches.len()), (0, MAX_REFUSED + 3));
}
