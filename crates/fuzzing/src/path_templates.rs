//! Templates of paths: an id stays one segment.

use check::NoSecrets;
use percent_encoding::percent_decode_str;
use platform::PaymentsPath;
use probe::Url;

use crate::input::split_first_line;

/// The first line is the template, the second the school's id, the third the other values.
pub(crate) const SEEDS: &[&[u8]] = &[
    b"/api/schools/{school}\n..\\..\\api\\users\\1\n3",
    b"/api/schools/{school}/payments?from={from}&to={to}&page={page}\n../users/1\na&b=c#d",
    b"/{school}/pages/{page}.json?x={school}\n%2e%2e\n.",
    // Found by the fuzzer: a value that makes a name in braces of the text around it.
    b"/a;b?{school}x{{to}page}/\ncn\n",
    // Found by the fuzzer: an escape that the id would complete.
    b"/a;b?{school}x%d{page}d{page}\ncn\n\0{page",
    "/a;b/{school}{page}/@\n\u{e9}{page}\n\0".as_bytes(),
];

/// Ids that no input contains.
const SCHOOL: &str = "q7school7q";
const OTHER: &str = "q7other7q";

/// A filled template leads to the path of the template at the same origin, and each id can be read back from its segment. Values
/// that cannot be a segment are refused.
pub(crate) fn path_templates(data: &[u8]) {
    let (template, rest) = split_first_line(data);
    let (school, rest) = split_first_line(rest);
    let other = String::from_utf8_lossy(rest).into_owned();
    if [&template, &school, &other].iter().any(|text| text.contains("q7")) {
        return;
    }
    let path = match PaymentsPath::try_from(template.clone()) {
        Ok(path) => path,
        Err(rule) => return assert!(rule.contains("expected") && rule.contains("found"), "{rule}"),
    };
    let base = Url::parse("https://app.example:8443/base").expect("a URL");
    let fill = |school: &str, other: &str| {
        path.at(&base, &[("school", school), ("from", other), ("to", other), ("page", other)])
    };
    let model = fill(SCHOOL, OTHER).expect("letters are an id");
    let cannot_be_id = |id: &str| id.trim().is_empty() || id == "." || id == "..";
    let path_part = template.split('?').next().unwrap_or_default();
    let names: &[(&String, &[&str])] = &[(&school, &["{school}"]), (&other, &["{from}", "{to}", "{page}"])];
    let is_used = |names: &[&str]| names.iter().any(|name| path_part.contains(name));
    let is_refused = names.iter().any(|(id, names)| is_used(names) && cannot_be_id(id));
    let url = match fill(&school, &other) {
        Ok(url) => url,
        Err(mismatch) => {
            assert!(is_refused, "refused: {mismatch:?}");
            let expected = mismatch.expected.admit(&NoSecrets, 200);
            return assert!(expected.contains("an id of a"), "{expected}");
        }
    };
    assert!(!is_refused, "accepted: {url}");
    assert_eq!(url.origin(), base.origin());
    assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None), "{url}");
    let filled = |text: &str| decoded(text).replace(SCHOOL, &school).replace(OTHER, &other);
    let is_literal = |text: &str| !text.contains(SCHOOL) && !text.contains(OTHER);
    let compare = |own: &str, model: &str, separators: &[char]| {
        let (own, model): (Vec<_>, Vec<_>) = (own.split(separators).collect(), model.split(separators).collect());
        assert_eq!(own.len(), model.len(), "{url}");
        for (own, model) in own.into_iter().zip(model) {
            assert_eq!(decoded(own), filled(model), "{url}");
            assert!(!is_literal(model) || own == model, "{own} in {url}");
        }
    };
    compare(url.path(), model.path(), &['/']);
    assert_eq!(url.query().is_some(), model.query().is_some(), "{url}");
    compare(url.query().unwrap_or_default(), model.query().unwrap_or_default(), &['&', '=', ';', '+']);
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
