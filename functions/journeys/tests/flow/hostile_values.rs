//! Values of a hostile server cannot leave their place in a later request.

use check::Outcome;
use hostile::{Server, answer};

use crate::{report, steps};

/// Values with the syntax of every place.
const HOSTILE: [&str; 9] = [
    "../../admin",
    "a/b?c=d#e",
    "%2e%2e%2fadmin",
    "\"},\"admin\":true,{\"x\":\"",
    "a&admin=1",
    "{run_id}",
    "{{",
    "\\..\\admin",
    "a\u{202e}b\u{0}",
];

/// Places of the value in the second request.
const USE: &str = r#"
creates = true
steps = [
  { name = "take", path = "/take", capture.v = { json = "/v" } },
  { name = "use", path = "/p/{v}/q?x={v}", method = "POST", query = { y = "{v}" }, body.json = { v = "{v}", w = [{ u = "<{v}>" }] } },
  { name = "form", path = "/form", method = "POST", body.form = { v = "{v}", z = "1" } },
  { name = "header", path = "/header", headers = { x-v = "<{v}>" } },
]
"#;

#[tokio::test]
async fn hostile_values_stay_in_their_place() {
    for value in HOSTILE {
        let body = serde_json::json!({ "v": value }).to_string();
        let server = Server::plain(move |_| answer("200 OK", &body)).await;
        let report = report(&server, USE).await;
        let requests = server.requests();
        let line = requests[1].lines().next().unwrap();
        let target = line.split(' ').nth(1).unwrap();
        let url: url::Url = format!("http://h{target}").parse().unwrap();
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        assert_eq!((segments.len(), segments[0], segments[2]), (3, "p", "q"), "{value:?}: {line}");
        let decoded = percent_encoding::percent_decode_str(segments[1]).decode_utf8().unwrap();
        assert_eq!(decoded, value, "{line}");
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs, [("x".to_owned(), value.to_owned()), ("y".to_owned(), value.to_owned())], "{line}");
        let body = requests[1].split_once("\r\n\r\n").unwrap().1;
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let expected = serde_json::json!({ "v": value, "w": [{ "u": format!("<{value}>") }] });
        assert_eq!(body, expected);
        let form = requests[2].split_once("\r\n\r\n").unwrap().1;
        let form: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        assert_eq!(form, [("v".to_owned(), value.to_owned()), ("z".to_owned(), "1".to_owned())]);
        if value.contains('\u{0}') {
            assert_eq!(requests.len(), 3, "{value:?}: a header cannot hold it");
            assert_eq!(steps(&report)[3], ("header", "failed"));
        } else {
            assert_eq!(report.outcome, Outcome::Passed, "{report:#?}");
            assert!(requests[3].contains(&format!("x-v: <{value}>\r\n")), "{:?}", requests[3]);
        }
    }
}

#[tokio::test]
async fn value_that_leads_elsewhere_fails_its_step() {
    for value in ["", ".", "..", "   ", "a\r\nx-admin: 1"] {
        let body = serde_json::json!({ "v": format!("<{value}>") }).to_string();
        let server = Server::plain(move |_| answer("200 OK", &body)).await;
        let flow = |place: &str| {
            format!(
                "steps = [{{ name = \"take\", path = \"/t\", capture.v = {{ json = \"/v\", regex = '(?s)<(.*)>' }} }},\n\
                 {{ name = \"use\", {place} }}]"
            )
        };
        let is_line = value.contains('\n');
        let place = if is_line { "path = \"/x\", headers = { x-v = \"{v}\" }" } else { "path = \"/x/{v}\"" };
        let failed = report(&server, &flow(place)).await;
        assert!(matches!(failed.outcome, Outcome::Failed { .. }), "{value:?}: {failed:#?}");
        assert_eq!(server.requests().len(), 2, "{value:?}: two attempts without the second request");
    }
}

#[tokio::test]
async fn value_that_is_no_number_fails_its_step() {
    let server = Server::plain(|_| answer("200 OK", r#"{"v":"1,\"admin\":true"}"#)).await;
    let flow = r#"
steps = [
  { name = "take", path = "/t", capture.v = { json = "/v" } },
  { name = "use", path = "/x", method = "POST", body.json = { n = "{v:number}" } },
]
"#;
    let report = report(&server, flow).await;
    let Outcome::Failed { failures } = &report.outcome else { panic!("{report:#?}") };
    let said = format!("{}: {}", failures[0].expected, failures[0].actual);
    assert_eq!(said, r#"a number in {v}: 1,"admin":true"#);
}
