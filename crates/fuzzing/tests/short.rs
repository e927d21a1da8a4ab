//! The fuzzer's properties for a few seconds, on randomly edited files of this repository.

#![expect(clippy::unwrap_used, reason = "the files of the repository exist")]

use std::path::{Path, PathBuf};

use fuzzing::TARGETS;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Number of cases for each property.
const CASES: u32 = 5_000;

/// Number of large pages.
const PAGES: u32 = 500;

/// Texts inserted by an edit: syntax of the formats, numbers at their limits, and misleading characters.
const PIECES: [&[u8]; 30] = [
    b"",
    b"\n",
    b"\"",
    b"'''",
    b"[",
    b"]",
    b"{",
    b"}",
    b"[[",
    b"=",
    b",",
    b".",
    b"/",
    b"~1",
    b"~0",
    b"\\u0000",
    b"<",
    b"<form>",
    b"<input name=_token value=abcdefgh>",
    b"<!--",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"1e999",
    b"null",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"env:X",
    b"169.254.169.254",
    b"9999-12-31T23:59:59Z",
];

/// Parts of pages; `#` becomes a different number each time.
const PARTS: [&str; 24] = [
    "<p>",
    "<p>x",
    "<b #>",
    "<a href=#>",
    "<font size=#>",
    "<i id=#>x</p>",
    "<div>",
    "</div>",
    "<table><tr>",
    "<td>",
    "<form>",
    "</form>",
    "<input name=#>",
    "<input name=q&amp;# value='&#x41;'>",
    "<select><option>",
    "<template>",
    "<svg>",
    "<script><!--<script",
    "<!--",
    "--",
    "<title>",
    " a#=b",
    "<",
    "'",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files of a folder with this extension.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let wanted = paths.into_iter().filter(|path| path.extension().is_some_and(|found| found == ending));
    wanted.map(|path| std::fs::read(path).unwrap()).collect()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let seeds: Vec<Vec<u8>> = match target {
        "settings" => {
            [files("infra/layer/settings", "toml"), files("functions/availability/tests/settings/wrong", "toml")]
                .concat()
        }
        "events" => [files("events", "json"), files("events/messages", "json")].concat(),
        "form_token" => texts(&[
            "_token\n<form><input type=\"hidden\" name=\"_token\" value=\"abcdefgh12345678\"></form>",
            "_token\n<meta name=\"csrf-token\" content=\"abcdefgh12345678\"><form><input name=\"email\"></form>",
        ]),
        "json_pointers" => texts(&[
            "/data/0/id\n{\"data\": [{\"id\": 7, \"password\": \"hunter2\"}, {\"a/b\": 1.0, \"m~n\": \"450.00\"}]}",
            "/a~1b\n{\"a/b\": {\"\": [null, true, 18446744073709551615]}}",
        ]),
        "assertions" => texts(&[
            "text/html; charset=utf-8\nKøreskole\n<title>Køreskole</title>",
            "text/html; charset=iso-8859-1\nx\nK\u{f8}reskole",
            "application/json\nToo many\n{\"message\": \"Too many login attempts\", \"errors\": {\"email\": [\"x\"]}}",
        ]),
        other => unreachable!("{other} has no seeds"),
    };
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

/// A seed edited in up to five places: each edit removes some bytes and inserts others.
fn edited(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        3 => proptest::sample::select(PIECES.to_vec()).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ];
    let edit = (any::<proptest::sample::Index>(), prop_oneof![Just(0_usize), 0..4_usize, 0..200_usize], piece);
    (proptest::sample::select(seeds), proptest::collection::vec(edit, 0..5)).prop_map(|(mut text, edits)| {
        for (place, cut, piece) in edits {
            let at = place.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, piece);
        }
        text
    })
}

/// Pages of up to four parts, each repeated up to two thousand times. The first line is the field's name.
fn pages() -> impl Strategy<Value = Vec<u8>> {
    let part = (proptest::sample::select(PARTS.to_vec()), prop_oneof![1 => Just(1_usize), 2 => Just(2_000_usize)]);
    proptest::collection::vec(part, 1..5).prop_map(|parts| {
        let times = parts.iter().flat_map(|(part, times)| std::iter::repeat_n(part, *times)).enumerate();
        let page: String = times.map(|(place, part)| part.replace('#', &place.to_string())).collect();
        format!("_token\n{page}").into_bytes()
    })
}

fn run_property(target: &str) {
    let (_, property) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&edited(seeds(target)), |data| {
            property(&data);
            Ok(())
        })
        .unwrap();
}

#[test]
fn every_seed_satisfies_its_property() {
    for (name, property) in TARGETS {
        seeds(name).iter().for_each(|seed| property(seed));
    }
}

#[test]
fn settings_are_valid_or_refused() {
    run_property("settings");
}

#[test]
fn events_are_accepted_or_refused() {
    run_property("events");
}

#[test]
fn page_yields_a_form_token_or_a_mismatch() {
    run_property("form_token");
}

#[test]
fn repeated_parts_do_not_slow_down_a_page() {
    let config = Config { cases: PAGES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&pages(), |data| {
            fuzzing::form_token(&data);
            Ok(())
        })
        .unwrap();
}

#[test]
fn pointer_follows_the_rfc() {
    run_property("json_pointers");
}

#[test]
fn text_is_in_a_body_or_not() {
    run_property("assertions");
}

#[test]
fn properties_and_fuzz_targets_match() {
    let manifest: toml::Table =
        std::fs::read_to_string(root().join("crates/fuzzing/fuzz/Cargo.toml")).unwrap().parse().unwrap();
    let bins: Vec<&str> = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(bins, TARGETS.map(|(name, _)| name));
    for name in bins {
        let target = root().join(format!("crates/fuzzing/fuzz/fuzz_targets/{name}.rs"));
        let code = std::fs::read_to_string(&target).unwrap();
        assert!(code.contains(&format!("fuzzing::{name}(data)")), "{name} is fuzzed as {name}");
    }
}
