//! The fuzzer's properties for a few seconds, on randomly edited files of this repository.

#![expect(clippy::unwrap_used, reason = "the properties exist")]

use fuzzing::{TARGETS, Target};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Number of large pages.
const PAGES: u32 = 300;

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

/// Runs a property on edited seeds.
fn run_property(name: &str) {
    let target = Target::named(name).unwrap();
    let config = Config { cases: target.cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&edited(target.all_seeds()), |data| {
            (target.property)(&data);
            Ok(())
        })
        .unwrap();
}

/// Defines a test for each property, so that they run at the same time, and one that none is missing.
macro_rules! tests {
    ($($test:ident = $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            run_property($name);
        })*

        #[test]
        fn every_property_has_a_test() {
            let tested: Vec<&str> = vec![$($name),*];
            assert_eq!(tested, TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
        }
    };
}

tests! {
    settings_are_valid_or_refused = "settings",
    events_are_accepted_or_refused = "events",
    page_yields_a_form_token_or_a_mismatch = "form_token",
    pointer_follows_the_rfc = "json_pointers",
    text_is_in_a_body_or_not = "assertions",
    encoded_secret_does_not_survive = "redaction",
    phrase_becomes_one_clean_line = "cleaning",
    cookies_stay_at_home = "session",
    redis_replies_end_in_a_report = "redis_replies",
    mysql_replies_end_in_a_report = "mysql_replies",
    template_is_resolved_or_refused = "template_reader",
    id_stays_one_segment = "path_templates",
    texts_stay_in_their_places = "notification_rendering",
}

#[test]
fn every_seed_satisfies_its_property() {
    for target in &TARGETS {
        let seeds = target.all_seeds();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        seeds.iter().for_each(|seed| (target.property)(seed));
    }
}

#[test]
fn repeated_parts_do_not_slow_down_a_page() {
    let form_token = Target::named("form_token").unwrap().property;
    let config = Config { cases: PAGES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&pages(), |data| {
            form_token(&data);
            Ok(())
        })
        .unwrap();
}
